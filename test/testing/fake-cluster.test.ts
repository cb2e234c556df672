import { describe, expect, it } from 'vitest';
import { FakeCluster } from '../../src/testing/index.js';
import { call, HANG, PODS, pod, running } from './call.js';

describe('FakeCluster', () => {
  it('plays a scripted pod to its end on a virtual clock', async () => {
    const cluster = await FakeCluster.start({ seed: 1, clock: 'virtual' });
    const transport = cluster.transport();
    const created = await call(transport, 'POST', PODS, pod('a'));
    expect(created.status).toBe(201);
    await cluster.clock.advance('10s');
    const { json } = await call(transport, 'GET', `${PODS}/a`);
    expect(json.status).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ state: { terminated: { exitCode: 0, reason: 'Completed' } } }],
    });
    await cluster.stop();
  });

  it('loses a node: the pod is deleted by taint and stays Terminating', async () => {
    const cluster = await FakeCluster.start({ seed: 1, clock: 'virtual' });
    const transport = cluster.transport();
    await call(transport, 'POST', PODS, pod('a', {}, HANG));
    await cluster.when((view) => view.phase === 'Running').nodeLost();
    await cluster.clock.advance('10m');
    const { json } = await call(transport, 'GET', `${PODS}/a`);
    expect(json.metadata.deletionTimestamp).toBeDefined();
    expect(json.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' }),
    );
    await cluster.stop();
  });

  it('answers a watch from a compacted version with an ERROR event and ends it', async () => {
    const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none' });
    const { status, json } = await call(cluster.transport(), 'GET', `${PODS}?watch=true&resourceVersion=1`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    await cluster.stop();
  });

  it('ends a watch on the server as soon as its signal aborts, before the answer, before the first byte and after it', async () => {
    await using cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none' });
    const open = (signal: AbortSignal) =>
      cluster.transport().request({ method: 'GET', path: `${PODS}?watch=true`, headers: {}, stream: true, signal });
    const early = new AbortController();
    const unanswered = open(early.signal);
    early.abort(new Error('enough'));
    await expect(unanswered).rejects.toThrow('enough');
    const unread = new AbortController();
    const answer = await open(unread.signal);
    expect(cluster.openWatches).toBe(1);
    unread.abort(new Error('enough'));
    expect(cluster.openWatches).toBe(0);
    await expect(answer.body[Symbol.asyncIterator]().next()).rejects.toThrow('enough');
    const read = new AbortController();
    const reading = (await open(read.signal)).body[Symbol.asyncIterator]().next();
    read.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(cluster.openWatches).toBe(0);
  });

  it('runs a real process, serves its log and its exit code', async () => {
    const cluster = await FakeCluster.start({ kubelet: 'process' });
    const transport = cluster.transport();
    await call(transport, 'POST', PODS, pod('a', running('node', '-e', 'console.log("hello"); process.exit(3)')));
    const ended = await cluster.waitFor((view) => view.phase === 'Failed');
    expect(ended.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect((await call(transport, 'GET', `${PODS}/a/log`)).text).toBe('hello\n');
    await call(transport, 'DELETE', `${PODS}/a`);
    expect((await call(transport, 'GET', `${PODS}/a`)).status).toBe(404);
    await cluster.stop();
  });
});
