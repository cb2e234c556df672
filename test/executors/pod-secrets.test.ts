/** Secrets by type: from `secret('…')` in a task to a Secret that belongs to its pod, and nowhere else. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { revealSecret, secret } from '../../src/core/secret.js';
import { InvalidWorkloadError } from '../../src/errors.js';
import { call, PODS } from '../testing/call.js';
import { KubeKit, ours, work } from './kube-kit.js';

const kit = KubeKit.use();
const VALUE = 'hunter2-hunter2';
const SECRETS = '/api/v1/namespaces/default/secrets';
const withSecret = (annotations: Record<string, string> = {}, more: object = {}) => {
  const task = work(annotations);
  return { ...task, executorConfig: { ...task.executorConfig, env: { PLAIN: 'p', PASSWORD: secret(VALUE) }, ...more } };
};
const allowOnePod = () => {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } };
  return call(kit.cluster.transport(), 'POST', '/api/v1/namespaces/default/resourcequotas', quota);
};
const secrets = async () => (await call(kit.cluster.transport(), 'GET', SECRETS)).json.items;

describe('a secret value', () => {
  it('shows itself nowhere, and is there for who asks', () => {
    const value = secret(VALUE);
    const seen = [
      `${value}`,
      JSON.stringify({ value }),
      inspect({ value }),
      inspect(value, { showHidden: true, depth: 9 }),
    ];
    expect(seen.join()).not.toContain(VALUE);
    expect(seen[1]).toBe('{"value":"[redacted]"}');
    expect(Object.keys(value)).toEqual([]);
    expect(revealSecret(value)).toBe(VALUE);
    expect(() => secret(5 as never)).toThrow(TypeError);
  });
});

describe('the Secret of a pod', () => {
  it('is there before the pod, holds the values, and belongs to it', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(withSecret());
    const pod = await kit.onlyPod();
    await kit.cluster.clock.settle();
    const [stored, ...others] = await secrets();
    expect(others).toEqual([]);
    expect(stored).toMatchObject({
      metadata: {
        name: pod.metadata?.name,
        labels: { 'app.kubernetes.io/managed-by': 'podwright' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.metadata?.name, uid: pod.metadata?.uid }],
      },
      data: { PASSWORD: Buffer.from(VALUE).toString('base64') },
    });
    expect(pod.spec?.containers[0]?.env).toContainEqual({
      name: 'PASSWORD',
      valueFrom: { secretKeyRef: { name: pod.metadata?.name, key: 'PASSWORD' } },
    });
    expect(pod.spec?.containers[0]?.env).toContainEqual({ name: 'PLAIN', value: 'p' });
    expect(JSON.stringify(pod)).not.toContain(VALUE);
    const order = kit.cluster.requests.filter(({ verb }) => verb === 'create').map(({ resource }) => resource);
    expect(order).toEqual(['secrets', 'pods']);
    void run;
  });

  it('is not made for tasks without secret values', async () => {
    const executor = await kit.connect();
    executor.queueTask(work());
    await kit.onlyPod();
    expect(kit.cluster.requests.some(({ resource }) => resource === 'secrets')).toBe(false);
  });

  it('goes when no pod comes of it', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', status: 422 });
    const outcome = await kit.ended(executor.queueTask(withSecret()));
    expect(outcome).toMatchObject({ state: 'failed' });
    expect(await secrets()).toEqual([]);
    expect(JSON.stringify(outcome)).not.toContain(VALUE);
  });

  it('goes when the task is cancelled before its pod is there', async () => {
    const executor = await kit.connect({ isStillWanted: () => false });
    await kit.ended(executor.queueTask(withSecret()));
    expect(kit.count('create', 'secrets', 201)).toBe(1);
    expect(await secrets()).toEqual([]);
  });

  it('is tried again when the server fails, and then the pod is made', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'secrets', times: 2, status: 503 });
    const outcome = await kit.ended(executor.queueTask(withSecret({ duration: '1s' })));
    expect(outcome).toMatchObject({ state: 'success' });
    expect(kit.count('create', 'secrets', 201)).toBe(1);
  });

  it.each([
    ['a server in trouble', { status: 500 }, '1m'],
    ['a full quota', { status: 403, message: 'secrets "x" is forbidden: exceeded quota: q' }, '20m'],
  ])('waits for %s as its pod would', async (_what, fault, time) => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'secrets', ...fault });
    const run = executor.queueTask(withSecret({ duration: '1s' }));
    await kit.cluster.clock.advance(time);
    kit.cluster.faults.clear();
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
  });

  it('is given to its pod as it was made for it: where it has changed since, it is looked at again', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', latencyMs: 2_000, times: 1 });
    executor.queueTask(withSecret());
    await kit.cluster.clock.advance('1s');
    const [{ metadata }] = await secrets();
    const change = { metadata: { labels: { seen: 'yes' } } };
    await kit.cluster.kubeClient().patchSecret('default', metadata.name, change);
    await kit.cluster.clock.advance('5s');
    const [pod] = kit.cluster.pods();
    expect(await secrets()).toMatchObject([{ metadata: { ownerReferences: [{ uid: pod?.metadata?.uid }] } }]);
    expect(kit.count('patch', 'secrets', 409)).toBe(1);
  });

  it('is made once though the answer to its create was lost', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'secrets', applyThenDrop: true, times: 1 });
    const outcome = await kit.ended(executor.queueTask(withSecret({ duration: '1s' })));
    expect(outcome).toMatchObject({ state: 'success', launches: 1 });
    expect(await secrets()).toMatchObject([{ metadata: { ownerReferences: [{ kind: 'Pod' }] } }]);
  });

  it('fails the task with the missing right, and makes no pod', async () => {
    const executor = await kit.connect();
    kit.cluster.forbid({ verb: 'create', resource: 'secrets' });
    const outcome = await kit.ended(executor.queueTask(withSecret()));
    expect(outcome).toMatchObject({
      state: 'failed',
      verdict: { message: expect.stringContaining('Secret'), hint: expect.stringContaining('secrets') },
    });
    expect(kit.created()).toBe(0);
  });

  it('is brought up to date where one of an earlier attempt is there', async () => {
    const executor = await kit.connect();
    const name = executor.render({ ...withSecret() }).manifest.metadata?.name;
    const annotations = executor.render({ ...withSecret() }).manifest.metadata?.annotations;
    const old = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name,
        labels: { 'app.kubernetes.io/managed-by': 'podwright' },
        annotations: { 'podwright.dev/key': annotations?.['podwright.dev/key'] },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid: 'of-former-times' }],
      },
      data: { PASSWORD: 'b2xk' },
    };
    await call(kit.cluster.transport(), 'POST', SECRETS, old);
    executor.queueTask(withSecret());
    const pod = await kit.onlyPod();
    await kit.cluster.clock.settle();
    expect(await secrets()).toMatchObject([
      {
        metadata: { ownerReferences: [{ uid: pod.metadata?.uid }] },
        data: { PASSWORD: Buffer.from(VALUE).toString('base64') },
      },
    ]);
  });

  it('leaves alone what is somebody else’s', async () => {
    const executor = await kit.connect();
    const name = executor.render(withSecret()).manifest.metadata?.name;
    const foreign = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { A: 'b2xk' } };
    await call(kit.cluster.transport(), 'POST', SECRETS, foreign);
    const outcome = await kit.ended(executor.queueTask(withSecret()));
    expect(outcome).toMatchObject({ state: 'failed', verdict: { message: expect.stringContaining('something else') } });
    expect(await secrets()).toMatchObject([{ data: { A: 'b2xk' } }]);
    expect(kit.created()).toBe(0);
  });

  it('is made anew for the next launch, and is the one that its pod refers to', async () => {
    const executor = await kit.connectByClock({ lease: true });
    const run = executor.queueTask(withSecret({ duration: '1m' }));
    await kit.cluster.when(ours).matched();
    await kit.cluster.when(ours).evict();
    await kit.cluster.clock.advance('30s');
    const pod = kit.cluster.pods().find(({ status }) => status?.phase === 'Running');
    const refers = pod?.spec?.containers[0]?.env?.find(({ name }) => name === 'PASSWORD');
    expect(refers).toMatchObject({ valueFrom: { secretKeyRef: { name: pod?.metadata?.name } } });
    expect((await secrets()).map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual([
      pod?.metadata?.name,
    ]);
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
  });

  it('is made again where one of that name was just going', async () => {
    const client = kit.cluster.kubeClient();
    const { listSecrets } = client;
    const executor = await kit.connect({ kubeClient: client });
    const name = executor.render(withSecret()).manifest.metadata?.name;
    await call(kit.cluster.transport(), 'POST', SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
    client.listSecrets = async (options) => {
      await call(kit.cluster.transport(), 'DELETE', `${SECRETS}/${name}`);
      return listSecrets.call(client, options);
    };
    const outcome = await kit.ended(executor.queueTask(withSecret({ duration: '1s' })));
    expect(outcome).toMatchObject({ state: 'success' });
    expect(kit.count('create', 'secrets', 201)).toBe(2);
  });

  it('stays where another executor is about to make the pod with it', async () => {
    const started = (executorId: string) => kit.connectByClock({ executorId, lease: true });
    const [a, b] = [await started('a'), await started('b')];
    await allowOnePod();
    void a.queueTask({ ...work(), key: { dagId: 'd', taskId: 'long', runId: 'r' } });
    await kit.cluster.clock.advance('2s');
    for (const first of [a, b]) {
      const second = first === a ? b : a;
      const task = {
        ...withSecret({ duration: '1s' }),
        key: { dagId: 'd', taskId: `of-${first.executorId}`, runId: 'r' },
      };
      void first.queueTask(task);
      await kit.cluster.clock.advance('2s');
      void second.queueTask(task);
      await kit.cluster.clock.advance('2s');
      const cancelling = b.cancel(task.key);
      await kit.cluster.clock.advance('2s');
      await cancelling;
    }
    expect(await secrets()).toHaveLength(2);
  });

  it('is swept when a crash left it without an owner', async () => {
    const first = await kit.connect({ executorId: 'same' });
    const task = withSecret({ duration: '1s' });
    kit.cluster.faults.add({ verb: 'patch', resource: 'secrets', status: 403 });
    await kit.ended(first.queueTask(task));
    expect(await secrets()).toHaveLength(1);
    kit.cluster.faults.clear();
    await kit.cluster.clock.advance('2h');
    const next = { ...task, key: { ...task.key, taskId: 'next' } };
    await kit.ended((await kit.connect({ executorId: 'same' })).queueTask(next));
    await kit.cluster.clock.settle();
    expect((await secrets()).map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual([
      expect.stringContaining('next'),
    ]);
  });

  it('is swept by a process that goes on for long, too', async () => {
    const executor = await kit.connect();
    const goOn = kit.cluster.faults.add({ verb: 'patch', resource: 'secrets', status: 403 });
    for (const taskId of ['first', 'second']) {
      const task = withSecret({ duration: '1s' });
      await kit.ended(executor.queueTask({ ...task, key: { ...task.key, taskId } }));
    }
    goOn();
    expect(await secrets()).toHaveLength(2);
    await kit.cluster.clock.advance('31m');
    const task = withSecret({ duration: '1s' });
    await kit.ended(executor.queueTask({ ...task, key: { ...task.key, taskId: 'last' } }));
    await kit.cluster.clock.settle();
    expect(await secrets()).toMatchObject([{ metadata: { ownerReferences: [{ kind: 'Pod' }] } }]);
  });

  it('is not swept while its launch waits for quota', async () => {
    const executor = await kit.connect();
    await allowOnePod();
    const long = { ...work({ duration: '41m' }), key: { dagId: 'd', taskId: 'long', runId: 'r' } };
    void executor.queueTask(long);
    await kit.cluster.clock.settle();
    const waits = executor.queueTask(withSecret({ duration: '1s' }));
    await kit.cluster.clock.advance('40m');
    const other = withSecret({ duration: '1s' });
    const refused = executor.queueTask({ ...other, key: { ...other.key, taskId: 'refused' } });
    await kit.cluster.clock.settle();
    await executor.cancel(refused.key);
    await kit.cluster.clock.settle();
    expect(await secrets()).toHaveLength(1);
    expect((await kit.ended(waits)).state).toBe('success');
  });

  it('takes values of any container, by override too', async () => {
    const executor = await kit.connect();
    const side = { name: 'side', image: 'any', env: [{ name: 'PASSWORD', value: secret('other') }] };
    executor.queueTask(withSecret({}, { podOverride: { spec: { containers: [side] } } } as object));
    const pod = await kit.onlyPod();
    const env = pod.spec?.containers.find(({ name }) => name === 'side')?.env;
    expect(env).toEqual([
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: pod.metadata?.name, key: 'PASSWORD.1' } } },
    ]);
    expect((await secrets())[0].data).toEqual({
      PASSWORD: Buffer.from(VALUE).toString('base64'),
      'PASSWORD.1': Buffer.from('other').toString('base64'),
    });
  });

  it('refuses a secret value that is no variable, by its place', async () => {
    const executor = await kit.connect();
    const wrong = { ...work(), executorConfig: { labels: { a: secret(VALUE) } } };
    expect(() => executor.queueTask(wrong)).toThrow(InvalidWorkloadError);
    expect(() => executor.queueTask(wrong)).toThrow(/executorConfig\.labels\.a must not be a secret/);
  });

  it('takes nothing of what is for another executor', async () => {
    const executor = await kit.connect();
    executor.queueTask(withSecret({}, { LocalExecutor: { env: { OTHER: secret('for a process') } } }));
    await kit.onlyPod();
    expect(Object.keys((await secrets())[0].data)).toEqual(['PASSWORD']);
  });

  it('shows no value when a pod is rendered', async () => {
    const executor = await kit.connect();
    expect(JSON.stringify(executor.render(withSecret(), { showSecrets: true }))).not.toContain(VALUE);
    expect((await call(kit.cluster.transport(), 'GET', PODS)).json.items).toEqual([]);
  });
});
