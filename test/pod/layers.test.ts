import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueuedTask } from '../../src/core/outcome.js';
import { taskInstanceKey } from '../../src/core/task-key.js';
import { InvalidPodError, PodTemplateError } from '../../src/errors.js';
import { TemplatePodGenerator, type TemplatePodGeneratorOptions } from '../../src/pod/pod-generator.js';
import { getBasePodFromTemplate } from '../../src/pod/pod-template.js';
import { reconcilePods } from '../../src/pod/reconcile.js';
import type { Pod } from '../../src/wire/types.js';

const task = (executorConfig?: object, queue?: string): QueuedTask => ({
  key: taskInstanceKey({ dagId: 'orders', taskId: 'load', runId: 'r1', tryNumber: 2, mapIndex: 3 }),
  command: ['python', 'load.py'],
  queue,
  priority: 0,
  executorConfig,
});
const spec = (fields: object, base: object = {}): Pod =>
  ({ spec: { ...fields, containers: [{ name: 'base', ...base }] } }) as Pod;
const render = (options: TemplatePodGeneratorOptions, executorConfig?: object, queue?: string) =>
  new TemplatePodGenerator({ image: 'app:1', ...options }).render(task(executorConfig, queue), { explain: true });
const baseOf = (pod: Pod) => pod.spec?.containers.find(({ name }) => name === 'base');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'layers-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('layers', () => {
  const layer = (name: string, from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, index) => [`l${from + index}`, name]));
  // Each layer sets the labels from its own number on, so that label n shows which layer won against all below.
  const options: TemplatePodGeneratorOptions = {
    clusterDefault: { metadata: { labels: layer('cluster', 0, 7) } },
    template: { metadata: { labels: layer('template', 1, 7) } },
    podDefaults: { labels: layer('config', 2, 7) },
    queueLayers: { 'spot-*': { labels: layer('queue', 3, 7) } },
    mutatePod: (pod) => {
      Object.assign(pod.metadata?.labels ?? {}, layer('hook', 6, 7));
      return undefined;
    },
  };
  const executorConfig = {
    labels: layer('task', 4, 7),
    podOverride: { metadata: { labels: layer('override', 5, 7) } },
  };

  it('come one over the other, and provenance names them', () => {
    const { manifest, provenance } = render(options, executorConfig, 'spot-eu');
    expect(manifest.metadata?.labels).toMatchObject({
      ...{ l0: 'cluster', l1: 'template', l2: 'config', l3: 'queue', l4: 'task', l5: 'override', l6: 'hook' },
    });
    const of = (label: string) => provenance[`metadata.labels.${label}`];
    expect(['l0', 'l1', 'l2', 'l3', 'l4', 'l5', 'l6'].map(of)).toEqual([
      'cluster default',
      'template',
      'configuration',
      "queue layer 'spot-*'",
      'executor config',
      'pod override',
      'mutation hook',
    ]);
    expect(provenance['metadata.name']).toBe('system fields');
    expect(provenance['spec.containers[0].command']).toBe('system fields');
    expect(provenance['spec.containers[0].image']).toBe('configuration');
  });

  it('name the layer of a list item, and follow items that change their places', () => {
    const { manifest, provenance } = render(
      {
        template: spec({ tolerations: [{ key: 'a' }] }, { env: [{ name: 'A', value: '1' }] }),
        queueLayers: { gpu: { tolerations: [{ key: 'gpu', operator: 'Exists' }], env: { B: '2' } } },
      },
      undefined,
      'gpu',
    );
    expect(provenance['spec.tolerations[0]']).toBe("queue layer 'gpu'");
    const env = baseOf(manifest)?.env ?? [];
    const at = (name: string) => provenance[`spec.containers[0].env[${env.findIndex((one) => one.name === name)}]`];
    expect([at('A'), at('B'), at('PODWRIGHT_RUN_ID')]).toEqual(['template', "queue layer 'gpu'", 'system fields']);
  });

  it('let explicit falsy values override', () => {
    const { manifest } = render(
      { template: spec({ hostNetwork: true, terminationGracePeriodSeconds: 30, tolerations: [{ key: 'a' }] }) },
      {
        tolerations: [],
        podOverride: { spec: { hostNetwork: false, terminationGracePeriodSeconds: 0, containers: [] } },
      },
    );
    expect(manifest.spec).toMatchObject({ hostNetwork: false, terminationGracePeriodSeconds: 0, tolerations: [] });
  });

  it('take the template of the task before that of its queue before the general one', () => {
    const file = join(folder, 'task.yaml');
    writeFileSync(file, 'metadata: {labels: {from: task}}\n');
    const templates = {
      template: { metadata: { labels: { from: 'general' } } },
      queueTemplates: {
        'gpu-*': { metadata: { labels: { from: 'prefix' } } },
        'gpu-a': { metadata: { labels: { from: 'queue' } } },
      },
    };
    const from = (executorConfig?: object, queue?: string) =>
      render(templates, executorConfig, queue).manifest.metadata?.labels?.from;
    expect([from(), from({}, 'gpu-a'), from({}, 'gpu-b'), from({ pod_template_file: file }, 'gpu-a')]).toEqual([
      'general',
      'queue',
      'prefix',
      'task',
    ]);
  });

  it('name the layer that cannot be merged', () => {
    const wrong = { podOverride: { spec: { containers: [{ name: 'base', volumeMounts: [{ name: 'x' }] }] } } };
    const template = spec({}, { volumeMounts: [{ name: 'a', mountPath: '/a' }] });
    expect(() => render({ template }, wrong)).toThrow(/The pod override cannot be merged.*merge key: mountPath/);
  });
});

it('gives a pod what the configuration says about every pod', () => {
  const { manifest } = render({
    podDefaults: {
      serviceAccountName: 'worker',
      imagePullPolicy: 'Never',
      imagePullSecrets: ['reg'],
      resources: { requests: { cpu: '1' } },
      env: { A: '1' },
      envFromSecrets: ['s'],
      envFromConfigMaps: ['c'],
      runAsUser: 50000,
      fsGroup: 0,
    },
  });
  expect(manifest.spec).toMatchObject({
    serviceAccountName: 'worker',
    imagePullSecrets: [{ name: 'reg' }],
    securityContext: { runAsUser: 50000, fsGroup: 0 },
  });
  expect(baseOf(manifest)).toMatchObject({
    imagePullPolicy: 'Never',
    resources: { requests: { cpu: '1' } },
    envFrom: [{ secretRef: { name: 's' } }, { configMapRef: { name: 'c' } }],
  });
});

it("writes Airflow's labels and variables for those who select by them", () => {
  const { manifest } = render({ labels: 'airflow' });
  expect(manifest.metadata?.labels).toMatchObject({
    dag_id: 'orders',
    task_id: 'load',
    run_id: 'r1',
    try_number: '2',
    map_index: '3',
    kubernetes_executor: 'True',
  });
  expect(baseOf(manifest)?.env).toEqual(
    expect.arrayContaining([
      { name: 'AIRFLOW_CTX_DAG_ID', value: 'orders' },
      { name: 'AIRFLOW_CTX_TRY_NUMBER', value: '2' },
      { name: 'AIRFLOW_IS_K8S_EXECUTOR_POD', value: 'True' },
    ]),
  );
});

describe('a rendering', () => {
  const config = {
    env: { DB_PASSWORD: 'hunter2', URL: 'postgres://u:hunter2@db/x', AUTHOR: 'me', MODE: 'fast' },
    annotations: { note: 'token=hunter2' },
  };
  it('hides what looks like a secret unless it is asked for', () => {
    const generator = new TemplatePodGenerator({ image: 'app:1' });
    const { manifest } = generator.render(task(config));
    expect(JSON.stringify(manifest)).not.toContain('hunter2');
    expect(baseOf(manifest)?.env).toEqual(
      expect.arrayContaining([
        { name: 'MODE', value: 'fast' },
        { name: 'AUTHOR', value: 'me' },
      ]),
    );
    expect(JSON.stringify(generator.render(task(config), { showSecrets: true }).manifest)).toContain('hunter2');
    expect(
      JSON.stringify(
        generator.generate(task(config), { launch: 1, spent: { infra: 0, oom: 0, task: 0 }, executorId: 'x' }),
      ),
    ).toContain('hunter2');
  });
});

describe('references to templates', () => {
  it('do not climb, and stay in their folder', () => {
    const inside = join(folder, 'templates');
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(inside, 'ok.yaml'), 'spec: {}\n');
    writeFileSync(join(folder, 'outside.yaml'), 'spec: {}\n');
    symlinkSync(join(folder, 'outside.yaml'), join(inside, 'link.yaml'));
    expect(getBasePodFromTemplate('ok.yaml', inside)).toEqual({ spec: {} });
    for (const wrong of [
      '../outside.yaml',
      join(folder, 'outside.yaml'),
      'link.yaml',
      'a/../../outside.yaml',
      'x\0.yaml',
      '',
    ])
      expect(() => getBasePodFromTemplate(wrong, inside), wrong).toThrow(PodTemplateError);
    expect(() => getBasePodFromTemplate(`${folder}/templates/../outside.yaml`)).toThrow(/climbs/);
  });

  it('read numbers and booleans as kubectl does, and refuse bombs and prototypes', () => {
    const write = (text: string) => {
      const file = join(folder, 'y.yaml');
      writeFileSync(file, text);
      return file;
    };
    const pod = getBasePodFromTemplate(
      write('spec: {hostNetwork: yes, volumes: [{name: a, secret: {defaultMode: 0644}}]}'),
    );
    expect(pod.spec).toEqual({ hostNetwork: true, volumes: [{ name: 'a', secret: { defaultMode: 420 } }] });
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe'].map((pair) => [...pair]))
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(',')}]`);
    expect(() => getBasePodFromTemplate(write(bomb.join('\n')))).toThrow(/aliases expand/);
    expect(() => getBasePodFromTemplate(write('spec: {__proto__: {polluted: 1}}'))).toThrow(/__proto__ is not allowed/);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

it('merges two pods as the layers do', () => {
  const base = spec({ nodeSelector: { a: '1' } }, { image: 'a', env: [{ name: 'A', value: '1' }] });
  const over = spec({ nodeSelector: null }, { env: [{ name: 'B', value: '' }] });
  expect(reconcilePods(base, over)).toEqual(
    spec(
      {},
      {
        image: 'a',
        env: [
          { name: 'B', value: '' },
          { name: 'A', value: '1' },
        ],
      },
    ),
  );
  expect(reconcilePods(undefined, base)).toEqual(base);
  expect(() => reconcilePods(base, { spec: { containers: [{ image: 'x' }] } })).toThrow(PodTemplateError);
});

it('refuses a pod that Kubernetes would refuse, and names the layer of each wrong value', () => {
  const generator = new TemplatePodGenerator({
    image: 'app:1',
    template: spec({ tolerations: [{ key: 'a', operater: 'Exists' }] }, { resources: { limits: { memory: '1Gi' } } }),
    queueLayers: { big: { requestMemory: '2Gi' } },
  });
  const context = { launch: 1, spent: { infra: 0, oom: 0, task: 0 }, executorId: 'x' };
  try {
    generator.generate(task({ labels: { bad: 'no good' } }, 'big'), context);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidPodError);
    expect((error as InvalidPodError).problems.map(({ field, source }) => [field, source])).toEqual([
      ['spec.tolerations[0].operater', 'template'],
      ['metadata.labels.bad', 'executor config'],
      ['spec.containers[0].resources.requests.memory', "queue layer 'big'"],
    ]);
  }
  const unchecked = new TemplatePodGenerator({ image: 'app:1', checks: false });
  expect(() => unchecked.generate(task({ labels: { bad: 'no good' } }), context)).not.toThrow();
});

describe('a directive on what is empty', () => {
  it('has nothing to act on, as on a server', () => {
    // Taken from a real server: neither an empty map nor an empty list of a stored object is there when it is patched.
    const template = {
      spec: { nodeSelector: {}, initContainers: [], containers: [{ name: 'base', image: 'i:1' }] },
    };
    const podOverride = {
      spec: {
        nodeSelector: { $patch: 'replace', disk: 'ssd' },
        initContainers: [{ name: 'init', image: 'i:1', env: [{ name: 'A', $patch: 'delete' }, { name: 'B' }] }],
      },
    };
    const pod = render({ template }, { podOverride }).manifest;
    expect(pod.spec?.nodeSelector).toBeUndefined();
    expect(pod.spec?.initContainers?.[0]?.env).toEqual([{ name: 'B' }]);
  });
});
