import { expect, it } from 'vitest';
import { packPod, unpackPod } from '../../src/launch/packed-pod.js';

const podOf = (task: string, env: readonly { name: string; value: string }[] = []) => ({
  metadata: {
    namespace: 'default',
    labels: { 'podwright.dev/task-id': task },
    annotations: { note: `naïve-✓ ${task}` },
  },
  spec: {
    containers: [
      {
        name: 'base',
        image: 'registry.example/team/loader:2026.11.21',
        command: ['sh', '-c', 'echo "€"'],
        env: [...env],
        terminationMessagePath: '/dev/termination-log',
      },
    ],
    schedulerName: 'default-scheduler',
    tolerations: [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ],
  },
});

it('gives back to the letter what a next launch is made from, and nothing else', () => {
  const pod = podOf('load');
  const found = { ...pod, metadata: { ...pod.metadata, name: 'load-x', uid: 'u' }, status: { phase: 'Running' } };
  const packed = packPod(found);
  expect(unpackPod(packed)).toEqual(pod);
  expect(packed.length).toBeLessThan(JSON.stringify(pod).length / 2);
});

it('packs pods that are made alike into little more than what sets them apart', () => {
  const env = Array.from({ length: 20 }, (_, index) => ({ name: `SETTING_${index}`, value: `value of ${index}` }));
  packPod(podOf('first', env));
  const other = podOf('another-task-of-the-same-kind', env);
  const packed = packPod(other);
  expect(unpackPod(packed)).toEqual(other);
  expect(packed.length).toBeLessThan(200);
});

it('gives back a pod that is like no other', () => {
  const odd = podOf('odd', [{ name: 'LARGE', value: Array.from({ length: 40_000 }, (_, n) => n.toString(36)).join() }]);
  expect(unpackPod(packPod(odd))).toEqual(odd);
});
