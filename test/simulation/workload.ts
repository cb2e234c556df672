/** What is special about single tasks of a simulation: priority, limits, secrets, namespace, and keys that differ in one part only. */
import type { Workload } from '../../src/core/outcome.js';
import type { Random } from '../../src/core/random.js';
import { secret } from '../../src/core/secret.js';
import type { TaskInstanceKeyInput } from '../../src/core/task-key.js';

/** The namespace of some tasks. */
export const OTHER_NAMESPACE = 'kube-public';

/** Which of it there is in a simulation. */
export interface WorkloadOddities {
  readonly hasSecrets: boolean;
  readonly hasLimits: boolean;
  readonly hasKeys: boolean;
  readonly hasNamespaces: boolean;
  /** Whether some tasks take a while to start. */
  readonly isSlow: boolean;
  /** Whether some have containers beside the base container, which live longer or fail before it. */
  readonly hasCompanions: boolean;
}

const SCRIPT = 'testing.podwright.dev/';

/** Keys that share all but one part with others: whoever leaves a part out takes one task for another. */
function oddKey(plain: TaskInstanceKeyInput, part: number): TaskInstanceKeyInput {
  const number = Number(plain.taskId.slice(1));
  const same = { dagId: 'd', taskId: 't', runId: 'r' };
  const keys: readonly TaskInstanceKeyInput[] = [
    plain,
    { ...same, runId: `r${number}` },
    { ...same, dagId: `d${number}` },
    { ...same, mapIndex: number },
    { ...same, tryNumber: number + 2 },
    { ...same, taskId: `${'long'.repeat(40)}${number}` },
  ];
  return keys[part] ?? plain;
}

/** Another container of a pod, and what it does: it has its own length, and some of those that are no sidecars by nature fail. */
function companion(roll: number, seconds: number) {
  const container = { name: 'beside', image: 'x' };
  if (roll < 0.4) return { spec: { initContainers: [{ ...container, restartPolicy: 'Always' }] }, script: {} };
  const exitCode = roll < 0.6 ? '9' : '0';
  const script = { [`${SCRIPT}beside.duration`]: `${seconds}s`, [`${SCRIPT}beside.exit-code`]: exitCode };
  return { spec: { containers: [{ name: 'base' }, container] }, script };
}

/** The workload of one task, the same each time for the same task. */
export function drawWorkload(workload: Workload, random: Random, odd: WorkloadOddities): Workload {
  const rolls = Array.from({ length: 7 }, () => random.next()) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [key, priority, secrets, namespace, limit, start, length] = rolls;
  const { annotations } = workload.executorConfig as { annotations: Readonly<Record<string, string>> };
  const startDelay = odd.isSlow && start < 0.5 ? { [`${SCRIPT}start-delay`]: `${Math.ceil(start * 40)}s` } : {};
  const limits =
    limit < 0.3
      ? { running: limit < 0.15 ? '200s' : `${20 + Math.floor(length * 60)}s` }
      : limit < 0.5
        ? { queued: '5m' }
        : {};
  const [hasCompanion, kind, life] = [random.next() < 0.5, random.next(), random.next()];
  const beside = odd.hasCompanions && hasCompanion ? companion(kind, 1 + Math.floor(life * 120)) : undefined;
  // Some would run for long if nobody ended them.
  const duration = odd.hasLimits && limit < 0.15 ? { [`${SCRIPT}duration`]: '900s' } : {};
  return {
    ...workload,
    key: odd.hasKeys ? oddKey(workload.key, Math.floor(key * 6)) : workload.key,
    priority: Math.floor(priority * 3),
    ...(odd.hasLimits ? { timeouts: limits } : {}),
    executorConfig: {
      annotations: {
        ...annotations,
        [`${SCRIPT}message`]: `done: ${workload.key.taskId}`,
        ...startDelay,
        ...duration,
        ...beside?.script,
      },
      ...(beside === undefined ? {} : { podOverride: { spec: beside.spec } }),
      ...(odd.hasSecrets && secrets < 0.8 ? { env: { TOKEN: secret('not to be told') } } : {}),
      ...(odd.hasNamespaces && namespace < 0.5 ? { namespace: OTHER_NAMESPACE } : {}),
    },
  };
}
