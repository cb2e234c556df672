import { beforeAll, expect, it } from 'vitest';
import { FINALIZER, LABELS, MANAGED_BY } from '../../src/wire/names.js';
import { CliCluster } from './cli-cluster.js';
import { runCli } from './run-cli.js';

const kit = CliCluster.use({ kubelet: 'none' });
beforeAll(async () => {
  for (const [name, executor, finalizers] of [
    ['a', 'one', [FINALIZER, 'example.org/other']],
    ['b', 'one', [FINALIZER]],
    ['c', 'two', [FINALIZER]],
    ['d', 'one', []],
  ] as const)
    await kit.cluster.kubeClient().createPod('default', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        labels: { [LABELS.managedBy]: MANAGED_BY, [LABELS.executorId]: executor },
        finalizers: [...finalizers],
      },
      spec: { containers: [{ name: 'base', image: 'x' }] },
    });
  await kit.cluster.kubeClient().deletePod('default', 'b');
});

const finalizers = () =>
  Object.fromEntries(kit.cluster.pods().map(({ metadata }) => [metadata?.name, metadata?.finalizers ?? []]));
const run = (...args: string[]) => runCli(['release-finalizers', '--kubeconfig', kit.kubeconfig, ...args]);

it('wants to know whose pods are meant', async () => {
  const { code, stderr } = await run();
  expect(code).toBe(2);
  expect(stderr).toContain('--executor <id>, or --all');
});

it('tells what it would do, and does it for the pods of one executor', async () => {
  const dry = await run('--executor', 'one', '--dry-run');
  expect(dry.stdout).toContain('2 would be released, 0 failed');
  expect(finalizers().b).toEqual([FINALIZER]);
  const { code, stdout } = await run('--executor', 'one');
  expect([code, stdout]).toEqual([
    0,
    'default/a of one: released\ndefault/b of one: released, and gone\n2 released, 0 failed\n',
  ]);
  expect(finalizers()).toEqual({ a: ['example.org/other'], c: [FINALIZER], d: [] });
});

it('goes on after an error, and tells it', async () => {
  kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 403, times: 1 });
  const { code, stdout } = await run('--all', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject([
    { pod: 'default/c', executor: 'two', error: expect.stringContaining('403') },
  ]);
});
