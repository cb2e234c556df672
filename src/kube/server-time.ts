/** The API server's clock, as its answers show it. */

/**
 * A Date header has whole seconds, and the answer took a while to come: each leaves a range for the offset between the two clocks. The
 * ranges of many answers are cut with each other, so that the offset is soon known to a few milliseconds.
 */
export class ServerTime {
  #low = Number.NEGATIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;

  /** Notes an answer. Times are the host's, in milliseconds since the epoch. */
  note(dateHeader: string | undefined, sentAt: number, receivedAt: number): void {
    const date = Date.parse(dateHeader ?? '');
    if (Number.isNaN(date)) return;
    const low = date - receivedAt;
    const high = date + 1_000 - sentAt;
    const [nextLow, nextHigh] = [Math.max(this.#low, low), Math.min(this.#high, high)];
    // No offset fits all answers: one of the clocks was set, and only the newest answer counts.
    [this.#low, this.#high] = nextLow <= nextHigh ? [nextLow, nextHigh] : [low, high];
  }

  /** Milliseconds to add to the host's clock for the server's; `undefined` before the first answer. */
  get offsetMs(): number | undefined {
    return Number.isFinite(this.#low) ? (this.#low + this.#high) / 2 : undefined;
  }
}
