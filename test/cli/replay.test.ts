import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import { runCli } from './run-cli.js';

let folder: string;
let cluster: FakeCluster<VirtualClock>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
  cluster = await FakeCluster.start({ seed: 3, clock: 'virtual', kubelet: 'scripted', nodes: 2 });
});
afterEach(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

/** Runs one task to its end; resolves with the files that were written. */
async function incidentsOf(
  annotations: Record<string, string>,
  options: Partial<KubernetesExecutorOptions>,
  meanwhile: (executor: KubernetesExecutor) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const executor = new KubernetesExecutor({
    kubeClient: cluster.kubeClient(),
    clock: cluster.clock,
    random: seededRandom(5),
    drive: 'self',
    config: { image: 'x' },
    incidents: { directory: folder },
    ...options,
  });
  await executor.start();
  executor.queueTask({
    key: { dagId: 'd', taskId: 't', runId: 'r' },
    command: ['x'],
    executorConfig: { annotations, env: { PASSWORD: 'hunter2' } },
  });
  await cluster.clock.advance('5s');
  await meanwhile(executor);
  await cluster.clock.advance('20m');
  const ending = executor.end();
  await cluster.clock.advance('1m');
  await ending;
  return readdirSync(folder).map((file) => join(folder, file));
}

describe('an incident', () => {
  it('is written where a task fails, without its environment, and gives the same again', async () => {
    const files = await incidentsOf(
      { 'testing.podwright.dev/duration': '1m', 'testing.podwright.dev/exit-code': '3' },
      { retry: { infra: { max: 2 } } },
      () => cluster.when(({ phase }) => phase === 'Running').evict(),
    );
    expect(files).toHaveLength(1);
    const [file = ''] = files;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('hunter2');
    const types = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types[0]).toBe('incident');
    expect(types).toContain('relaunch');
    expect(types.at(-1)).toBe('outcome');
    const { code, stdout } = await runCli(['replay', file]);
    expect(stdout).toContain('is launched again after evicted');
    expect(stdout).toContain('then: app_exit; replayed: app_exit');
    expect(code).toBe(0);
  });

  it('replays a wait that came to its limit', async () => {
    const [file = ''] = await incidentsOf(
      { 'testing.podwright.dev/result': 'CreateContainerConfigError' },
      { timeouts: { broken: '3m' } },
    );
    const { code, stdout } = await runCli(['replay', file, '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ told: 'config_error.secret', replayed: 'config_error.secret', isSame: true }),
    ]);
  });

  it('tells where something else comes of it, under other rules', async () => {
    const [file = ''] = await incidentsOf(
      { 'testing.podwright.dev/duration': '1h' },
      { retry: { infra: { max: 0 } } },
      () => cluster.when(({ phase }) => phase === 'Running').evict(),
    );
    expect((await runCli(['replay', file])).stdout).toContain('then: evicted; replayed: evicted');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"kind":"evicted"', '"kind":"oom_killed"'));
    const { code, stdout } = await runCli(['replay', file]);
    expect([code, stdout]).toEqual([1, expect.stringContaining('then: oom_killed; replayed: evicted (not the same)')]);
  });

  it('can be read while the task is live, and is bounded', async () => {
    let live = '';
    await incidentsOf({ 'testing.podwright.dev/duration': '1m' }, { incidents: { entries: 3 } }, async (executor) => {
      live = executor.incident({ dagId: 'd', taskId: 't', runId: 'r' }) ?? '';
      expect(executor.incident({ dagId: 'd', taskId: 'other', runId: 'r' })).toBeUndefined();
    });
    expect(live.trim().split('\n')).toHaveLength(4);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says what is no record', async () => {
    const file = join(folder, 'x.jsonl');
    writeFileSync(file, '{"type":"other"}\n');
    const { code, stderr } = await runCli(['replay', file]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('its first line is not of type "incident"')]);
    expect((await runCli(['replay', join(folder, 'nothing')])).stderr).toContain('ENOENT');
  });

  it('says what is wrong with its options', () => {
    const options = { kubeClient: cluster.kubeClient(), config: { image: 'x' } };
    expect(() => new KubernetesExecutor({ ...options, incidents: { entries: 0, directory: '' } })).toThrow(
      /incidents\.entries.*incidents\.directory/s,
    );
  });
});
