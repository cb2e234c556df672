import { describe, expect, it } from 'vitest';
import { call, PODS, pod } from '../testing/call.js';
import { CliCluster } from './cli-cluster.js';
import { runCli } from './run-cli.js';

const kit = CliCluster.use();

describe('podwright explain', () => {
  it('tells why somebody’s pod has failed, with its log but without the secrets in it', async () => {
    const script = {
      'testing.podwright.dev/result': 'OOMKilled',
      'testing.podwright.dev/duration': '10ms',
      'testing.podwright.dev/log': 'connecting with password=hunter2',
    };
    await call(kit.cluster.transport(), 'POST', PODS, pod('big', {}, script));
    await kit.cluster.waitFor(({ phase }) => phase === 'Failed');
    const text = await runCli(['explain', 'big', '--kubeconfig', kit.kubeconfig]);
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('default/big: failed, oom_killed (blame: task, certain)');
    expect(text.stdout).toContain('what to do');
    expect(text.stdout).toContain('password=[redacted]');
    expect(text.stdout).not.toContain('hunter2');
    const json = await runCli(['explain', 'big', '--kubeconfig', kit.kubeconfig, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ state: 'failed', verdict: { kind: 'oom_killed' } });
  });

  it('says so where there is no such pod', async () => {
    const { code, stderr } = await runCli(['explain', 'nobody', '-n', 'default', '--kubeconfig', kit.kubeconfig]);
    expect(code).toBe(1);
    expect(stderr).toContain('There is no pod default/nobody');
  });
});
