/** `podwright replay`: plays an incident again on the embedded cluster, and tells whether the same comes of it. */
import { readFileSync } from 'node:fs';
import { seededRandom } from '../../core/random.js';
import type { IncidentEntry, IncidentHead } from '../../executors/kubernetes/incident-log.js';
import { INCIDENT_VERSION } from '../../executors/kubernetes/incident-log.js';
import { KubernetesExecutor } from '../../executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../executors/kubernetes/kubernetes-options.js';
import type { VirtualClock } from '../../testing/virtual-clock.js';
import { ANNOTATIONS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';

interface Incident {
  readonly head: IncidentHead;
  readonly entries: readonly IncidentEntry[];
}

type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** How long a launch is waited for whose pod the record shows, and an outcome after the last entry. */
const LAUNCH_LIMIT_MS = 600_000;
const OUTCOME_LIMIT_MS = 48 * 3_600_000;

function readIncident(file: string): Incident {
  const bad = (why: string) =>
    new CommandFailure(
      `${file} is no incident record: ${why}`,
      EXIT.usage,
      'Give a file that an executor with `incidents` has written.',
    );
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw bad((error as Error).message);
  }
  const lines = text.split('\n').filter((line) => line !== '');
  let records: unknown[];
  try {
    records = lines.map((line) => JSON.parse(line) as unknown);
  } catch (error) {
    throw bad((error as Error).message);
  }
  const [head, ...entries] = records as [IncidentHead | undefined, ...IncidentEntry[]];
  if (head?.type !== 'incident') throw bad('its first line is not of type "incident"');
  if (head.version !== INCIDENT_VERSION)
    throw bad(`its version is ${String(head.version)}, and this program reads version ${INCIDENT_VERSION}`);
  return { head, entries };
}

async function startCluster() {
  const { FakeCluster } = await import('../../testing/fake-cluster.js');
  return FakeCluster.start({ seed: 1, clock: 'virtual', kubelet: 'none' });
}

async function send(cluster: Cluster, method: 'POST' | 'PATCH' | 'DELETE', path: string, body: object): Promise<void> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const request = { method, path, headers: { 'content-type': type }, body: JSON.stringify(body) };
  for await (const _piece of (await cluster.transport().request(request)).body);
}

/** The pod of a launch, as soon as the executor has made it. */
async function podOfLaunch(cluster: Cluster, clock: VirtualClock, launch: number): Promise<Pod | undefined> {
  for (let waitedMs = 0; waitedMs <= LAUNCH_LIMIT_MS; waitedMs += 500) {
    const found = cluster.pods().find(({ metadata }) => metadata?.annotations?.[ANNOTATIONS.launch] === String(launch));
    if (found !== undefined) return found;
    await clock.advance(500);
  }
  return undefined;
}

/** The executor itself has ended the pod then, and will now, a moment earlier or later. */
async function untilEnded(cluster: Cluster, clock: VirtualClock, launch: number): Promise<void> {
  for (let waitedMs = 0; waitedMs <= LAUNCH_LIMIT_MS; waitedMs += 500) {
    const pod = await podOfLaunch(cluster, clock, launch);
    if (pod?.metadata?.deletionTimestamp !== undefined) return;
    await clock.advance(500);
  }
}

/** Brings the embedded pod into the state that the record shows. */
async function play(cluster: Cluster, pod: Pod, recorded: Pod): Promise<void> {
  const { namespace = 'default', name = '', deletionTimestamp } = pod.metadata ?? {};
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  const { nodeName } = recorded.spec ?? {};
  if (nodeName !== undefined && pod.spec?.nodeName === undefined)
    await send(cluster, 'POST', `${path}/binding`, { metadata: { name }, target: { kind: 'Node', name: nodeName } });
  if (recorded.status !== undefined) await send(cluster, 'PATCH', `${path}/status`, { status: recorded.status });
  if (recorded.metadata?.deletionTimestamp !== undefined && deletionTimestamp === undefined)
    await send(cluster, 'DELETE', path, { gracePeriodSeconds: recorded.metadata.deletionGracePeriodSeconds ?? 30 });
}

function executorFor({ head, entries }: Incident, cluster: Cluster): KubernetesExecutor {
  const first = entries.find((entry) => entry.type === 'pod');
  const spec = first?.type === 'pod' ? first.pod.spec : undefined;
  const containers = spec?.containers.map((container) => ({ ...container, image: 'replayed' }));
  const rules = head.rules as Partial<KubernetesExecutorOptions>;
  return new KubernetesExecutor({
    ...rules,
    kubeClient: cluster.kubeClient(),
    clock: cluster.clock,
    random: seededRandom(1),
    drive: 'self',
    executorId: 'replay',
    config: { ...rules.config, image: 'replayed' },
    ...(containers === undefined
      ? {}
      : {
          podTemplate: {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: 'replayed' },
            spec: { restartPolicy: spec?.restartPolicy, containers },
          },
        }),
  });
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1).padStart(9)} s`;

function tellOf(entry: IncidentEntry): string {
  switch (entry.type) {
    case 'launch':
      return `launch ${entry.launch}`;
    case 'pod': {
      const { metadata, status } = entry.pod;
      const states = (status?.containerStatuses ?? []).map(
        ({ name, state }) =>
          `${name} ${state?.terminated?.reason ?? state?.waiting?.reason ?? Object.keys(state ?? {})[0] ?? ''}`,
      );
      const leaving = metadata?.deletionTimestamp === undefined ? '' : ', being deleted';
      return `pod ${metadata?.name}: ${status?.phase ?? 'no phase'}${leaving}${states.length > 0 ? ` (${states.join(', ')})` : ''}`;
    }
    case 'gone':
      return 'the pod is gone';
    case 'ending':
      return `is ended: ${entry.kind}`;
    case 'pending':
      return `waits: ${entry.reason}`;
    case 'warning':
      return `warning: ${entry.warning}`;
    case 'relaunch':
      return `is launched again after ${entry.kind}: ${entry.message}`;
    case 'outcome':
      return entry.state === 'success' ? 'outcome: success' : `outcome: failed, ${entry.kind}: ${entry.message}`;
  }
}

/** Replays a file; the exit code is 1 where something else comes of it than was told then. */
export async function runReplay(file: string, options: { readonly json?: boolean }, io: CliIo): Promise<number> {
  const incident = readIncident(file);
  const { head, entries } = incident;
  const cluster = await startCluster();
  const { clock } = cluster;
  const executor = executorFor(incident, cluster);
  try {
    const story = entries.map((entry) => `${seconds(entry.at)}  ${tellOf(entry)}`);
    const starting = executor.start();
    await clock.advance(1_000);
    await starting;
    let outcome: string | undefined;
    executor.on('outcome', (ended) => {
      outcome = ended.state === 'success' ? 'success' : ended.verdict.kind;
    });
    executor.queueTask({
      key: head.key,
      command: ['replayed'],
      ...(head.timeouts === undefined ? {} : { timeouts: head.timeouts }),
    });
    const begun = clock.monotonic();
    for (const entry of entries) {
      if (entry.type === 'ending') await untilEnded(cluster, clock, entry.launch);
      if (entry.type !== 'pod' && entry.type !== 'gone') continue;
      await clock.advance(Math.max(0, begun + entry.at - clock.monotonic()));
      if (outcome !== undefined) break;
      const pod = await podOfLaunch(cluster, clock, entry.launch);
      if (pod === undefined) continue;
      const { namespace = 'default', name = '' } = pod.metadata ?? {};
      if (entry.type === 'pod') await play(cluster, pod, entry.pod);
      else await send(cluster, 'DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0 });
      await clock.advance(1);
    }
    const limit = clock.monotonic() + OUTCOME_LIMIT_MS;
    while (outcome === undefined && clock.monotonic() < limit) await clock.advance(60_000);
    const last = entries.findLast((entry) => entry.type === 'outcome');
    const told = last?.type !== 'outcome' ? undefined : last.state === 'success' ? 'success' : last.kind;
    const isSame = told === undefined || told === outcome;
    if (options.json === true) io.out(`${JSON.stringify({ key: head.key, told, replayed: outcome, isSame })}\n`);
    else {
      io.out(`${story.join('\n')}\n`);
      io.out(`then: ${told ?? 'no outcome'}; replayed: ${outcome ?? 'no outcome'}${isSame ? '' : ' (not the same)'}\n`);
    }
    return isSame ? EXIT.ok : EXIT.tasksFailed;
  } finally {
    const ended = executor.terminate();
    await clock.advance(120_000);
    await ended;
    await cluster.stop();
  }
}
