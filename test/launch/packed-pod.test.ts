import { expect, it } from 'vitest';
import { packPod, unpackPod } from '../../src/launch/packed-pod.js';

it('gives back metadata and spec to the letter, in a fraction of the room', () => {
  const pod = {
    metadata: { name: 'naïve-✓', namespace: 'default', labels: { 'podwright.dev/run-id': 'r' } },
    spec: {
      containers: [
        { name: 'base', image: 'x', command: ['sh', '-c', 'echo "€"'], terminationMessagePath: '/dev/termination-log' },
      ],
      schedulerName: 'default-scheduler',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
  };
  const packed = packPod({ ...pod, status: { phase: 'Running' } });
  expect(unpackPod(packed)).toEqual(pod);
  expect(packed.length).toBeLessThan(JSON.stringify(pod).length / 2);
});
