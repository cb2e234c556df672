/** What templates may use: the task's own key, under the names that Airflow gives it, and whatever the host adds. */
import type { QueuedTask } from '../../core/outcome.js';

const DAY = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)/;

/** `ds`, `ts` and their like, where the host has given a logical date. */
function dates(logicalDate: unknown): Record<string, unknown> {
  const text = logicalDate instanceof Date ? logicalDate.toISOString().replace(/\.\d+Z$/, '+00:00') : logicalDate;
  const match = typeof text === 'string' ? DAY.exec(text) : null;
  if (match === null) return {};
  const [, ds = '', time = ''] = match;
  const dsNodash = ds.replaceAll('-', '');
  return {
    logical_date: text,
    ds,
    ds_nodash: dsNodash,
    ts: text,
    ts_nodash: `${dsNodash}T${time.replaceAll(':', '')}`,
  };
}

/**
 * The context of a task: `dag_id`, `task_id`, `run_id`, `try_number`, `map_index`, `queue`; the same as `dag.dag_id`, `task.task_id`, `ti.…` and
 * `dag_run.run_id`; what the host gives as the workload's `context`, among it `logical_date`, from which come `ds`, `ds_nodash`, `ts` and
 * `ts_nodash`. The task's own names cannot be replaced by the host's.
 */
export function templateContext(task: QueuedTask): Readonly<Record<string, unknown>> {
  const { key, queue, context = {} } = task;
  const own = {
    dag_id: key.dagId,
    task_id: key.taskId,
    run_id: key.runId,
    try_number: key.tryNumber,
    map_index: key.mapIndex,
    ...(queue === undefined ? {} : { queue }),
  };
  return {
    ...dates(context.logical_date ?? context.logicalDate),
    ...context,
    ...own,
    ti: own,
    task_instance: own,
    dag: { dag_id: key.dagId },
    task: { task_id: key.taskId },
    dag_run: { run_id: key.runId },
  };
}
