/** A controller that also aborts with another signal. */

/** See {@link linkedAbort}. */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  /** Forgets the other signal: to be called when the work is over, since that signal may live longer and would gather listeners. */
  unlink(): void;
}

/**
 * A signal that aborts with `outer`, or by itself. Unlike one of `AbortSignal.any`, which Node keeps for as long as anybody listens to it, it is
 * forgotten together with whatever was given up with it: an executor that was dropped in the middle of its work, as a killed host's in a
 * simulation, would stay in memory for ever.
 */
export function linkedAbort(outer: AbortSignal | undefined): LinkedAbort {
  const own = new AbortController();
  const onAbort = () => own.abort(outer?.reason);
  if (outer?.aborted) onAbort();
  else outer?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    unlink: () => outer?.removeEventListener('abort', onAbort),
  };
}
