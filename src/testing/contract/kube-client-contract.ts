/**
 * What podwright asks of any {@link KubeClient}, as a list of named cases which any test runner can run. Each case works in a namespace
 * that exists and that nobody else uses.
 */
import assert from 'node:assert/strict';
import { KubeApiError } from '../../errors.js';
import type { KubeClient, PodWatchEvent } from '../../kube/kube-client.js';
import type { Pod } from '../../wire/types.js';

/** What a case runs on. */
export interface KubeClientUnderTest {
  /** The client. */
  readonly client: KubeClient;
  /** A namespace that exists, without pods of anybody else. */
  readonly namespace: string;
  /** A version that the server no longer has; without it, the case about versions too old is passed over. */
  readonly tooOldVersion?: string | undefined;
  /** Cleans up. */
  readonly close?: (() => Promise<void>) | undefined;
}

/** One case. */
export interface KubeClientCase {
  /** A sentence that says what holds. */
  readonly name: string;
  /** Rejects where it does not. */
  readonly run: () => Promise<void>;
}

const podNamed = (name: string, labels: Record<string, string> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  // A scheduler that nobody runs: the pod stays as it is.
  spec: {
    restartPolicy: 'Never',
    schedulerName: 'nobody',
    containers: [{ name: 'base', image: 'example.com/x', env: [{ name: 'SECRET', value: 'hunter2' }] }],
  },
});

async function failureOf(work: Promise<unknown>): Promise<KubeApiError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof KubeApiError, `a KubeApiError, not ${String(error)}`);
    assert.ok(!error.message.includes('hunter2'), 'a message without values of the manifest');
    return error;
  }
  throw new assert.AssertionError({ message: 'the call should have failed' });
}

/** Reads events of a watch until `isEnough`, and ends it. */
async function eventsUntil(
  events: AsyncIterable<PodWatchEvent>,
  isEnough: (all: readonly PodWatchEvent[]) => boolean,
): Promise<PodWatchEvent[]> {
  const all: PodWatchEvent[] = [];
  for await (const event of events) {
    if (event.type !== 'BOOKMARK') all.push(event);
    if (isEnough(all)) break;
  }
  return all;
}

type Check = (under: KubeClientUnderTest) => Promise<void>;

const CASES: Readonly<Record<string, Check>> = {
  'a pod that was created can be read, with what the server has added': async ({ client, namespace }) => {
    const created = await client.createPod(namespace, podNamed('a'));
    const read = await client.readPod(namespace, 'a');
    assert.ok(created.metadata?.uid);
    assert.equal(read?.metadata?.uid, created.metadata.uid);
    assert.equal(read?.metadata?.namespace, namespace);
    assert.equal(read?.status?.phase, 'Pending');
  },
  'a missing pod reads as undefined and deletes as false': async ({ client, namespace }) => {
    assert.equal(await client.readPod(namespace, 'missing'), undefined);
    assert.equal(await client.deletePod(namespace, 'missing'), false);
  },
  'a name can be taken once': async ({ client, namespace }) => {
    await client.createPod(namespace, podNamed('a'));
    const { status, reason, retryable } = await failureOf(client.createPod(namespace, podNamed('a')));
    assert.deepEqual([status, reason, retryable], [409, 'AlreadyExists', false]);
  },
  'an invalid pod is refused with the fields that are wrong': async ({ client, namespace }) => {
    const { status, causes } = await failureOf(
      client.createPod(namespace, { ...podNamed('a'), spec: { containers: [{ name: 'Not a name', image: 'x' }] } }),
    );
    assert.equal(status, 422);
    assert.ok(causes.some(({ field }) => field === 'spec.containers[0].name'));
  },
  'a dry run checks and stores nothing': async ({ client, namespace }) => {
    await client.createPod(namespace, podNamed('a'), { dryRun: true });
    assert.equal(await client.readPod(namespace, 'a'), undefined);
  },
  'lists come by pages of one snapshot, by selector': async ({ client, namespace }) => {
    for (const name of ['a', 'b', 'c'])
      await client.createPod(namespace, podNamed(name, { group: name === 'b' ? 'no' : 'yes' }));
    const names: string[] = [];
    const versions = new Set<string | undefined>();
    let token: string | undefined;
    do {
      const page = await client.listPods({ namespace, limit: 1, continue: token, labelSelector: 'group=yes' });
      assert.ok(page.items.length <= 1);
      names.push(...page.items.map(({ metadata }) => metadata?.name ?? ''));
      versions.add(page.metadata.resourceVersion);
      token = page.metadata.continue;
      if (names.length === 1) await client.createPod(namespace, podNamed('d', { group: 'yes' }));
    } while (token !== undefined && token !== '');
    assert.deepEqual(names, ['a', 'c']);
    assert.equal(versions.size, 1);
    assert.deepEqual((await client.listPods({ namespace, fieldSelector: 'metadata.name=b' })).items.length, 1);
  },
  'a watch tells what happens after its version, in order': async ({ client, namespace }) => {
    const { metadata } = await client.listPods({ namespace });
    await client.createPod(namespace, podNamed('a'));
    await client.patchPod(namespace, 'a', { metadata: { labels: { x: 'y' } } });
    await client.deletePod(namespace, 'a', { gracePeriodSeconds: 0 });
    const events = await eventsUntil(
      client.watchPods({ namespace, resourceVersion: metadata.resourceVersion, timeoutSeconds: 60 }),
      (all) => all.at(-1)?.type === 'DELETED',
    );
    const types = events.map(({ type }) => type);
    assert.deepEqual([types[0], types.at(-1)], ['ADDED', 'DELETED']);
    assert.ok(events.every((event) => event.type !== 'ERROR' && event.object.metadata?.name === 'a'));
  },
  'a pod that leaves the selector is told as deleted, without a time of deletion': async ({ client, namespace }) => {
    await client.createPod(namespace, podNamed('a', { group: 'yes' }));
    const { metadata } = await client.listPods({ namespace });
    await client.patchPod(namespace, 'a', { metadata: { labels: { group: 'no' } } });
    const [event] = await eventsUntil(
      client.watchPods({
        namespace,
        labelSelector: 'group=yes',
        resourceVersion: metadata.resourceVersion,
        timeoutSeconds: 60,
      }),
      (all) => all.length === 1,
    );
    assert.ok(event?.type === 'DELETED' && event.object.metadata?.deletionTimestamp === undefined);
  },
  'a watch from a version too old says 410, by rejection or by event': async ({ client, namespace, tooOldVersion }) => {
    if (tooOldVersion === undefined) return;
    let status: number | undefined;
    try {
      for await (const event of client.watchPods({ namespace, resourceVersion: tooOldVersion, timeoutSeconds: 60 })) {
        status = event.type === 'ERROR' ? event.status : undefined;
        break;
      }
    } catch (error) {
      status = error instanceof KubeApiError ? error.status : undefined;
    }
    assert.equal(status, 410);
  },
  'a watch ends by its signal': async ({ client, namespace }) => {
    const stop = new AbortController();
    const next = client
      .watchPods({
        namespace,
        resourceVersion: (await client.listPods({ namespace })).metadata.resourceVersion,
        signal: stop.signal,
      })
      [Symbol.asyncIterator]()
      .next();
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(next, (error) => error === reason);
  },
  'patches merge, and answer with the new state': async ({ client, namespace }) => {
    await client.createPod(namespace, podNamed('a', { keep: '1', drop: '1' }));
    const merged = await client.patchPod(namespace, 'a', { metadata: { labels: { drop: null, add: '1' } } });
    assert.deepEqual(merged.metadata?.labels, { keep: '1', add: '1' });
    const replaced = await client.patchPod(
      namespace,
      'a',
      [{ op: 'replace', path: '/metadata/labels/add', value: '2' }],
      { type: 'json' },
    );
    assert.equal(replaced.metadata?.labels?.add, '2');
    const strategic = await client.patchPod(
      namespace,
      'a',
      { metadata: { annotations: { a: 'b' } } },
      { type: 'strategic' },
    );
    assert.equal(strategic.metadata?.annotations?.a, 'b');
    assert.equal((await failureOf(client.patchPod(namespace, 'missing', {}))).status, 404);
  },
  'a patch or delete that names another uid or version changes nothing': async ({ client, namespace }) => {
    const { metadata } = await client.createPod(namespace, podNamed('a'));
    assert.equal((await failureOf(client.deletePod(namespace, 'a', { uid: 'another' }))).status, 409);
    assert.equal(
      (await failureOf(client.patchPod(namespace, 'a', { metadata: { resourceVersion: '1', labels: { x: 'y' } } })))
        .status,
      409,
    );
    assert.equal((await client.readPod(namespace, 'a'))?.metadata?.resourceVersion, metadata?.resourceVersion);
    assert.equal(await client.deletePod(namespace, 'a', { uid: metadata?.uid, gracePeriodSeconds: 0 }), true);
    assert.equal(await client.readPod(namespace, 'a'), undefined);
  },
  'the log of a pod without a node is empty, that of a missing pod an error': async ({ client, namespace }) => {
    await client.createPod(namespace, podNamed('a'));
    const read = async (name: string) => {
      let size = 0;
      for await (const chunk of client.readLog(namespace, name, { container: 'base' })) size += chunk.byteLength;
      return size;
    };
    assert.equal(await read('a'), 0);
    assert.equal((await failureOf(read('missing'))).status, 404);
  },
  'events can be listed': async ({ client, namespace }) => {
    assert.ok(Array.isArray((await client.listEvents({ namespace, fieldSelector: 'involvedObject.name=a' })).items));
  },
  'a call whose signal has aborted rejects with its reason': async ({ client, namespace }) => {
    const reason = new Error('enough');
    await assert.rejects(
      client.listPods({ namespace, signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
  },
  'a call that takes too long ends at its limit, as one that may be tried again': async ({ client, namespace }) => {
    const { status, reason, retryable } = await failureOf(client.listPods({ namespace, timeoutMs: 0 }));
    assert.deepEqual([status, reason, retryable], [0, 'Timeout', true]);
  },
  'optional: a collection is deleted by selector': async ({ client, namespace }) => {
    if (client.deletePods === undefined) return;
    for (const name of ['a', 'b', 'c'])
      await client.createPod(namespace, podNamed(name, { group: name === 'b' ? 'no' : 'yes' }));
    await client.deletePods({ namespace, labelSelector: 'group=yes', gracePeriodSeconds: 0 });
    const { items } = await client.listPods({ namespace });
    assert.deepEqual(
      items.map(({ metadata }) => metadata?.name),
      ['b'],
    );
  },
  'optional: quotas and nodes can be listed': async ({ client, namespace }) => {
    if (client.listQuotas !== undefined) assert.deepEqual((await client.listQuotas({ namespace })).items, []);
    if (client.listNodes !== undefined) assert.ok(Array.isArray((await client.listNodes({ limit: 1 })).items));
  },
  'optional: secrets are created, patched, listed by selector and deleted': async ({ client, namespace }) => {
    if (client.createSecret === undefined || client.patchSecret === undefined) return;
    const metadata = { name: 's', labels: { group: 'yes' } };
    const created = await client.createSecret(namespace, { metadata, stringData: { key: 'hunter2' } });
    assert.equal(created.data?.key, Buffer.from('hunter2').toString('base64'));
    await failureOf(client.createSecret(namespace, { metadata, stringData: { key: 'hunter2' } }));
    await client.patchSecret(namespace, 's', { metadata: { labels: { more: 'yes' } } });
    const list = await client.listSecrets?.({ namespace, labelSelector: 'group=yes,more=yes' });
    assert.equal(list?.items.length, 1);
    assert.equal(await client.deleteSecret?.(namespace, 's'), true);
    assert.equal(await client.deleteSecret?.(namespace, 's'), false);
  },
  'optional: leases are created, replaced by version, and deleted': async ({ client, namespace }) => {
    if (client.createLease === undefined || client.replaceLease === undefined || client.readLease === undefined) return;
    const lease = await client.createLease(namespace, {
      metadata: { name: 'l' },
      spec: { holderIdentity: 'me', leaseDurationSeconds: 10 },
    });
    const replaced = await client.replaceLease(namespace, 'l', {
      ...lease,
      spec: { ...lease.spec, holderIdentity: 'you' },
    });
    assert.equal(replaced.spec?.holderIdentity, 'you');
    assert.equal((await failureOf(client.replaceLease(namespace, 'l', lease))).status, 409);
    assert.equal(await client.deleteLease?.(namespace, 'l'), true);
    assert.equal(await client.readLease(namespace, 'l'), undefined);
  },
  'optional: namespaces and rights can be read': async ({ client, namespace }) => {
    if (client.readNamespace !== undefined) {
      assert.equal((await client.readNamespace(namespace))?.metadata?.name, namespace);
      assert.equal(await client.readNamespace('there-is-no-such-namespace'), undefined);
    }
    if (client.canI !== undefined)
      assert.equal(await client.canI({ verb: 'create', resource: 'pods', namespace }), true);
  },
};

/**
 * The cases for a client. The factory is called once per case.
 * @example
 * for (const { name, run } of kubeClientContract(makeClient)) test(name, run);
 */
export function kubeClientContract(factory: () => Promise<KubeClientUnderTest>): readonly KubeClientCase[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    run: async () => {
      const under = await factory();
      try {
        await check(under);
      } finally {
        await under.close?.();
      }
    },
  }));
}
