import { expect, it } from 'vitest';
import { checkPod } from '../../../src/pod/check/pod-check.js';
import { withRestrictedDefaults } from '../../../src/pod/check/restricted.js';
import type { Pod } from '../../../src/wire/types.js';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'task' },
  spec: {
    containers: [
      { name: 'base', image: 'i' },
      {
        name: 'own',
        image: 'i',
        securityContext: { allowPrivilegeEscalation: true, capabilities: { drop: [], add: ['NET_BIND_SERVICE'] } },
      },
    ],
    initContainers: [{ name: 'init', image: 'i' }],
  },
} as unknown as Pod;

it('gives a pod what the level "restricted" asks for, and leaves alone what it says itself', () => {
  const before = structuredClone(pod);
  const { spec } = withRestrictedDefaults(pod);
  const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  expect(spec?.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(spec?.containers.map(({ securityContext }) => securityContext)).toEqual([
    restricted,
    { allowPrivilegeEscalation: true, capabilities: { drop: [], add: ['NET_BIND_SERVICE'] } },
  ]);
  expect(spec?.initContainers?.[0]?.securityContext).toEqual(restricted);
  expect(pod).toEqual(before);
  expect(checkPod(withRestrictedDefaults(pod))).toEqual([]);
});
