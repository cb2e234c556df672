/** Faults that every pod meets which fits, as soon as it does. */
import type { Random } from '../../core/random.js';
import type { Pod } from '../../wire/types.js';
import { type FaultContext, FaultTarget } from '../fault-target.js';
import { fitsName } from './glob.js';
import type { FaultSpec } from './spec.js';

/** Asks the API server as the cluster's own parts do. */
export type ApiCall = (method: 'DELETE' | 'PATCH', path: string, body: object) => Promise<void>;

/** What faults of pods need. */
export interface PodFaultContext extends FaultContext {
  readonly random: Random;
  readonly api: ApiCall;
}

/** Faults that a pod meets before it starts, so that no phase is waited for. */
const EARLY = new Set(['imagePull', 'configError', 'reject', 'foreignFinalizer', 'delete']);
const ENDED = new Set(['Succeeded', 'Failed']);
const DEFAULT_FINALIZER = 'example.com/hold';

const pathOf = (pod: Pod) => `/api/v1/namespaces/${pod.metadata?.namespace ?? ''}/pods/${pod.metadata?.name ?? ''}`;

function isDue(spec: FaultSpec, pod: Pod): boolean {
  const phase = pod.status?.phase ?? '';
  if (spec.phase !== undefined) return phase === spec.phase;
  if (spec.fault === 'ttlRace') return ENDED.has(phase);
  if (spec.fault === 'heal') return phase === 'Pending';
  return EARLY.has(spec.fault) ? !ENDED.has(phase) : phase === 'Running';
}

/** What the fault does to one pod. */
async function act(spec: FaultSpec, pod: Pod, context: PodFaultContext): Promise<unknown> {
  const target = new FaultTarget(context, (view) => view.pod.metadata?.uid === pod.metadata?.uid);
  switch (spec.fault) {
    case 'evict':
      return target.evict();
    case 'preempt':
      return target.preempt();
    case 'nodeLost':
      return target.nodeLost();
    case 'nodeShutdown':
      return target.nodeShutdown();
    case 'oom':
      return target.oom({ exitZero: spec.exitZero ?? false });
    case 'fail':
      return target.fail(spec.exitCode);
    case 'imagePull':
      return target.imagePull(spec.kind);
    case 'configError':
      return target.configError(spec.message);
    case 'heal':
      return target.heal();
    case 'reject':
      return target.reject(spec.reason);
    case 'foreignFinalizer': {
      const finalizers = [...(pod.metadata?.finalizers ?? []), spec.finalizer ?? DEFAULT_FINALIZER];
      return context.api('PATCH', pathOf(pod), { metadata: { finalizers } });
    }
    default: {
      const gracePeriodSeconds = spec.fault === 'ttlRace' ? 0 : spec.gracePeriodSeconds;
      return context.api('DELETE', pathOf(pod), gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
    }
  }
}

/** Takes the finalizer away from the pods that were given it. */
async function release(spec: FaultSpec, context: PodFaultContext): Promise<void> {
  const name = spec.finalizer ?? DEFAULT_FINALIZER;
  for (const { object } of context.store.list('pods', '')) {
    const finalizers = object.metadata?.finalizers ?? [];
    if (!finalizers.includes(name)) continue;
    const rest = finalizers.filter((other) => other !== name);
    await context.api('PATCH', pathOf(object as Pod), { metadata: { finalizers: rest.length === 0 ? null : rest } });
  }
}

/** Begins a fault of pods; the returned function ends it. */
export function startPodFault(spec: FaultSpec, context: PodFaultContext): () => void {
  const met = new Set<string>();
  let left = spec.times ?? Number.POSITIVE_INFINITY;
  const see = (pod: Pod) => {
    const uid = pod.metadata?.uid ?? '';
    if (left <= 0 || met.has(uid) || !isDue(spec, pod)) return;
    if (!fitsName(spec.pod, pod.metadata?.name ?? '') || !fitsName(spec.namespace, pod.metadata?.namespace ?? ''))
      return;
    met.add(uid);
    if (spec.share !== undefined && context.random.next() >= spec.share) return;
    left--;
    // A pod that goes meanwhile is past all faults.
    act(spec, pod, context).catch(() => undefined);
  };
  const unsubscribe = context.store.subscribe('pods', ({ after }) => after !== undefined && see(after as Pod));
  for (const { object } of context.store.list('pods', '')) see(object as Pod);
  return () => {
    unsubscribe();
    if (spec.fault === 'foreignFinalizer') release(spec, context).catch(() => undefined);
  };
}
