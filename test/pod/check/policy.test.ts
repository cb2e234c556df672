import { describe, expect, it } from 'vitest';
import { InvalidPodError } from '../../../src/errors.js';
import {
  assertPodPolicy,
  checkOverridePolicy,
  checkPodPolicy,
  matchesPattern,
  type PodPolicy,
} from '../../../src/pod/check/policy.js';

const pod = (spec: object = {}, container: object = {}) => ({
  metadata: { namespace: 'jobs' },
  spec: { containers: [{ name: 'base', image: 'registry.example.com/team/app:1', ...container }], ...spec },
});

describe('a policy for pods', () => {
  it.each<[string, PodPolicy, object, string, unknown]>([
    [
      'images',
      { images: ['registry.example.com/*'] },
      pod({}, { image: 'evil.io/x' }),
      'spec.containers[0].image',
      'evil.io/x',
    ],
    [
      'images of init containers',
      { images: ['registry.example.com/*'] },
      pod({ initContainers: [{ name: 'i', image: 'x' }] }),
      'spec.initContainers[0].image',
      'x',
    ],
    [
      'requests',
      { maxResources: { cpu: '2' } },
      pod({}, { resources: { requests: { cpu: '2001m' } } }),
      'spec.containers[0].resources.requests.cpu',
      '2001m',
    ],
    [
      'limits',
      { maxResources: { memory: '1Gi' } },
      pod({}, { resources: { limits: { memory: '2G' } } }),
      'spec.containers[0].resources.limits.memory',
      '2G',
    ],
    [
      'GPUs',
      { maxResources: { 'nvidia.com/gpu': '0' } },
      pod({}, { resources: { limits: { 'nvidia.com/gpu': 1 } } }),
      'spec.containers[0].resources.limits["nvidia.com/gpu"]',
      1,
    ],
    [
      'limits that must be',
      { requireLimits: ['memory'] },
      pod({}, { resources: { limits: { cpu: 1 } } }),
      'spec.containers[0].resources.limits.memory',
      undefined,
    ],
    [
      'service accounts',
      { serviceAccounts: ['task-*'] },
      pod({ serviceAccountName: 'admin' }),
      'spec.serviceAccountName',
      'admin',
    ],
    ['the default service account', { serviceAccounts: ['task-*'] }, pod(), 'spec.serviceAccountName', 'default'],
    [
      'the old name of a service account',
      { serviceAccounts: ['task-*'] },
      pod({ serviceAccount: 'admin' }),
      'spec.serviceAccountName',
      'admin',
    ],
    ['namespaces', { namespaces: ['other'] }, pod(), 'metadata.namespace', 'jobs'],
    [
      'volumes',
      { volumeTypes: ['emptyDir'] },
      pod({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
      'spec.volumes[0].hostPath',
      undefined,
    ],
    [
      'paths on a node',
      { hostPaths: ['/data/*'] },
      pod({ volumes: [{ name: 'v', hostPath: { path: '/etc' } }] }),
      'spec.volumes[0].hostPath.path',
      '/etc',
    ],
    [
      'priority classes',
      { priorityClasses: [] },
      pod({ priorityClassName: 'system-node-critical' }),
      'spec.priorityClassName',
      'system-node-critical',
    ],
    [
      'privileges',
      { privileged: false },
      pod({}, { securityContext: { privileged: true } }),
      'spec.containers[0].securityContext.privileged',
      true,
    ],
    ['the network of the node', { hostNamespaces: false }, pod({ hostNetwork: true }), 'spec.hostNetwork', true],
    ['a deadline that must be', { maxDeadlineSeconds: 60 }, pod(), 'spec.activeDeadlineSeconds', undefined],
    [
      'a deadline too late',
      { maxDeadlineSeconds: 60 },
      pod({ activeDeadlineSeconds: 61 }),
      'spec.activeDeadlineSeconds',
      61,
    ],
  ])('names path and value: %s', (_, policy, given, path, value) => {
    const problems = checkPodPolicy(given, policy);
    expect(problems.map((one) => [one.field, one.value])).toEqual([[path, value]]);
    expect(problems[0]?.rule).toMatch(/policy/);
    expect(checkPodPolicy(given, {})).toEqual([]);
  });

  it('takes what it allows', () => {
    const given = pod(
      {
        serviceAccountName: 'task-a',
        activeDeadlineSeconds: 60,
        volumes: [{ name: 'v', emptyDir: {} }, { name: 'w' }],
      },
      { resources: { requests: { cpu: '2' }, limits: { cpu: '2', memory: '1Gi' } } },
    );
    const policy = {
      images: ['registry.example.com/*'],
      maxResources: { cpu: '2000m', memory: '1024Mi' },
      requireLimits: ['memory'],
      serviceAccounts: ['task-*'],
      namespaces: ['jobs'],
      volumeTypes: ['emptyDir'],
      hostPaths: [],
      privileged: false,
      hostNamespaces: false,
      maxDeadlineSeconds: 60,
    };
    expect(checkPodPolicy(given, policy)).toEqual([]);
    expect(() => assertPodPolicy(given, policy)).not.toThrow();
  });
});

describe('fields that a task may set', () => {
  const base = pod();
  const allow = ['spec.containers[*].resources', 'spec.containers[*].env', 'metadata.labels', 'spec.nodeSelector'];
  const refused = (layer: object, policy: PodPolicy = { allow }) =>
    checkOverridePolicy(layer, base, policy).map(({ field }) => field);

  it('takes allowed fields, addressed through the containers that are there', () => {
    expect(refused({ kind: 'Pod', metadata: { labels: { a: 'b' } }, spec: { nodeSelector: {} } })).toEqual([]);
    expect(
      refused({ spec: { containers: [{ name: 'base', resources: { limits: { cpu: 1 } }, env: [{ name: 'A' }] }] } }),
    ).toEqual([]);
    expect(refused({ spec: { containers: [{ name: 'base' }] } })).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['another field', { spec: { hostNetwork: true } }, 'spec.hostNetwork'],
    ['a deletion', { spec: { securityContext: null } }, 'spec.securityContext'],
    [
      'a field beside an allowed one',
      { spec: { containers: [{ name: 'base', image: 'x' }] } },
      'spec.containers[0].image',
    ],
    ['a new container', { spec: { containers: [{ name: 'miner', resources: {} }] } }, 'spec.containers'],
    [
      'a container that is taken away',
      { spec: { containers: [{ name: 'base', $patch: 'delete' }] } },
      'spec.containers[0].$patch',
    ],
    ['a list that is replaced', { spec: { containers: [{ $patch: 'replace' }] } }, 'spec.containers'],
    ['an empty list', { spec: { containers: [] } }, 'spec.containers'],
    ['a name that only begins alike', { metadata: { labelsX: {} } }, 'metadata.labelsX'],
    ['a volume', { spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] } }, 'spec.volumes'],
  ])('refuses %s', (_, layer, path) => {
    expect(refused(layer)).toEqual([path]);
    expect(() => assertPodPolicy(base, { allow }, { layer, base })).toThrow(InvalidPodError);
  });

  it('denies a field though it is allowed, and what contains it', () => {
    const policy = { allow: ['metadata', 'spec'], deny: ['spec.securityContext.runAsUser'] };
    expect(refused({ spec: { securityContext: { runAsUser: 0 } } }, policy)).toEqual([
      'spec.securityContext.runAsUser',
    ]);
    expect(refused({ spec: { securityContext: null } }, policy)).toEqual(['spec.securityContext']);
    expect(refused({ spec: { securityContext: { fsGroup: 1 } } }, policy)).toEqual([]);
  });
});

describe('patterns', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a', false],
    ['a/b', '*', true],
    ['', '*', true],
    ['a/b', 'a/*', true],
    ['ab', 'a*b', true],
    ['ab', 'ab*ab', false],
    ['aXbXc', 'a*b*c', true],
    ['aXc', 'a*b*c', false],
    ['abc', '*bc*c', false],
  ])('%s and %s: %s', (value, pattern, expected) => {
    expect(matchesPattern(value, pattern)).toBe(expected);
  });

  it('take no longer for hostile ones', () => {
    expect(matchesPattern('a'.repeat(5_000), `${'*a'.repeat(500)}*b`)).toBe(false);
  });
});
