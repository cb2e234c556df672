/** What an executor that ends does with what it has told, and with what others leave behind meanwhile. */
import { describe, expect, it } from 'vitest';
import { LifecycleError } from '../../src/errors.js';
import { LABELS } from '../../src/wire/names.js';
import { lasting, ProcessKit, TASK } from './process-kit.js';

const kit = ProcessKit.use();
const other = (duration: string) => ({ ...lasting(duration), key: { ...TASK.key, taskId: 'other' } });
const owners = () => kit.cluster.pods().map(({ metadata }) => metadata?.labels?.[LABELS.executorId]);

describe('an executor that ends', () => {
  it('takes over nothing from the dead, and ends nothing of theirs', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    a.executor.queueTask(lasting('10m'));
    b.executor.queueTask(other('10m'));
    await kit.cluster.clock.advance('5s');
    const ending = b.executor.end({ timeout: '90s' });
    a.isCut = true;
    await kit.cluster.clock.advance('3m');
    expect(await ending).toMatchObject({ stopped: [{ taskId: 'other' }] });
    // Its own stays for its name, since it could not tell any more that nobody is there who waits for that.
    expect(owners().sort()).toEqual(['a', 'b']);
    const c = await kit.started('c');
    await kit.cluster.clock.advance('1m');
    expect(c.executor.hasTask(TASK.key)).toBe(true);
    expect(b.outcomes.map(({ key }) => key.taskId)).toEqual(['other']);
    a.isCut = false;
  });

  it('leaves to the others what it had begun to take over', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    a.executor.queueTask(lasting('10m'));
    await kit.cluster.clock.advance('5s');
    a.isCut = true;
    kit.cluster.faults.add({ verb: 'patch', resource: 'pods', latencyMs: 8_000 });
    const isTaken = ({ verb, path }: { verb: string; path: string }) =>
      verb === 'update' && path.includes('podwright-a');
    const before = kit.cluster.requests.length;
    await kit.cluster.clock.advanceUntil(() => kit.cluster.requests.slice(before).some(isTaken));
    await kit.cluster.clock.advance(1);
    const ending = b.executor.terminate();
    await kit.cluster.clock.advance('1m');
    await ending;
    kit.cluster.faults.clear();
    expect(owners()).toEqual(['b']);
    const c = await kit.started('c');
    await kit.cluster.clock.advance('2m');
    expect(c.executor.hasTask(TASK.key)).toBe(true);
    expect(b.outcomes).toEqual([]);
    a.isCut = false;
  });

  it('waits until the host has acknowledged what it was told, and leaves nothing behind', async () => {
    const { executor, outcomes } = await kit.started('a', { acknowledge: 'manual' });
    executor.on('outcome', (outcome) => {
      void kit.cluster.clock.delay(3_000).then(() => outcome.acknowledge());
    });
    executor.queueTask(lasting('10m'));
    await kit.cluster.clock.advance('5s');
    const ending = executor.terminate();
    await kit.cluster.clock.advance('2m');
    await ending;
    expect(outcomes).toMatchObject([{ verdict: { kind: 'cancelled' } }]);
    expect(kit.cluster.pods()).toEqual([]);
    expect(await kit.leases()).toEqual([]);
  });

  it('leaves what the host never acknowledges to another one, and says so to an acknowledgement that comes too late', async () => {
    const a = await kit.started('a', { acknowledge: 'manual' });
    a.executor.queueTask(lasting('10m'));
    await kit.cluster.clock.advance('5s');
    const ending = a.executor.terminate();
    await kit.cluster.clock.advance('2m');
    await ending;
    await expect(a.outcomes[0]?.acknowledge()).rejects.toBeInstanceOf(LifecycleError);
    const b = await kit.started('b', { acknowledge: 'manual' });
    await kit.cluster.clock.advance('1m');
    expect(b.outcomes).toMatchObject([{ verdict: { kind: 'cancelled' } }]);
    const acknowledged = b.outcomes[0]?.acknowledge();
    await kit.cluster.clock.advance('3m');
    await acknowledged;
    expect(kit.cluster.pods()).toEqual([]);
  });
});
