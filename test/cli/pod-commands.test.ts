import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliIo } from '../../src/cli/io.js';
import { main } from '../../src/cli/program.js';
import { loadConfig } from '../../src/config/load-config.js';
import { deserializePod } from '../../src/pod/pod-template.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';

const LARGE = fileURLToPath(new URL('../config/data/large.cfg', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pods-cli-'));
  write(
    'pod.yaml',
    'spec:\n  nodeSelector: {zone: a}\n  containers:\n    - name: base\n      env: [{name: A, value: "1"}]\n',
  );
  write('tasks.yaml', TASKS);
});
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const TASKS = `dagId: orders
podTemplate: pod.yaml
kubernetes: {image: "app:1"}
queueLayers:
  gpu: {limitGpu: 1}
tasks:
  - taskId: load
    command: [python, load.py]
    executorConfig: {env: {DB_PASSWORD: hunter2}}
  - taskId: train
    queue: gpu
    command: [python, train.py]
`;

async function run(...args: string[]) {
  let [out, err] = ['', ''];
  const io: CliIo = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isErrTty: false,
    columns: 80,
    color: false,
    style: (_stream, _style, text) => text,
  };
  return { code: await main(args, io), out, err };
}

describe('podwright config', () => {
  it('check says ok with notices, or every problem with its place', async () => {
    const good = await run('config', 'check', '--airflow-cfg', LARGE);
    expect(good).toMatchObject({ code: 0, out: 'ok: 0 errors, 17 notices\n' });
    expect(good.err).toContain(`${LARGE}:54: [kubernetes_executor] tcp_keep_cnt has no effect`);
    const bad = write('bad.yaml', 'kubernetes:\n  namespce: a\n  image: ""\n');
    const { code, out } = await run('config', 'check', '--file', bad);
    expect(code).toBe(3);
    expect(out.split('\n')).toEqual([
      `error: ${bad}:2: kubernetes.namespce is not a known key; did you mean namespace?`,
      `error: ${bad}:3: kubernetes.image must NOT have fewer than 1 characters, got "" (string)`,
      'not usable: 2 errors, 0 notices',
      '',
    ]);
    const json = JSON.parse((await run('config', 'check', '--file', bad, '--json')).out);
    expect(json).toMatchObject({
      ok: false,
      problems: [{ field: 'kubernetes.namespce' }, { field: 'kubernetes.image' }],
    });
  });

  it('show gives each value with its place', async () => {
    const { code, out } = await run('config', 'show', '--airflow-cfg', LARGE);
    expect(code).toBe(0);
    expect(out).toContain(`  namespace: airflow-prod # ${LARGE}:41\n`);
    expect(out).toContain(`parallelism: 512 # ${LARGE}:8\n`);
  });

  it('import writes a file that reads back the same', async () => {
    const out = join(folder, 'imported.yaml');
    expect((await run('config', 'import', LARGE, '--out', out)).code).toBe(0);
    expect(loadConfig({ file: out }).config).toEqual(loadConfig({ airflowCfg: LARGE }).config);
  });

  it('wants a source, and tells of files that are not there', async () => {
    expect(await run('config', 'check')).toMatchObject({ code: 2, err: expect.stringContaining('--airflow-cfg') });
    expect(await run('config', 'check', '--file', join(folder, 'none.yaml'))).toMatchObject({
      code: 3,
      out: expect.stringContaining('cannot be read: ENOENT'),
    });
  });
});

describe('podwright render', () => {
  it('shows every pod, without secrets, and says which layer set what', async () => {
    const { code, out, err } = await run('render', join(folder, 'tasks.yaml'), '--explain');
    expect(code, err).toBe(0);
    expect(out).not.toContain('hunter2');
    expect(out).toContain("# queue layer 'gpu'");
    expect(out).toContain('image: app:1 # configuration');
    expect(out).toMatch(/nodeSelector: # template .*pod\.yaml/);
    const [load] = out.split('---\n').slice(1);
    expect(deserializePod(load as string).spec?.containers[0]?.command).toEqual(['python']);
    expect((await run('render', join(folder, 'tasks.yaml'), '--show-secrets')).out).toContain('hunter2');
  });

  it('gives one JSON object per task', async () => {
    const { out } = await run('render', join(folder, 'tasks.yaml'), '--json', '--explain');
    const [, train] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(train.manifest.spec.containers[0].resources.limits).toEqual({ 'nvidia.com/gpu': '1' });
    expect(train.provenance['spec.containers[0].resources']).toBe("queue layer 'gpu'");
  });

  it('asks the server where it is told to, and creates nothing', async () => {
    const cluster = await FakeCluster.start({ listen: true, kubelet: 'none' });
    try {
      const kubeconfig = write('kubeconfig', JSON.stringify(cluster.kubeconfig));
      const good = await run('render', join(folder, 'tasks.yaml'), '--dry-run', 'server', '--kubeconfig', kubeconfig);
      expect(good.code, good.err).toBe(0);
      expect(good.err).toContain('2 of 2 pods taken');
      const elsewhere = write('elsewhere.yaml', TASKS.replace('image: "app:1"', 'image: "app:1", namespace: nowhere'));
      const bad = await run('render', elsewhere, '--dry-run', 'server', '--kubeconfig', kubeconfig);
      expect(bad.code).toBe(3);
      expect(bad.err).toContain('refused by the API server');
      expect((await cluster.kubeClient().listPods({})).items).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });

  it('names the line of what is wrong in a file of tasks', async () => {
    const file = write(
      'wrong.yaml',
      'tasks:\n  - taskId: a\n    comand: [x]\n  - taskId: b\n    command: []\n  - command: [x]\n',
    );
    const { code, err } = await run('render', file);
    expect(code).toBe(3);
    expect(err).toContain(`tasks[0].comand is not a known key (${file}:3); did you mean command?`);
    expect(err).toContain(`tasks[1].command must NOT have fewer than 1 items, got an array of 0 (array) (${file}:5)`);
    expect(err).toContain(`tasks[2] must have required property 'taskId' (${file}:6)`);
  });

  it('holds tasks to a policy, fills in what is known of them, and says what is seldom wise', async () => {
    const text = [
      'policy: {images: ["registry/*"]}',
      'templating: true',
      'tasks:',
      '  - {taskId: a, command: [x], executorConfig: {image: "elsewhere/a:1"}}',
      '  - {taskId: b, command: [x], context: {team: data}, executorConfig: {image: "registry/b", labels: {team: "{{ team }}"}}}',
    ];
    const { code, out, err } = await run('render', write('policy.yaml', text.join('\n')), '--lint', '--json');
    expect(code).toBe(3);
    const [refused, taken] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(refused).toMatchObject({ key: { taskId: 'a' }, code: 'ERR_PODWRIGHT_POD_POLICY' });
    expect(taken.manifest.metadata.labels.team).toBe('data');
    expect(taken.lints.map(({ lint }: { lint: string }) => lint)).toContain('latest-image');
    expect(err).toContain('latest-image: dag/manual/b#1: spec.containers[0].image');
  });

  it('goes on after a task that no pod can be made of', async () => {
    const file = write(
      'mixed.yaml',
      `- {taskId: a, command: [x], executorConfig: {image: "a:1", labels: {x: "no good"}}}\n- {taskId: b, command: [x], executorConfig: {image: "b:1"}}\n`,
    );
    const { code, out, err } = await run('render', file);
    expect(code).toBe(3);
    expect(err).toContain('metadata.labels.x');
    expect(out).toContain('image: b:1');
  });
});

it('podwright generate-pods writes a file per task', async () => {
  const out = join(folder, 'pods');
  const { code, err } = await run('generate-pods', join(folder, 'tasks.yaml'), '--out', out);
  expect(code, err).toBe(0);
  expect(err).toContain('1 of the files lack values that look like secrets');
  const files = readdirSync(out).sort();
  expect(files).toEqual([
    expect.stringMatching(/^orders-load-.*\.yaml$/),
    expect.stringMatching(/^orders-train-.*\.yaml$/),
  ]);
  expect(deserializePod(readFileSync(join(out, files[1] as string), 'utf8')).spec?.containers[0]?.args).toEqual([
    'train.py',
  ]);
});
