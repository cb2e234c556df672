import { describe, expect, it } from 'vitest';
import type { LogSource } from '../../src/executors/kubernetes/log-sink.js';
import { KubeKit, ours, work } from './kube-kit.js';

const kit = KubeKit.use();

describe('a sink for logs', () => {
  it('gets the whole log of each launch before its pod goes', async () => {
    const taken: [LogSource, string[]][] = [];
    const executor = await kit.connect({
      logSink: async (source, lines) => {
        const texts: string[] = [];
        for await (const { text } of lines) texts.push(text);
        expect(kit.cluster.pods().map(({ metadata }) => `default/${metadata?.name}`)).toContain(source.pod);
        taken.push([source, texts]);
      },
    });
    const run = executor.queueTask(work({ duration: '5s', log: 'one\ntwo' }));
    await kit.cluster.when(ours).evict();
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
    await kit.cluster.clock.advance('2m');
    expect(taken).toMatchObject([
      [{ launch: 1, container: 'base', key: { taskId: 't' } }, ['one', 'two']],
      [{ launch: 2, container: 'base' }, ['one', 'two']],
    ]);
    expect(kit.cluster.pods()).toEqual([]);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('the store is full'))],
    ['never ends', () => new Promise<void>(() => {})],
  ])('that %s holds up neither the outcome nor, for long, the pod', async (_, logSink) => {
    const executor = await kit.connect({ logSink });
    const run = executor.queueTask(work({ duration: '1s' }));
    const before = kit.cluster.clock.now();
    expect(await kit.ended(run)).toMatchObject({ state: 'success' });
    expect(kit.cluster.clock.now() - before).toBeLessThan(5_000);
    await kit.cluster.clock.advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('is waited for when the executor ends', async () => {
    let isTaken = false;
    const executor = await kit.connect({
      logSink: async () => {
        await kit.cluster.clock.delay(20_000);
        isTaken = true;
      },
    });
    await kit.ended(executor.queueTask(work({ duration: '1s' })));
    const ending = executor.end().then(() => isTaken);
    await kit.cluster.clock.advance('1m');
    expect(await ending).toBe(true);
    expect(kit.cluster.pods()).toEqual([]);
  });
});
