/** The kubelet and the API server quote what they were given; what looks like a secret must not reach the host, its logs or its files. */
import { expect, it } from 'vitest';
import { explainPod } from '../../src/lifecycle/explain.js';
import { KubeKit, once, work } from './kube-kit.js';

const kit = KubeKit.use({ kubelet: 'none' });

const QUOTED = 'failed to create containerd task: exec: "sync --password=hunter2": not executable';

const base = (state: object) => ({
  phase: 'Pending' as const,
  containerStatuses: [{ name: 'base', image: 'any', imageID: '', ready: false, restartCount: 0, state }],
});

it('takes them out of why a task waits, why it is launched again, and why it failed', async () => {
  const executor = await kit.connect({ incidents: {}, retry: once, timeouts: { broken: '2m' } });
  const heard: string[] = [];
  for (const event of ['task:pending', 'task:warning', 'task:relaunch'] as const)
    executor.on(event, (news) => heard.push(JSON.stringify(news)));
  const run = executor.queueTask(work());
  const waiting = base({ waiting: { reason: 'CreateContainerError', message: QUOTED } });
  await kit.play(waiting, 'node-0');

  expect(executor.pending(run.key)?.summary).toContain('--password=[redacted]');
  expect(explainPod(await kit.onlyPod()).summary).toContain('--password=[redacted]');
  const outcome = await kit.ended(run);

  expect(outcome).toMatchObject({ state: 'failed', verdict: { kind: 'container_create_failed' } });
  expect(JSON.stringify(outcome)).toContain('--password=[redacted]');
  expect(heard.join()).toContain('--password=[redacted]');
  for (const text of [JSON.stringify(outcome), heard.join(), executor.incident(run.key)])
    expect(text).not.toContain('hunter2');
});

it('takes them out of how a program could not be started, with the patterns of the host', async () => {
  const executor = await kit.connect({ incidents: {}, retry: once, secretPatterns: [/containerd \w+/g] });
  const run = executor.queueTask(work());
  const terminated = { exitCode: 128, reason: 'StartError', message: QUOTED, finishedAt: '2026-01-01T00:00:00Z' };
  await kit.play({ ...base({ terminated }), phase: 'Failed' }, 'node-0');
  const outcome = await kit.ended(run);

  const told = `${JSON.stringify(outcome)}${executor.incident(run.key)}`;
  expect(told).toContain('failed to create [redacted]: exec');
  expect(told).not.toContain('containerd task');
});
