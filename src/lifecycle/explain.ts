/** Says of any pod, ours or not, how it stands and why. Pure. */
import { redactAll } from '../core/redact.js';
import type { Verdict, VerdictKind } from '../core/verdict.js';
import type { KubeEvent, Pod } from '../wire/types.js';
import { endOf } from './classify.js';
import { observe, type PodObservation } from './observation.js';
import { KIND_FACTS } from './verdict-kinds.js';
import { waitingOf } from './waiting.js';

/** How a pod stands. */
export interface PodExplanation {
  /** The pod as `namespace/name`. */
  readonly pod: string;
  /** What it does. */
  readonly state: 'waiting' | 'running' | 'deleting' | 'succeeded' | 'failed';
  /** One line that says so. */
  readonly summary: string;
  /** What to do, where something can be done. */
  readonly hint: string | undefined;
  /** Of a pod that waits: the verdict that it will have if it waits too long. */
  readonly pending: VerdictKind | undefined;
  /** Of a pod that has failed: why. */
  readonly verdict: Verdict | undefined;
  /** Oddities that did not decide. */
  readonly warnings: readonly string[];
  /** Events of the pod, newest last, as far as they were given. */
  readonly events: readonly string[];
}

const timeOf = ({ lastTimestamp, eventTime }: KubeEvent) => lastTimestamp ?? eventTime ?? '';

/** Events of a pod as lines, newest last. */
export function eventLines(events: readonly KubeEvent[], most: number): string[] {
  return [...events]
    .sort((a, b) => timeOf(a).localeCompare(timeOf(b)))
    .slice(-most)
    .map(({ reason, message }) => `${reason ?? 'Event'}: ${(message ?? '').slice(0, 300)}`);
}

type Standing = Omit<PodExplanation, 'pod' | 'events'>;
const standing = (parts: Pick<PodExplanation, 'state' | 'summary'> & Partial<Standing>): Standing => ({
  hint: undefined,
  pending: undefined,
  verdict: undefined,
  warnings: [],
  ...parts,
});

function explainLive(pod: PodObservation): Standing {
  if (pod.isDeleting)
    return standing({
      state: 'deleting',
      summary: 'It is being deleted, and has not ended yet',
      hint: 'If this lasts, look at its node and at its finalizers.',
    });
  const waiting = waitingOf(pod);
  if (waiting === undefined) return standing({ state: 'running', summary: `It runs on ${pod.node ?? 'a node'}` });
  return standing({
    state: 'waiting',
    summary: waiting.text,
    hint: KIND_FACTS[waiting.kind].hint,
    pending: waiting.kind,
  });
}

/** Explains a pod; what looks like a secret is taken out. Nothing that a pod may lack or carry makes this throw. */
export function explainPod(pod: Pod, events: readonly KubeEvent[] = []): PodExplanation {
  const seen = observe(pod);
  const { hint, ...told } = { ...standingOf(seen), events: eventLines(events, 10) };
  return { pod: `${seen.namespace}/${seen.name}`, hint, ...redactAll(told) };
}

function standingOf(seen: PodObservation): Standing {
  const end = endOf(seen);
  if (end === undefined) return explainLive(seen);
  const { warnings } = end;
  if (end.result === 'success') return standing({ state: 'succeeded', summary: 'It has done its work', warnings });
  const { verdict } = end;
  return standing({ state: 'failed', summary: verdict.message, hint: verdict.hint, verdict, warnings });
}
