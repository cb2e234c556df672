/** Captures what only the server has about a failed pod, before the pod goes: events and the end of the log. */
import type { Clock } from '../../core/clock.js';
import type { Verdict } from '../../core/verdict.js';
import type { EventReader, LogReader } from '../../kube/kube-client.js';
import { eventLines } from '../../lifecycle/explain.js';
import type { PodObservation } from '../../lifecycle/observation.js';

const LIMIT_MS = 5_000;
const MAX_EVENTS = 10;
const TAIL_LINES = 20;
const TAIL_BYTES = 4_096;

async function recentEvents(client: EventReader, pod: PodObservation, signal: AbortSignal): Promise<string[]> {
  const list = await client.listEvents({
    namespace: pod.namespace,
    fieldSelector: `involvedObject.uid=${pod.uid}`,
    limit: 50,
    signal,
  });
  return eventLines(list.items, MAX_EVENTS);
}

async function logTail(
  client: LogReader,
  pod: PodObservation,
  container: string,
  signal: AbortSignal,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of client.readLog(pod.namespace, pod.name, { container, tailLines: TAIL_LINES, signal })) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > 256 * 1024) break;
  }
  return Buffer.concat(chunks).subarray(-TAIL_BYTES).toString('utf8').trimEnd();
}

/** Adds events and log tail to a verdict, as far as they can be had within five seconds. Never rejects. */
export async function withServerEvidence(
  client: EventReader & LogReader,
  pod: PodObservation,
  verdict: Verdict,
  clock: Clock,
): Promise<Verdict> {
  const limit = new AbortController();
  const cancelLimit = clock.schedule(LIMIT_MS, () => limit.abort(new Error('evidence took too long')));
  const { container } = verdict.evidence;
  const hasRun = verdict.evidence.exitCode !== undefined || verdict.kind === 'deadline.running';
  const wantsLog = container !== undefined && hasRun;
  const orNothing = <T>(work: Promise<T>): Promise<T | undefined> => work.catch(() => undefined);
  const [events, tail] = await Promise.all([
    orNothing(recentEvents(client, pod, limit.signal)),
    wantsLog ? orNothing(logTail(client, pod, container, limit.signal)) : undefined,
  ]);
  cancelLimit();
  return {
    ...verdict,
    evidence: {
      ...verdict.evidence,
      ...(events === undefined || events.length === 0 ? {} : { events }),
      ...(tail === undefined || tail === '' ? {} : { logTail: tail }),
    },
  };
}
