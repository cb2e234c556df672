/** Why a task failed, as a closed set of kinds with evidence. */

/** Every kind of verdict. Names are stable; each has an anchor in `docs/verdicts.md`. */
export const VERDICT_KINDS = [
  'oom_killed',
  'evicted',
  'preempted',
  'node_lost',
  'node_shutdown',
  'api_eviction',
  'kubelet_rejected',
  'image_pull.not_found',
  'image_pull.unauthorized',
  'image_pull.rate_limited',
  'image_pull.network',
  'image_pull.unknown',
  'config_error.secret',
  'config_error.configmap',
  'config_error.key',
  'config_error.other',
  'container_create_failed',
  'unschedulable.resources',
  'unschedulable.affinity',
  'unschedulable.taint',
  'unschedulable.volume',
  'unschedulable.other',
  'quota.full',
  'quota.impossible',
  'deadline.queued',
  'deadline.pending',
  'deadline.running',
  'init_failed',
  'sidecar_failed',
  'app_exit',
  'killed_signal',
  'spawn_failed',
  'deleted_externally',
  'namespace_terminating',
  'cancelled',
  'rejected_by_api',
  'invalid_workload',
  'launch_failed',
  'unknown',
] as const;

/** Kind of a verdict. */
export type VerdictKind = (typeof VERDICT_KINDS)[number];

/** Who has to act: the cluster's operators, the task's author, whoever configured it, or whoever called. */
export type Blame = 'infra' | 'task' | 'config' | 'caller';

/** What a verdict rests on. Trimmed; never holds a manifest, an environment value or a credential. */
export interface Evidence {
  /** Pod that it speaks of, as `namespace/name`. */
  readonly pod?: string | undefined;
  /** Its uid. */
  readonly uid?: string | undefined;
  /** Its node. */
  readonly node?: string | undefined;
  /** Its phase when last seen. */
  readonly phase?: string | undefined;
  /** The pod status' reason. */
  readonly reason?: string | undefined;
  /** The pod status' message, or the operating system's. */
  readonly message?: string | undefined;
  /** Container that decided. */
  readonly container?: string | undefined;
  /** Its state's reason, for example `OOMKilled`. */
  readonly containerReason?: string | undefined;
  /** Its termination message. */
  readonly terminationMessage?: string | undefined;
  /** Exit code of the container or process. */
  readonly exitCode?: number | undefined;
  /** Signal that ended it, for example `SIGKILL`. */
  readonly signal?: string | undefined;
  /** The container's memory limit. */
  readonly memoryLimit?: string | undefined;
  /** What the container could use at most, as quantities by resource. */
  readonly limits?: Readonly<Record<string, string>> | undefined;
  /** What was set aside for it, as quantities by resource. */
  readonly requests?: Readonly<Record<string, string>> | undefined;
  /** Conditions of the pod that matter, as `Type=Status (Reason: message)`. */
  readonly conditions?: readonly string[] | undefined;
  /** Events of the pod, newest last, as `Reason: message`. */
  readonly events?: readonly string[] | undefined;
  /** The end of the log. */
  readonly logTail?: string | undefined;
  /** What else went wrong on the way, for example a sidecar that died. */
  readonly warnings?: readonly string[] | undefined;
}

/** Why a task failed. */
export interface Verdict {
  /** Kind; match on this. */
  readonly kind: VerdictKind;
  /** Who has to act. */
  readonly blame: Blame;
  /** Whether the task's own code ever started; `undefined` where nobody knows. */
  readonly mainStarted: boolean | undefined;
  /** How sure the kind is. */
  readonly confidence: 'certain' | 'likely' | 'guess';
  /** One line that says what happened. */
  readonly message: string;
  /** One line that says what to do. */
  readonly hint: string;
  /** What it rests on. */
  readonly evidence: Evidence;
}
