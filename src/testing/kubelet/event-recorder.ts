/** Events of scheduler, kubelet and node controller. One that happens again is counted, as the real recorders do. */
import type { Clock } from '../../core/clock.js';
import { formatTime } from '../../wire/micro-time.js';
import type { KubeEvent, Pod } from '../../wire/types.js';
import type { ClusterApi } from './cluster-api.js';

/** What an event says. */
export interface EventFacts {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** The container it is about. */
  readonly container?: string | undefined;
  /** Who says it. @default 'kubelet' */
  readonly component?: string | undefined;
}

interface Told {
  readonly name: string;
  count: number;
  /** Writes go out one after the other. */
  writes: Promise<unknown>;
}

/** How many events are remembered, to be counted when they happen again: as many as the real recorders do. */
const REMEMBERED = 4096;

/** The part of a pod that a container is. */
function fieldPath({ spec }: Pod, container: string): string {
  const isInit = spec?.initContainers?.some(({ name }) => name === container) ?? false;
  return `spec.${isInit ? 'initContainers' : 'containers'}{${container}}`;
}

/** Writes Events about pods; what cannot be written is lost, as with any recorder. */
export class EventRecorder {
  readonly #api: ClusterApi;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** The one told longest ago comes first. */
  readonly #told = new Map<string, Told>();
  #events = 0;

  constructor(api: ClusterApi, clock: Clock, signal: AbortSignal) {
    this.#api = api;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Writes an event about a pod. */
  record(pod: Pod, facts: EventFacts): void {
    if (this.#signal.aborted) return;
    const { namespace = 'default', name = '', uid = '' } = pod.metadata ?? {};
    const { component, type, reason, container, message } = facts;
    const key = [uid, component, type, reason, container, message].join('\n');
    const path = `/api/v1/namespaces/${namespace}/events`;
    const before = this.#told.get(key);
    this.#told.delete(key);
    if (before === undefined) {
      const event = this.#event(pod, facts, `${name.slice(0, 200)}.${(++this.#events).toString(16).padStart(16, '0')}`);
      if (this.#told.size >= REMEMBERED) this.#told.delete(this.#told.keys().next().value as string);
      const writes = this.#api.create(path, event).catch(() => undefined);
      this.#told.set(key, { name: event.metadata?.name ?? '', count: 1, writes });
      return;
    }
    this.#told.set(key, before);
    before.count++;
    const again = { count: before.count, lastTimestamp: formatTime(this.#clock.now()) };
    before.writes = before.writes.then(() => this.#api.patch(`${path}/${before.name}`, again)).catch(() => undefined);
  }

  #event(pod: Pod, { type, reason, message, container, component = 'kubelet' }: EventFacts, name: string): KubeEvent {
    const { namespace = 'default', name: podName = '', uid = '' } = pod.metadata ?? {};
    const at = formatTime(this.#clock.now());
    const node = pod.spec?.nodeName;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        kind: 'Pod',
        namespace,
        name: podName,
        uid,
        ...(container === undefined ? {} : { fieldPath: fieldPath(pod, container) }),
      },
      reason,
      message,
      type,
      count: 1,
      firstTimestamp: at,
      lastTimestamp: at,
      source: { component, ...(component === 'kubelet' && node !== undefined ? { host: node } : {}) },
      reportingComponent: component,
    };
  }
}
