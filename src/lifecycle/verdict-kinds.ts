/** The text side of verdicts: blame and hint of every kind that a pod can lead to. */
import type { Blame, VerdictKind } from '../core/verdict.js';

/** What is always true of a kind. */
interface KindFacts {
  readonly blame: Blame;
  readonly hint: string;
}

const SCHEDULING =
  'Compare its requests, selectors and tolerations with the nodes; a cluster autoscaler may also be at its limit.';

/** Blame and hint by kind. */
export const KIND_FACTS: Readonly<Record<VerdictKind, KindFacts>> = Object.freeze({
  oom_killed: {
    blame: 'task',
    hint: "Raise the base container's memory limit, or give retry.oom a budget so that it grows by itself.",
  },
  evicted: { blame: 'infra', hint: 'The node ran short of a resource; set requests near what the task uses.' },
  preempted: {
    blame: 'infra',
    hint: 'A pod of higher priority took its place; give it a higher priorityClassName if it must not yield.',
  },
  node_lost: { blame: 'infra', hint: 'Its node no longer answers; look at the node.' },
  node_shutdown: { blame: 'infra', hint: 'Its node was shut down; nothing to do for the task.' },
  api_eviction: { blame: 'infra', hint: 'Its node was drained; a PodDisruptionBudget can delay that.' },
  kubelet_rejected: {
    blame: 'infra',
    hint: 'The node refused the pod after it had been placed; usually another node takes it.',
  },
  'image_pull.not_found': { blame: 'config', hint: 'Check the image name and its tag.' },
  'image_pull.unauthorized': { blame: 'config', hint: 'Give the pod imagePullSecrets that may read this image.' },
  'image_pull.rate_limited': {
    blame: 'infra',
    hint: 'The registry limits pulls; log in to it, use a mirror, or wait.',
  },
  'image_pull.network': { blame: 'infra', hint: 'The node cannot reach the registry; check its network and DNS.' },
  'image_pull.unknown': { blame: 'infra', hint: 'Read the message of the kubelet; the image could not be had.' },
  'config_error.secret': { blame: 'config', hint: 'Create the secret that the pod refers to, in its namespace.' },
  'config_error.configmap': {
    blame: 'config',
    hint: 'Create the config map that the pod refers to, in its namespace.',
  },
  'config_error.key': {
    blame: 'config',
    hint: 'Add the missing key to the secret or config map, or mark the reference optional.',
  },
  'config_error.other': {
    blame: 'config',
    hint: 'Read the message of the kubelet: the container cannot be set up as the pod asks.',
  },
  container_create_failed: {
    blame: 'infra',
    hint: 'The container runtime could not start the container; read its message.',
  },
  'unschedulable.resources': { blame: 'infra', hint: SCHEDULING },
  'unschedulable.affinity': {
    blame: 'config',
    hint: 'No node matches its node selector or affinity; check the labels of the nodes.',
  },
  'unschedulable.taint': {
    blame: 'config',
    hint: 'All fitting nodes carry taints that it does not tolerate; add tolerations.',
  },
  'unschedulable.volume': {
    blame: 'config',
    hint: 'Its volumes cannot be bound or reached from any node; check the claims.',
  },
  'unschedulable.other': { blame: 'infra', hint: SCHEDULING },
  'quota.full': { blame: 'infra', hint: "The namespace's quota is used up; wait, or raise it." },
  'quota.impossible': {
    blame: 'config',
    hint: "Its requests are above the namespace's quota as a whole; lower them or raise the quota.",
  },
  'deadline.queued': { blame: 'infra', hint: 'It waited too long for a slot; raise parallelism or the limit.' },
  'deadline.pending': { blame: 'infra', hint: 'It did not come to run in time; its evidence says what it waited for.' },
  'deadline.running': {
    blame: 'task',
    hint: 'Raise the limit, or look at the end of its log for what it was busy with.',
  },
  init_failed: { blame: 'task', hint: 'Look at the log of the init container.' },
  sidecar_failed: { blame: 'config', hint: 'Look at the log of the sidecar.' },
  app_exit: { blame: 'task', hint: "Look at the end of its log; the exit code is the task's own." },
  killed_signal: { blame: 'task', hint: 'Look at the end of its log for what led to the signal.' },
  spawn_failed: { blame: 'config', hint: 'Check that the program exists in the image and may be run.' },
  deleted_externally: { blame: 'caller', hint: "Somebody deleted the pod; the API server's audit log says who." },
  namespace_terminating: { blame: 'caller', hint: 'The namespace is being deleted; use another one.' },
  cancelled: { blame: 'caller', hint: 'Queue it with the next tryNumber if it is still wanted.' },
  rejected_by_api: { blame: 'config', hint: 'Read the fields that the server objects to; nothing was created.' },
  invalid_workload: { blame: 'config', hint: 'Correct the workload as the message says; nothing was created.' },
  launch_failed: { blame: 'infra', hint: 'The pod could not be created; read the cause.' },
  unknown: { blame: 'infra', hint: 'Nothing on the pod says why; look at its evidence and at the node.' },
});
