/** What happens inside, on Node's diagnostics channels: costs nothing while nobody listens. */
import { channel } from 'node:diagnostics_channel';

/** Names of the channels. Public; listed in `docs/telemetry.md`. */
export const DIAGNOSTICS_CHANNELS = Object.freeze({
  /** Every event of every executor: `{ event, executor, payload }`. */
  executor: 'podwright:executor',
  /** Every answered or failed attempt of a call to the API server: `{ verb, path, status, durationMs }`. */
  apiCall: 'podwright:api-call',
});

/** A message on the channel `podwright:executor`. */
export interface ExecutorMessage {
  /** Name of the event, as listeners know it. */
  readonly event: string;
  /** Name of the executor. */
  readonly executor: string;
  /** What listeners get. */
  readonly payload: unknown;
}

/** A message on the channel `podwright:api-call`. */
export interface ApiCallMessage {
  /** HTTP method. */
  readonly method: string;
  /** Path without its query. */
  readonly path: string;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Milliseconds to the head of the answer. */
  readonly durationMs: number;
}

const executorChannel = channel(DIAGNOSTICS_CHANNELS.executor);
const apiCallChannel = channel(DIAGNOSTICS_CHANNELS.apiCall);

/** Publishes an event of an executor. */
export function publishExecutorEvent(message: ExecutorMessage): void {
  if (executorChannel.hasSubscribers) executorChannel.publish(message);
}

/** Publishes a call; the message is only made where somebody listens. */
export function publishApiCall(message: () => ApiCallMessage): void {
  if (apiCallChannel.hasSubscribers) apiCallChannel.publish(message());
}
