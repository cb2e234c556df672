import { describe, expect, it } from 'vitest';
import { call, PODS, pod } from '../testing/call.js';
import { CliCluster } from './cli-cluster.js';
import { runCli } from './run-cli.js';

const kit = CliCluster.use();

describe('podwright cleanup-pods', () => {
  it('says what would go, then deletes it, and tells what failed by its exit code', async () => {
    const script = { 'testing.podwright.dev/duration': '1ms' };
    for (const name of ['a', 'b']) await call(kit.cluster.transport(), 'POST', PODS, pod(name, {}, script));
    await kit.cluster.waitFor(({ name, phase }) => name === 'a' && phase === 'Succeeded');
    await kit.cluster.waitFor(({ name, phase }) => name === 'b' && phase === 'Succeeded');
    const clean = (...args: string[]) => runCli(['cleanup-pods', '--kubeconfig', kit.kubeconfig, ...args]);
    expect((await clean()).stdout).toBe('2 pods, 0 deleted, 0 failed, kept: 2 young\n');
    const dry = await clean('--older-than', '0s', '--dry-run');
    expect(dry.stdout).toMatch(/^default\/a {2}completed, .* ago\ndefault\/b .*\n2 pods, 2 would be deleted\n$/);
    kit.cluster.faults.add({ verb: 'delete', name: 'b', status: 403, message: 'not you' });
    const half = await clean('--older-than', '0s', '--json', '-n', 'default');
    expect(half.code).toBe(1);
    expect(JSON.parse(half.stdout)).toMatchObject({ deleted: 1, failures: [{ subject: 'default/b' }] });
    const wrong = await clean('--older-than', 'yesterday');
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining("option '--older-than <age>' argument 'yesterday' is invalid. It must be a duration"),
    ]);
  });
});
