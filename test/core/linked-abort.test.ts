import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { linkedAbort } from '../../src/core/linked-abort.js';

describe('a linked controller', () => {
  it('aborts with the other signal, and with its reason', () => {
    const outer = new AbortController();
    const { signal } = linkedAbort(outer.signal);
    const reason = new Error('over');
    outer.abort(reason);
    expect(signal.reason).toBe(reason);
  });

  it('has aborted where the other one had', () => {
    const reason = new Error('before');
    expect(linkedAbort(AbortSignal.abort(reason)).signal.reason).toBe(reason);
  });

  it('aborts by itself, and leaves the other one alone', () => {
    const outer = new AbortController();
    const linked = linkedAbort(outer.signal);
    linked.abort(new Error('mine'));
    expect([linked.signal.aborted, outer.signal.aborted]).toEqual([true, false]);
  });

  it('hears no more of the other one once it is unlinked', () => {
    const outer = new AbortController();
    const linked = linkedAbort(outer.signal);
    linked.unlink();
    outer.abort();
    expect(linked.signal.aborted).toBe(false);
  });

  it('is forgotten with the other one although somebody still listens', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const dropped = (() => {
      const work = { signal: linkedAbort(new AbortController().signal).signal };
      work.signal.addEventListener('abort', () => work);
      return new WeakRef(work);
    })();
    // A weak reference holds what it refers to until the turn of the loop that made it is over.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(dropped.deref()).toBeUndefined();
  });
});
