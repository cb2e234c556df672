/** All faults of a cluster: rules of requests, and faults by name with their times. */
import type { Clock } from '../../core/clock.js';
import { durationMs } from '../../core/duration.js';
import { ClusterError } from '../../errors.js';
import type { Prohibition } from '../server/access.js';
import type { RequestFault, RequestFaults } from '../server/faults.js';
import { type PodFaultContext, startPodFault } from './pod-faults.js';
import { requestFaultOf } from './request-faults.js';
import { type FaultSpec, POD_FAULTS, parseFaults, REQUEST_FAULTS, WATCH_FAULTS } from './spec.js';
import type { WatchFaults } from './watch-faults.js';

/** What faults act on. */
export interface ClusterFaultContext extends PodFaultContext {
  readonly clock: Clock;
  readonly requests: RequestFaults;
  readonly watches: WatchFaults;
  readonly dropWatches: (clean: boolean) => void;
  readonly compact: () => void;
  readonly restart: () => void;
  readonly rotateToken: (token: string) => void;
  readonly forbid: (prohibition: Prohibition) => () => void;
}

const has = (names: readonly string[], spec: FaultSpec) => names.includes(spec.fault);

/** Adds and removes faults of a cluster. */
export class ClusterFaults {
  readonly #context: ClusterFaultContext;
  readonly #stops = new Set<() => void>();

  /** @internal */
  constructor(context: ClusterFaultContext) {
    this.#context = context;
  }

  /** Adds a rule for requests; the returned function takes it away. */
  add(fault: RequestFault): () => void {
    return this.#context.requests.add(fault);
  }

  /**
   * Begins a fault by name, now or at its time; the returned function ends it. Times are counted on the cluster's clock.
   * @throws ConfigError which names every field that is wrong.
   * @throws ClusterError for a fault of pods in a cluster without a kubelet.
   */
  inject(spec: FaultSpec): () => void {
    parseFaults(spec);
    const { clock, kubelet } = this.#context;
    const needsKubelet = has(POD_FAULTS, spec) && !['delete', 'ttlRace', 'foreignFinalizer'].includes(spec.fault);
    if (needsKubelet && kubelet === undefined)
      throw new ClusterError(
        `The fault ${spec.fault} needs a kubelet`,
        'Start the cluster with kubelet: "scripted" or "process".',
      );
    const cancels: (() => void)[] = [];
    const stop = () => {
      this.#stops.delete(stop);
      for (const cancel of cancels.splice(0)) cancel();
    };
    this.#stops.add(stop);
    const begin = () => {
      cancels.push(this.#begin(spec));
      if (spec.lasts !== undefined) cancels.push(clock.schedule(durationMs(spec.lasts, 'lasts'), stop));
    };
    if (spec.after === undefined) begin();
    else cancels.push(clock.schedule(durationMs(spec.after, 'after'), begin));
    return stop;
  }

  #begin(spec: FaultSpec): () => void {
    const { requests, watches, store } = this.#context;
    if (has(POD_FAULTS, spec)) return startPodFault(spec, this.#context);
    if (has(REQUEST_FAULTS, spec)) return requests.add(requestFaultOf(spec, store.revision));
    if (has(WATCH_FAULTS, spec)) {
      const stop = watches.add(spec);
      // A storm meets those who watch already, too.
      if (spec.fault === 'gone410Storm') this.#context.dropWatches(true);
      return stop;
    }
    if (spec.fault === 'forbid') return this.#context.forbid(spec);
    return this.#repeated(spec);
  }

  /** Something that happens to the whole server, once or again and again. */
  #repeated(spec: FaultSpec): () => void {
    const { clock } = this.#context;
    let cancel = () => {};
    let left = spec.times ?? Number.POSITIVE_INFINITY;
    const happen = () => {
      this.#happen(spec);
      left--;
      if (spec.every !== undefined && left > 0) cancel = clock.schedule(durationMs(spec.every, 'every'), happen);
    };
    happen();
    return () => cancel();
  }

  #happen(spec: FaultSpec): void {
    const { dropWatches, compact, restart, rotateToken } = this.#context;
    switch (spec.fault) {
      case 'watchDrop':
        dropWatches(spec.clean ?? false);
        break;
      case 'watch410':
        compact();
        dropWatches(true);
        break;
      case 'tokenRotate':
        rotateToken(spec.token ?? '');
        break;
      default:
        restart();
    }
  }

  /** Takes all rules away and ends every fault. What has happened to pods stays. */
  clear(): void {
    for (const stop of [...this.#stops]) stop();
    this.#context.requests.clear();
    this.#context.watches.clear();
  }
}
