import { describe, expect, it } from 'vitest';
import { lintPod, POD_LINTS } from '../../../src/pod/check/lint.js';

const resources = { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } };
const pod = (container: object = {}, spec: object = {}) => ({
  spec: { containers: [{ name: 'base', image: 'repo/app:1', resources, ...container }], ...spec },
});
const env = (name: string, value: string) => ({ env: [{ name, value }] });

describe('what is seldom wise in a pod', () => {
  it.each<[string, object, string]>([
    [
      'no-limits',
      pod({ resources: { requests: { cpu: 1, memory: 1 } } }),
      'spec.containers[0].resources.limits.memory',
    ],
    ['no-requests', pod({ resources: { limits: { memory: 1 } } }), 'spec.containers[0].resources.requests.cpu'],
    ['latest-image', pod({ image: 'repo/app' }), 'spec.containers[0].image'],
    ['latest-image', pod({ image: 'host:5000/app' }), 'spec.containers[0].image'],
    ['latest-image', pod({ image: 'app:latest' }), 'spec.containers[0].image'],
    ['secret-in-env', pod(env('DB_PASSWORD', 'hunter2')), 'spec.containers[0].env[0].value'],
    ['secret-in-env', pod(env('URL', 'postgres://u:hunter2@db/x')), 'spec.containers[0].env[0].value'],
    ['privileged', pod({ securityContext: { privileged: true } }), 'spec.containers[0].securityContext.privileged'],
    ['runs-as-root', pod({ securityContext: { runAsUser: 0 } }), 'spec.containers[0].securityContext.runAsUser'],
    ['runs-as-root', pod({}, { securityContext: { runAsUser: 0 } }), 'spec.securityContext.runAsUser'],
    ['host-path', pod({}, { volumes: [{ name: 'v', hostPath: { path: '/' } }] }), 'spec.volumes[0].hostPath'],
    ['host-namespace', pod({}, { hostPID: true }), 'spec.hostPID'],
    ['always-restarts', pod({}, { restartPolicy: 'Always' }), 'spec.restartPolicy'],
    [
      'latest-image',
      pod({}, { initContainers: [{ name: 'i', image: 'x', resources }] }),
      'spec.initContainers[0].image',
    ],
  ])('%s: %j', (lint, given, path) => {
    const found = lintPod(given);
    expect(found.map((one) => [one.lint, one.field])).toEqual([[lint, path]]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
    expect(lintPod(given, { ignore: [lint as never] })).toEqual([]);
    expect(POD_LINTS).toContain(lint);
  });

  it('finds nothing in a careful pod', () => {
    const careful = pod({
      image: `repo/app@sha256:${'a'.repeat(64)}`,
      env: [
        { name: 'MODE', value: 'fast' },
        { name: 'TOKEN', value: '' },
        { name: 'PASSWORD', value: '$(OTHER)' },
        { name: 'SECRET', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      ],
    });
    expect(lintPod(careful)).toEqual([]);
    expect(lintPod(undefined)).toEqual([]);
  });
});
