import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueuedTask } from '../../src/core/outcome.js';
import { keyToString, taskInstanceKey } from '../../src/core/task-key.js';
import { annotationsToKey, makeSafeLabelValue, makeSafePodName } from '../../src/pod/names.js';
import { TemplatePodGenerator } from '../../src/pod/pod-generator.js';
import { deserializePod, serializePod } from '../../src/pod/pod-template.js';
import { decodeSpent } from '../../src/pod/system-fields.js';
import type { Pod } from '../../src/wire/types.js';

const key = taskInstanceKey({ dagId: 'orders', taskId: 'load', runId: 'manual__2026-01-01T00:00:00+00:00' });
const task = (executorConfig?: object, more: Partial<QueuedTask> = {}): QueuedTask => ({
  key,
  command: ['python', 'load.py', '--all'],
  queue: 'kubernetes',
  priority: 0,
  executorConfig,
  ...more,
});
const context = { launch: 1, spent: { infra: 0, oom: 0, task: 0 }, executorId: 'scheduler-1' };
const template: Pod = {
  metadata: { labels: { app: 'worker' }, annotations: { note: 'x' } },
  spec: {
    serviceAccountName: 'worker',
    nodeSelector: { zone: 'a' },
    containers: [
      { name: 'proxy', image: 'proxy:1' },
      {
        name: 'base',
        image: 'app:1',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
        resources: { requests: { cpu: '1', memory: '1Gi' } },
      },
    ],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
};
const generate = (executorConfig?: object, options = {}) =>
  new TemplatePodGenerator({ template, namespace: 'jobs', ...options }).generate(task(executorConfig), context);
const base = (pod: Pod) => pod.spec?.containers.find(({ name }) => name === 'base');

describe('the pod of a task', () => {
  it('carries command, identity and defaults over its template', () => {
    const pod = generate();
    expect(base(pod)).toMatchObject({
      image: 'app:1',
      command: ['python'],
      args: ['load.py', '--all'],
      terminationMessagePolicy: 'FallbackToLogsOnError',
    });
    expect(pod.spec).toMatchObject({
      restartPolicy: 'Never',
      serviceAccountName: 'worker',
      nodeSelector: { zone: 'a' },
    });
    expect(pod.spec?.containers.map(({ name }) => name)).toEqual(['proxy', 'base']);
    expect(pod.metadata).toMatchObject({
      namespace: 'jobs',
      labels: {
        app: 'worker',
        'app.kubernetes.io/managed-by': 'podwright',
        'podwright.dev/executor-id': 'scheduler-1',
        'podwright.dev/dag-id': 'orders',
        'podwright.dev/try-number': '1',
      },
      annotations: { note: 'x', 'podwright.dev/launch': '1', 'podwright.dev/queue': 'kubernetes' },
    });
    expect(annotationsToKey(pod.metadata?.annotations)).toEqual(key);
    expect(base(pod)?.env).toContainEqual({ name: 'PODWRIGHT_RUN_ID', value: key.runId });
  });

  it('takes the flat form in snake_case and camelCase, also below KubernetesExecutor', () => {
    const flat = {
      image: 'app:2',
      request_memory: '2Gi',
      limit_cpu: '2',
      env_vars: [{ name: 'B', value: '3' }],
      labels: { team: 'x' },
      node_selector: { disk: 'ssd' },
      namespace: 'gpu',
    };
    const camel = {
      image: 'app:2',
      requestMemory: '2Gi',
      limitCpu: '2',
      env: { B: '3' },
      labels: { team: 'x' },
      nodeSelector: { disk: 'ssd' },
      namespace: 'gpu',
    };
    for (const config of [
      flat,
      camel,
      { KubernetesExecutor: flat },
      { KubernetesExecutor: camel, LocalExecutor: { cwd: '/' } },
    ]) {
      const pod = generate(config);
      expect(base(pod)).toMatchObject({
        image: 'app:2',
        resources: { requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '2' } },
      });
      expect(base(pod)?.env?.filter(({ name }) => name.length === 1)).toEqual([
        { name: 'A', value: '1' },
        { name: 'B', value: '3' },
      ]);
      expect(pod.spec?.nodeSelector).toEqual({ zone: 'a', disk: 'ssd' });
      expect(pod.metadata).toMatchObject({ namespace: 'gpu', labels: { team: 'x', app: 'worker' } });
    }
  });

  it('gives secrets as variables, as files, and whole', () => {
    const pod = generate({
      secrets: [
        { deploy_type: 'env', deploy_target: 'DB_PASSWORD', secret: 'db', key: 'password' },
        { deployType: 'volume', deployTarget: '/keys', secret: 'ssh' },
        { deployType: 'env', secret: 'everything' },
      ],
    });
    expect(base(pod)?.env).toContainEqual({
      name: 'DB_PASSWORD',
      valueFrom: { secretKeyRef: { name: 'db', key: 'password' } },
    });
    expect(base(pod)?.envFrom).toEqual([{ secretRef: { name: 'everything' } }]);
    const [mount] = base(pod)?.volumeMounts ?? [];
    expect(mount).toEqual({ name: expect.stringMatching(/^secret-[a-z2-7]{10}$/), mountPath: '/keys', readOnly: true });
    expect(pod.spec?.volumes).toContainEqual({ name: mount?.name, secret: { secretName: 'ssh' } });
  });

  it('merges the override last, by the names of containers, volumes and variables, falsy values too', () => {
    const pod = generate({
      image: 'app:2',
      pod_override: {
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 0,
          containers: [
            { name: 'base', image: 'app:3', env: [{ name: 'A', value: '' }], resources: { requests: { cpu: '3' } } },
            { name: 'log', image: 'log:1' },
          ],
          volumes: [{ name: 'extra', emptyDir: {} }],
        },
      },
    });
    expect(base(pod)).toMatchObject({ image: 'app:3', resources: { requests: { cpu: '3', memory: '1Gi' } } });
    expect(base(pod)?.env?.slice(0, 2)).toEqual([
      { name: 'A', value: '' },
      { name: 'B', value: '2' },
    ]);
    expect(pod.spec).toMatchObject({ automountServiceAccountToken: false, terminationGracePeriodSeconds: 0 });
    expect(pod.spec?.containers.map(({ name }) => name).sort()).toEqual(['base', 'log', 'proxy']);
    expect(pod.spec?.volumes?.map(({ name }) => name).sort()).toEqual(['data', 'extra']);
  });

  it('lets the mutation hook change everything but the identity', () => {
    const mutatePod = (pod: Pod) => {
      if (pod.metadata) pod.metadata = { ...pod.metadata, name: 'other', labels: { mine: 'yes' } };
      if (pod.spec) pod.spec.hostNetwork = true;
      return pod;
    };
    const pod = generate(undefined, { mutatePod });
    expect(pod.spec?.hostNetwork).toBe(true);
    expect(pod.metadata?.name).toBe(makeSafePodName(key, 1));
    expect(pod.metadata?.labels).toMatchObject({ mine: 'yes', 'podwright.dev/executor-id': 'scheduler-1' });
  });

  it('leaves template and executor config as they were', () => {
    const config = Object.freeze({
      labels: Object.freeze({ a: 'b' }),
      podOverride: { spec: { containers: [{ name: 'base', image: 'z' }] } },
    });
    const before = structuredClone({ template, config });
    generate(config);
    expect({ template, config }).toEqual(before);
  });

  it('counts what was spent, and reads it back', () => {
    const pod = new TemplatePodGenerator({ template }).generate(task(), {
      ...context,
      launch: 3,
      spent: { infra: 1, oom: 1, task: 0 },
    });
    expect(decodeSpent(pod.metadata?.annotations?.['podwright.dev/spent'])).toEqual({ infra: 1, oom: 1, task: 0 });
    expect(decodeSpent('nonsense')).toEqual({ infra: 0, oom: 0, task: 0 });
    expect(decodeSpent(undefined)).toEqual({ infra: 0, oom: 0, task: 0 });
  });

  it('refuses a task without an image, and says where to put one', () => {
    expect(() => new TemplatePodGenerator().generate(task(), context)).toThrowError(/Container base has no image/);
  });

  it.each([
    [{ imagee: 'x' }, /executorConfig\.imagee is not known to KubernetesExecutor; did you mean image\?/],
    [{ image: 5 }, /executorConfig\.image must be a non-empty string/],
    [{ labels: { a: 1 } }, /executorConfig\.labels\.a must be a string/],
    [
      { secrets: [{ deploy_type: 'file', secret: 'x' }] },
      /executorConfig\.secrets\[0\]\.deployType must be env or volume/,
    ],
    [{ KubernetesExecutor: { request_memroy: '1Gi' } }, /did you mean requestMemory/],
  ])('refuses %j', (config, message) => {
    expect(() => generate(config)).toThrowError(message);
  });
});

describe('templates', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  it('are read from YAML files, per executor and per task', () => {
    const ours = file('ours.yaml', 'kind: Pod\nspec:\n  containers:\n  - {name: base, image: "from:file"}\n');
    const theirs = file('theirs.yaml', 'spec: {containers: [{name: base, image: "of:task"}]}\n');
    const generator = new TemplatePodGenerator({ template: ours });
    expect(base(generator.generate(task(), context))?.image).toBe('from:file');
    expect(base(generator.generate(task({ kubernetes_config: { pod_template_file: theirs } }), context))?.image).toBe(
      'of:task',
    );
  });

  it.each([
    ['missing.yaml', undefined, /cannot be read: ENOENT/],
    ['broken.yaml', 'spec: [', /is no valid YAML/],
    ['job.yaml', 'kind: Job\n', /has kind "Job", not Pod/],
    ['list.yaml', '- a\n', /is no object/],
    [
      'containers.yaml',
      'spec: {containers: {name: base}}',
      /\(line 1\) has spec\.containers that is no list of containers/,
    ],
  ])('that are wrong are refused: %s', (name, text, message) => {
    const path = text === undefined ? join(folder, name) : file(name, text);
    expect(() => new TemplatePodGenerator({ template: path })).toThrowError(message);
  });

  it('never appear in an error, for they may hold secrets', () => {
    const path = file('secret.yaml', 'spec:\n  password: hunter2\n   bad: indent\n');
    expect(() => new TemplatePodGenerator({ template: path })).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('survive a round trip, dates and octals included', () => {
    const pod: Pod = {
      metadata: { annotations: { date: '2020-01-01', on: 'yes', mode: '0644' } },
      spec: { containers: [{ name: 'base' }] },
    };
    expect(deserializePod(serializePod(pod))).toEqual(pod);
  });
});

describe('names', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 200 });

  it('are valid DNS labels, the same for the same launch and different for different ones', () => {
    fc.assert(
      fc.property(text, text, text, fc.integer({ min: 1, max: 99 }), (dag, id, run, launch) => {
        const one = taskInstanceKey({ dagId: dag || 'd', taskId: id || 't', runId: run || 'r', tryNumber: launch });
        const name = makeSafePodName(one, launch);
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        expect(name.length).toBeLessThanOrEqual(63);
        expect(makeSafePodName({ ...one }, launch)).toBe(name);
        expect(makeSafePodName(one, launch + 1)).not.toBe(name);
        expect(makeSafePodName({ ...one, runId: `${one.runId}x` }, launch)).not.toBe(name);
      }),
    );
  });

  it('make label values that Kubernetes accepts, and keep those that are fine', () => {
    fc.assert(
      fc.property(text, (value) => {
        const safe = makeSafeLabelValue(value);
        expect(safe).toMatch(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/);
        expect(safe.length).toBeLessThanOrEqual(63);
        expect(makeSafeLabelValue(safe)).toBe(safe);
      }),
    );
    expect(makeSafeLabelValue('a-fine_value.1')).toBe('a-fine_value.1');
    expect(makeSafeLabelValue('a/b')).not.toBe(makeSafeLabelValue('a:b'));
    expect(makeSafeLabelValue('///')).toMatch(/^[a-z2-7]{10}$/);
  });

  it('tell keys apart, whatever characters their parts hold', () => {
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        const one = { dagId: a || 'x', taskId: b || 'x', runId: 'r' };
        const other = { dagId: c || 'x', taskId: d || 'x', runId: 'r' };
        expect(keyToString(one) === keyToString(other)).toBe(one.dagId === other.dagId && one.taskId === other.taskId);
      }),
    );
  });

  it('are read back only from annotations that hold a whole key', () => {
    for (const value of [undefined, '', '{', '[]', '{"dagId":"d"}', 'null'])
      expect(annotationsToKey(value === undefined ? {} : { 'podwright.dev/key': value })).toBeUndefined();
  });
});
