/** The wire between one host and the API server: it can be cut, go deaf, slow or silent, and it does not care whether the host still lives. */
import { type LinkedAbort, linkedAbort } from '../../core/linked-abort.js';
import { untilAborted } from '../../core/within.js';
import { KubeApiError } from '../../errors.js';
import type { Transport, TransportRequest, TransportResponse } from '../../kube/transport.js';
import { ConnectionDropped } from '../server/connection-dropped.js';
import type { VirtualClock } from '../virtual-clock.js';

/** What is wrong with the wire. */
export interface WireState {
  /**
   * `cut`: nothing arrives. `deaf`: requests arrive, answers do not. `leaseless`: nothing about leases arrives. `hole`: nothing arrives, and nobody is
   * told that: whoever asks waits until its own patience is over.
   */
  mode: 'open' | 'cut' | 'deaf' | 'leaseless' | 'hole';
  /** How long requests are under way before the server sees them, in milliseconds. */
  delayMs: number;
  /** How long answers are under way, in milliseconds, while watches tell their news at once. */
  answerDelayMs: number;
}

/** Never settles: what a dead process waits for does not come. */
export const never = <T>() => new Promise<T>(() => {});

const lost = () =>
  new KubeApiError('The connection was lost', { status: 0, reason: 'ConnectionReset', retryable: true });

/** What {@link HostWire} works with. */
export interface HostWireOptions {
  readonly inner: Transport;
  readonly clock: VirtualClock;
  /** Resolves when the host can hear; never once it is dead. */
  readonly hearing: () => Promise<void>;
  readonly isAlive: () => boolean;
  /** Whether what a host has sent still arrives after its death. */
  readonly outlivesSender: boolean;
  /** Told of each message that went over the wire. */
  readonly onMessage: () => void;
  /** Told of each read before it is sent. */
  readonly onRead: (request: TransportRequest) => void;
  /** Asked before each write; may kill the host in between. */
  readonly onWrite: (request: TransportRequest) => void;
}

/** See the module's text. */
export class HostWire implements Transport {
  readonly state: WireState = { mode: 'open', delayMs: 0, answerDelayMs: 0 };
  readonly #options: HostWireOptions;
  /** What the server has not answered yet. */
  readonly #sent = new Set<LinkedAbort>();

  constructor(options: HostWireOptions) {
    this.#options = options;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const { clock, hearing, isAlive, onMessage, onWrite } = this.#options;
    if (!isAlive()) return never();
    if (request.method === 'GET') this.#options.onRead(request);
    else onWrite(request);
    if (!isAlive()) return never();
    onMessage();
    if (this.state.mode === 'cut' || (this.state.mode === 'leaseless' && request.path.includes('/leases'))) {
      await clock.delay(1_000);
      await hearing();
      throw lost();
    }
    if (this.#isInHole) return this.#silence(request);
    // What is on the wire arrives, whatever becomes of the sender; the sender may have given up meanwhile.
    const answered = this.state.delayMs > 0 ? this.#late(request) : this.#send(request);
    const response = await answered.catch((error: unknown) => hearing().then(() => Promise.reject(error)));
    if (this.state.answerDelayMs > 0 && request.stream !== true) await this.#lags(request.signal);
    onMessage();
    await hearing();
    if (this.state.mode === 'deaf') throw lost();
    if (this.#isInHole) return this.#silence(request);
    return { ...response, body: this.#whileAlive(response.body, request) };
  }

  /** A call rather than a look at the state, which changes while a request waits. */
  get #isInHole(): boolean {
    return this.state.mode === 'hole';
  }

  /** Nothing more is heard of a request, whatever becomes of the wire; who asked may give up. */
  async #silence({ signal, idleTimeoutMs }: TransportRequest): Promise<never> {
    const { clock, hearing } = this.#options;
    const patience = linkedAbort(signal);
    const cancelLimit =
      idleTimeoutMs === undefined ? undefined : clock.schedule(idleTimeoutMs, () => patience.abort(lost()));
    try {
      return await untilAborted(never<never>(), patience.signal);
    } catch (error) {
      await hearing();
      throw error;
    } finally {
      cancelLimit?.();
      patience.unlink();
    }
  }

  async #late(request: TransportRequest): Promise<TransportResponse> {
    const { clock, isAlive, outlivesSender } = this.#options;
    const { signal } = request;
    let forget = () => {};
    const givenUp = new Promise<never>((_resolve, reject) => {
      const onAbort = () => reject(signal?.reason);
      if (signal?.aborted) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      forget = () => signal?.removeEventListener('abort', onAbort);
    });
    const arrived = clock.delay(this.state.delayMs).then(() => {
      if (isAlive() || outlivesSender) return this.#send({ ...request, signal: undefined }).finally(forget);
      forget();
      return never<TransportResponse>();
    });
    return Promise.race([arrived, givenUp]);
  }

  /** Nothing is wrong with it any more. */
  mend(): void {
    Object.assign(this.state, { mode: 'open', delayMs: 0, answerDelayMs: 0 } satisfies WireState);
  }

  /** An answer takes its time; who asked may give up meanwhile. */
  async #lags(signal: AbortSignal | undefined): Promise<void> {
    const { clock, hearing } = this.#options;
    const givenUp = (error: unknown) => hearing().then(() => Promise.reject(error));
    await clock.delay(this.state.answerDelayMs, { signal }).catch(givenUp);
  }

  /** The host is dead: where nothing outlives it, what the server has not looked at yet is lost. */
  breakOff(): void {
    if (this.#options.outlivesSender) return;
    for (const sent of this.#sent) sent.abort(new ConnectionDropped());
    this.#sent.clear();
  }

  /** Hands a request over to the server. */
  #send(request: TransportRequest): Promise<TransportResponse> {
    const { inner, outlivesSender } = this.#options;
    if (outlivesSender || request.stream === true) return inner.request(request);
    const sent = linkedAbort(request.signal);
    this.#sent.add(sent);
    return inner.request({ ...request, signal: sent.signal }).finally(() => {
      sent.unlink();
      this.#sent.delete(sent);
    });
  }

  async *#whileAlive(body: AsyncIterable<Uint8Array>, request: TransportRequest): AsyncGenerator<Uint8Array> {
    const { hearing, onMessage } = this.#options;
    for await (const piece of body) {
      await hearing();
      if (this.state.mode === 'cut' || this.state.mode === 'deaf') throw lost();
      if (this.#isInHole) await this.#silence(request);
      onMessage();
      yield piece;
    }
  }
}
