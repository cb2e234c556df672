/** The real kubectl drives the embedded server: in the clear, and over TLS with a client certificate and with a token. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster, type FakeClusterOptions } from '../../src/testing/index.js';
import { Kubectl } from './kubectl.js';

const binary = process.env.PODWRIGHT_KUBECTL;

const podYaml = (name: string, script: string, labels = '{app: demo}') => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: ${labels}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - name: base
    image: busybox:1.36
    command: [sh, -c, ${JSON.stringify(script)}]
`;

const mapYaml = (value: string) => `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: ${value}}
`;

const ways: readonly [string, FakeClusterOptions][] = [
  ['in the clear', {}],
  ['over TLS, with a client certificate', { tls: true }],
  ['over TLS, with a token', { tls: true, token: 'open-sesame' }],
];

describe.runIf(binary !== undefined).each(ways)('kubectl drives the embedded server %s', (_, options) => {
  let cluster: FakeCluster;
  let kubectl: Kubectl;
  beforeAll(async () => {
    cluster = await FakeCluster.start({ kubelet: 'process', ...options });
    kubectl = new Kubectl(binary ?? '');
    await kubectl.aim(cluster);
  });
  afterAll(async () => {
    kubectl?.dispose();
    await cluster?.stop();
  });

  it('creates a pod and waits until it has succeeded', async () => {
    expect(await kubectl.ok(['create', '-f', '-'], podYaml('first', 'echo hello'))).toBe('pod/first created\n');
    await kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/first', '--timeout=30s']);
    expect(await kubectl.ok(['get', 'pod', 'first', '-o', 'jsonpath={.status.phase}'])).toBe('Succeeded');
  });

  it('gets pods as a table, also wide and by selector', async () => {
    await kubectl.ok(['create', '-f', '-'], podYaml('table', 'exit 3', '{app: table}'));
    await kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Failed', 'pod/table', '--timeout=30s']);
    const table = await kubectl.ok(['get', 'pods', '-l', 'app=table']);
    expect(table).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE\ntable +0\/1 +Error +0 +\d+s\n$/);
    expect(await kubectl.ok(['get', 'pods', '-l', 'app=table', '-o', 'wide'])).toContain('node-1');
  });

  it('watches with get -w', async () => {
    const open = cluster.openWatches;
    const watch = kubectl.start(['get', 'pods', '-w', '-l', 'app=watched', '--output-watch-events']);
    // A pod that is made before the watch is open may have ended by the time of its first list.
    await expect.poll(() => cluster.openWatches, { timeout: 20_000 }).toBeGreaterThan(open);
    await kubectl.ok(['create', '-f', '-'], podYaml('watched', 'true', '{app: watched}'));
    expect(await watch.until(/MODIFIED +watched +0\/1 +Completed/)).toMatch(
      /^EVENT +NAME.*\nADDED +watched +0\/1 +Pending/,
    );
    watch.child.kill('SIGTERM');
    await watch.ended;
  });

  it('describes a pod with its events', async () => {
    await kubectl.ok(['create', '-f', '-'], podYaml('told', 'true'));
    await kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/told', '--timeout=30s']);
    const text = await kubectl.ok(['describe', 'pod', 'told']);
    expect(text).toMatch(/^Name: +told$/m);
    expect(text).toMatch(/^Status: +Succeeded$/m);
    expect(text).toMatch(/Normal +Scheduled .*Successfully assigned default\/told to node-1/);
    expect(await kubectl.ok(['describe', 'node', 'node-1'])).toMatch(/^Name: +node-1$/m);
  });

  it('applies on the client: created, unchanged, configured, and what was dropped is gone', async () => {
    const apply = (text: string) => kubectl.ok(['apply', '-f', '-'], text);
    expect(await apply(mapYaml('red, size: big'))).toBe('configmap/settings created\n');
    expect(await apply(mapYaml('red, size: big'))).toBe('configmap/settings unchanged\n');
    expect(await apply(mapYaml('blue'))).toBe('configmap/settings configured\n');
    expect(await kubectl.ok(['get', 'cm', 'settings', '-o', 'jsonpath={.data}'])).toBe('{"color":"blue"}');
    await kubectl.ok(['delete', 'cm', 'settings']);
  });

  it('applies on the server, meets a conflict and forces it', async () => {
    const apply = (text: string, ...more: string[]) =>
      kubectl.run(['apply', '--server-side', '-f', '-', ...more], text);
    expect((await apply(mapYaml('red'))).out).toBe('configmap/settings serverside-applied\n');
    const conflict = await apply(mapYaml('green'), '--field-manager=other');
    expect(conflict.code).toBe(1);
    expect(conflict.err).toContain('Apply failed with 1 conflict: conflict with "kubectl": .data.color');
    expect((await apply(mapYaml('green'), '--field-manager=other', '--force-conflicts')).code).toBe(0);
    expect(await kubectl.ok(['get', 'cm', 'settings', '-o', 'jsonpath={.data.color}'])).toBe('green');
  });

  it.each([
    ['merge', '{"metadata":{"labels":{"by":"merge"}}}'],
    ['strategic', '{"metadata":{"labels":{"by":"strategic"}}}'],
    ['json', '[{"op":"replace","path":"/metadata/labels/by","value":"json"}]'],
  ])('patches by %s', async (type, patch) => {
    if (type === 'merge') await kubectl.ok(['create', '-f', '-'], podYaml('patched', 'true'));
    expect(await kubectl.ok(['patch', 'pod', 'patched', '--type', type, '-p', patch])).toBe('pod/patched patched\n');
    expect(await kubectl.ok(['get', 'pod', 'patched', '-o', 'jsonpath={.metadata.labels.by}'])).toBe(type);
  });

  it('follows a log until the container ends', async () => {
    await kubectl.ok(['create', '-f', '-'], podYaml('talker', 'echo one; sleep 1; echo two'));
    await kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Running', 'pod/talker', '--timeout=30s']);
    expect(await kubectl.ok(['logs', '-f', 'talker'])).toBe('one\ntwo\n');
    expect(await kubectl.ok(['logs', 'talker', '--tail=1'])).toBe('two\n');
  });

  it('deletes a running pod and waits for its end', async () => {
    await kubectl.ok(['create', '-f', '-'], podYaml('doomed', 'sleep 60'));
    await kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Running', 'pod/doomed', '--timeout=30s']);
    const waiting = kubectl.start(['wait', '--for=delete', 'pod/doomed', '--timeout=30s']);
    expect(await kubectl.ok(['delete', 'pod', 'doomed'])).toMatch(/^pod "doomed" deleted/);
    expect((await waiting.ended).code).toBe(0);
    expect((await kubectl.run(['get', 'pod', 'doomed'])).err).toBe(
      'Error from server (NotFound): pods "doomed" not found\n',
    );
  });

  it('labels, annotates, lists resources and asks what it may do', async () => {
    await kubectl.ok(['create', '-f', '-'], podYaml('marked', 'true'));
    expect(await kubectl.ok(['label', 'pod', 'marked', 'a=b'])).toBe('pod/marked labeled\n');
    expect(await kubectl.ok(['annotate', 'pod', 'marked', 'a=b'])).toBe('pod/marked annotated\n');
    expect(await kubectl.ok(['api-resources'])).toMatch(/^pods +po +v1 +true +Pod$/m);
    expect(await kubectl.ok(['get', 'ns'])).toMatch(/^default +Active/m);
  });

  it('is told plainly what the embedded server does not do', async () => {
    await kubectl.ok(['create', '-f', '-'], podYaml('closed', 'sleep 60'));
    await kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Running', 'pod/closed', '--timeout=30s']);
    const { code, err } = await kubectl.run(['exec', 'closed', '--', 'true']);
    expect(code).not.toBe(0);
    expect(err).toContain('exec is not implemented by the embedded cluster');
    await kubectl.ok(['delete', 'pod', 'closed', '--now']);
  });
});
