/** What makes a pod one of podwright's: name, identity, command and the context of its task. */
import type { QueuedTask } from '../core/outcome.js';
import type { TaskInstanceKey } from '../core/task-key.js';
import { NOTHING_SPENT, type SpentLaunches } from '../lifecycle/policy.js';
import { ANNOTATIONS, LABELS, MANAGED_BY, WIRE_SCHEMA } from '../wire/names.js';
import type { Container, Pod, PodSpec } from '../wire/types.js';
import { makeSafeLabelValue, makeSafePodName } from './names.js';

/** What a launch adds to a workload. */
export interface LaunchContext {
  /** Number of the launch within the try, from 1. */
  readonly launch: number;
  /** Launches already lost, by budget. */
  readonly spent: SpentLaunches;
  /** Identity of the executor. */
  readonly executorId: string;
}

/** What {@link withSystemFields} goes by. */
export interface SystemFieldOptions {
  readonly baseContainer: string;
  readonly namespace: string | undefined;
  /** Whether Airflow's own labels and annotations are written, too. */
  readonly hasAirflowLabels: boolean;
}

/** What {@link ANNOTATIONS}.spent holds. */
export const encodeSpent = ({ infra, oom, task }: SpentLaunches) => `infra=${infra},oom=${oom},task=${task}`;

/** Reads what {@link ANNOTATIONS}.spent holds; unreadable parts count as nothing spent. */
export function decodeSpent(text: string | undefined): SpentLaunches {
  const parts = new Map((text ?? '').split(',').map((part) => part.split('=') as [string, string]));
  const read = (name: string) => {
    const count = Number(parts.get(name));
    return Number.isSafeInteger(count) && count > 0 ? count : 0;
  };
  const spent = { infra: read('infra'), oom: read('oom'), task: read('task') };
  return spent.infra + spent.oom + spent.task === 0 ? NOTHING_SPENT : spent;
}

/** Variables that tell a task which one it is: ours, and those that programs written for Airflow look for. */
export function contextVariables({
  key,
  context = {},
}: Pick<QueuedTask, 'key' | 'context'>): Readonly<Record<string, string>> {
  const given = context.logical_date ?? context.logicalDate;
  const date = given instanceof Date ? given.toISOString() : given;
  return {
    PODWRIGHT_DAG_ID: key.dagId,
    PODWRIGHT_TASK_ID: key.taskId,
    PODWRIGHT_RUN_ID: key.runId,
    PODWRIGHT_TRY_NUMBER: String(key.tryNumber),
    PODWRIGHT_MAP_INDEX: String(key.mapIndex),
    AIRFLOW_CTX_DAG_ID: key.dagId,
    AIRFLOW_CTX_TASK_ID: key.taskId,
    AIRFLOW_CTX_DAG_RUN_ID: key.runId,
    AIRFLOW_CTX_TRY_NUMBER: String(key.tryNumber),
    ...(typeof date === 'string'
      ? { PODWRIGHT_LOGICAL_DATE: date, AIRFLOW_CTX_LOGICAL_DATE: date, AIRFLOW_CTX_EXECUTION_DATE: date }
      : {}),
  };
}

function withCommand(container: Container, task: QueuedTask, hasAirflowLabels: boolean): Container {
  const { command } = task;
  const context = { ...contextVariables(task), ...(hasAirflowLabels ? { AIRFLOW_IS_K8S_EXECUTOR_POD: 'True' } : {}) };
  const own = (container.env ?? []).filter(({ name }) => !Object.hasOwn(context, name));
  const [program, ...args] = command as [string, ...string[]];
  return {
    ...container,
    command: [program],
    args,
    env: [...own, ...Object.entries(context).map(([name, value]) => ({ name, value }))],
    // Without a termination message the last lines of the log tell why a task failed, even when its log cannot be read.
    terminationMessagePolicy: container.terminationMessagePolicy ?? 'FallbackToLogsOnError',
  };
}

/** Airflow's names, for tools that select pods by them. */
const airflowLabels = (key: TaskInstanceKey, executorId: string): Record<string, string> => ({
  dag_id: makeSafeLabelValue(key.dagId),
  task_id: makeSafeLabelValue(key.taskId),
  run_id: makeSafeLabelValue(key.runId),
  try_number: String(key.tryNumber),
  ...(key.mapIndex >= 0 ? { map_index: String(key.mapIndex) } : {}),
  kubernetes_executor: 'True',
  'airflow-worker': makeSafeLabelValue(executorId),
});
const airflowAnnotations = (key: TaskInstanceKey): Record<string, string> => ({
  dag_id: key.dagId,
  task_id: key.taskId,
  run_id: key.runId,
  try_number: String(key.tryNumber),
  ...(key.mapIndex >= 0 ? { map_index: String(key.mapIndex) } : {}),
});

/** Everything but the parts that are set anew, so that those come first, in the order that people know. */
function without({ apiVersion: _a, kind: _k, metadata: _m, spec: _s, ...rest }: Pod): Pod {
  return rest;
}

/** The pod with everything that podwright itself sets. The pod given is not changed. */
export function withSystemFields(
  pod: Pod,
  task: QueuedTask,
  { launch, spent, executorId }: LaunchContext,
  { baseContainer, namespace, hasAirflowLabels }: SystemFieldOptions,
): Pod {
  const { key } = task;
  const spec: PodSpec = { ...pod.spec, containers: pod.spec?.containers ?? [] };
  const containers = spec.containers.some(({ name }) => name === baseContainer)
    ? spec.containers
    : [{ name: baseContainer } as Container, ...spec.containers];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...without(pod),
    metadata: {
      ...pod.metadata,
      name: makeSafePodName(key, launch),
      namespace: pod.metadata?.namespace ?? namespace ?? 'default',
      labels: {
        ...pod.metadata?.labels,
        ...(hasAirflowLabels ? airflowLabels(key, executorId) : {}),
        [LABELS.managedBy]: MANAGED_BY,
        [LABELS.executorId]: makeSafeLabelValue(executorId),
        [LABELS.dagId]: makeSafeLabelValue(key.dagId),
        [LABELS.taskId]: makeSafeLabelValue(key.taskId),
        [LABELS.runId]: makeSafeLabelValue(key.runId),
        [LABELS.tryNumber]: String(key.tryNumber),
        ...(key.mapIndex >= 0 ? { [LABELS.mapIndex]: String(key.mapIndex) } : {}),
      },
      annotations: {
        ...pod.metadata?.annotations,
        ...(hasAirflowLabels ? airflowAnnotations(key) : {}),
        [ANNOTATIONS.schema]: WIRE_SCHEMA,
        [ANNOTATIONS.key]: JSON.stringify(key),
        [ANNOTATIONS.launch]: String(launch),
        [ANNOTATIONS.spent]: encodeSpent(spent),
        [ANNOTATIONS.baseContainer]: baseContainer,
        ...(task.queue === undefined ? {} : { [ANNOTATIONS.queue]: task.queue }),
      },
    },
    spec: {
      ...spec,
      restartPolicy: spec.restartPolicy ?? 'Never',
      containers: containers.map((container) =>
        container.name === baseContainer ? withCommand(container, task, hasAirflowLabels) : container,
      ),
    },
  };
}

/** What makes a pod ours: taken before the mutation hook and put back after it. */
export function identityOf({ metadata = {} }: Pod) {
  const own = (values: Readonly<Record<string, string>> | undefined, names: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(values ?? {}).filter(([name]) => Object.values(names).includes(name)));
  const { name = '', namespace = '' } = metadata;
  return { name, namespace, labels: own(metadata.labels, LABELS), annotations: own(metadata.annotations, ANNOTATIONS) };
}
