/** Wire names of podwright: labels and annotations on its pods. Public and versioned; listed in `docs/wire-names.md`. */

/** Version of the meaning of these names; pods carry it as an annotation. */
export const WIRE_SCHEMA = '1';

/** Labels on every pod of podwright. Values are made safe and may be shortened: identity stands in the annotations. */
export const LABELS = Object.freeze({
  /** Says that podwright made the pod. */
  managedBy: 'app.kubernetes.io/managed-by',
  /** The executor's id. */
  executorId: 'podwright.dev/executor-id',
  /** Part of the key. */
  dagId: 'podwright.dev/dag-id',
  /** Part of the key. */
  taskId: 'podwright.dev/task-id',
  /** Part of the key. */
  runId: 'podwright.dev/run-id',
  /** The host's try. */
  tryNumber: 'podwright.dev/try-number',
  /** Only for mapped tasks. */
  mapIndex: 'podwright.dev/map-index',
  /** `true` once the outcome of a kept pod was delivered; watches leave such pods out. */
  done: 'podwright.dev/done',
  /** Set to `true` by anybody: the pod is not removed once it has ended. */
  keep: 'podwright.dev/keep',
  /** On leases: executors of one group adopt each other's pods. */
  group: 'podwright.dev/group',
});

/** Value of {@link LABELS}.managedBy. */
export const MANAGED_BY = 'podwright';

/** Annotations on every pod of podwright. */
export const ANNOTATIONS = Object.freeze({
  /** Version of the meaning of these names. */
  schema: 'podwright.dev/schema',
  /** The whole key as JSON. */
  key: 'podwright.dev/key',
  /** Queue that the workload named. */
  queue: 'podwright.dev/queue',
  /** Number of the launch within the try, from 1. */
  launch: 'podwright.dev/launch',
  /** Launches already lost to infrastructure and to out-of-memory, and the task's own, as `infra=1,oom=0,task=0`. */
  spent: 'podwright.dev/spent',
  /** Limits on the phases of the task, in milliseconds, as `running=60000,queued=inf`; left out, the executor's. */
  timeouts: 'podwright.dev/timeouts',
  /** Kind of the verdict that was told although the pod's end could not be proven; whatever becomes of the pod changes it no more. */
  verdict: 'podwright.dev/verdict',
  /**
   * On a pod that is to go, and that its executor had no right to delete: `true` where the host has its outcome for good, `former` where another launch has
   * followed.
   */
  acknowledged: 'podwright.dev/acknowledged',
  /** Container that runs the command. */
  baseContainer: 'podwright.dev/base-container',
  /** The executor's id as it was given, on its lease. */
  executorId: 'podwright.dev/executor-id',
  /** Namespaces that an executor watches, on its lease; `*` for all of them. */
  namespaces: 'podwright.dev/namespaces',
  /** On a pod whose outcome was told: it stays for a moment so that nobody can create it again, and is removed then. */
  holdsName: 'podwright.dev/holds-name',
});

/** Finalizer that keeps the object of a pod until its outcome was told, whoever deletes it. */
export const FINALIZER = 'podwright.dev/outcome';

/** Kubernetes' own annotation that names the container of interest. */
export const DEFAULT_CONTAINER_ANNOTATION = 'kubectl.kubernetes.io/default-container';
