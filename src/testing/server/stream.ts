/** A body that grows while it is read: watches and followed logs. */

/** Text or bytes pushed in come out in order, everything that piled up as one chunk. One reader. */
export class ByteStream implements AsyncIterable<Uint8Array> {
  readonly #encoder = new TextEncoder();
  #pieces: (string | Uint8Array)[] = [];
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: unknown;
  #wake: (() => void) | undefined;
  readonly #onClose: (() => void)[] = [];

  /** Whether nothing more can be pushed. */
  get closed(): boolean {
    return this.#state !== 'open';
  }

  /** Calls `callback` once when the stream ends, fails, or its reader leaves. */
  onClose(callback: () => void): void {
    if (this.closed) callback();
    else this.#onClose.push(callback);
  }

  /** Adds a piece; ignored after the end. */
  push(piece: string | Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#pieces.push(piece);
    this.#signal();
  }

  /** Ends the body cleanly after what was pushed. */
  end(): void {
    this.#close('ended');
  }

  /** Breaks the body off, as a lost connection does; pieces not yet read are lost with it. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#error = error;
    this.#pieces = [];
    this.#close('failed');
  }

  #close(state: 'ended' | 'failed'): void {
    if (this.#state !== 'open') return;
    this.#state = state;
    for (const callback of this.#onClose.splice(0)) callback();
    this.#signal();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #take(): Uint8Array {
    const pieces = this.#pieces;
    this.#pieces = [];
    if (pieces.every((piece) => typeof piece === 'string')) return this.#encoder.encode(pieces.join(''));
    return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? this.#encoder.encode(piece) : piece)));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        if (this.#pieces.length > 0) yield this.#take();
        else if (this.#state === 'failed') throw this.#error;
        else if (this.#state === 'ended') return;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      this.end();
    }
  }
}
