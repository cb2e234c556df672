/** Containers that only play a part: how long, how they end and what they say comes from annotations or a function. */
import type { Clock } from '../../core/clock.js';
import { type Duration, parseDuration } from '../../core/duration.js';
import type { Container, Pod } from '../../wire/types.js';
import type { ContainerLog } from '../server/container-log.js';
import { ALWAYS_GOOD, type ProbeKind, type ProbeResult } from './probes.js';
import type { ContainerExit, ContainerPlan, ContainerRuntime, RunningContainer } from './runtime.js';

/** Prefix of the annotations that scripts are written in. */
export const SCRIPT_PREFIX = 'testing.podwright.dev/';

/** Results of probes, each in order; the last one stays. */
export interface ProbeScript {
  /** Of the startup probe. */
  readonly startup?: readonly boolean[] | undefined;
  /** Of the readiness probe. */
  readonly readiness?: readonly boolean[] | undefined;
  /** Of the liveness probe. */
  readonly liveness?: readonly boolean[] | undefined;
}

/** The part a pod's containers play. */
export interface PodScript {
  /** Time in ContainerCreating. @default 0 */
  readonly startDelay?: Duration | undefined;
  /** Time from start to end; `Infinity` never ends by itself. @default '1s' */
  readonly duration?: Duration | undefined;
  /** Time from SIGTERM to its end, as long as the grace period lasts. @default 0 */
  readonly stopDelay?: Duration | undefined;
  /** @default 0 */
  readonly exitCode?: number | undefined;
  /** Reason of the end, such as `OOMKilled`. */
  readonly reason?: string | undefined;
  /** Termination message. */
  readonly message?: string | undefined;
  /** What the container logs at its start. */
  readonly log?: string | undefined;
  /** The container does not start, but waits with this reason, such as `ImagePullBackOff`. */
  readonly waiting?: string | undefined;
  /** How long it waits so before it starts after all. @default for ever */
  readonly waitingFor?: Duration | undefined;
  /** The kubelet ends the pod itself, with this reason (`Evicted`), after the duration. */
  readonly podReason?: string | undefined;
  /**
   * Results of the probes that the pod's containers have, in order; the last one stays. They are counted over all runs of a container,
   * so that `[false, false, false, true]` makes a liveness probe restart it once. @default they succeed
   */
  readonly probes?: ProbeScript | undefined;
}

const DEFAULT_DURATION_MS = 1000;
const WAITING = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
]);

/** The message a real kubelet gives beside a waiting reason. */
export function waitingMessage(reason: string, container: Container): string {
  const image = container.image ?? '';
  switch (reason) {
    case 'ErrImagePull':
      return `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
    case 'ImagePullBackOff':
      return `Back-off pulling image "${image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
    case 'ErrImageNeverPull':
      return `Container image "${image}" is not present with pull policy of Never`;
    case 'InvalidImageName':
      return `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
    case 'CreateContainerConfigError':
      return 'secret "missing" not found';
    case 'CreateContainerError':
      return `failed to reserve container name "${container.name}": name is reserved`;
    default:
      return '';
  }
}

/** What a scripted probe that fails has found. */
const PROBE_OUTPUT = 'the script says so';

/** Results of a probe in an annotation: `ok` and `fail`, with commas. */
function probeResults(text: string | undefined): readonly boolean[] | undefined {
  return text?.split(',').map((word) => word.trim() !== 'fail');
}

function scriptedProbe(results: readonly boolean[] | undefined, attempt: number): ProbeResult {
  const isGood = results?.[attempt] ?? results?.at(-1);
  if (isGood === undefined || results === undefined) return ALWAYS_GOOD;
  return { isGood, output: PROBE_OUTPUT, isLasting: attempt >= results.length - 1 };
}

/** Reads the script from a pod's annotations; one that begins with a container's name and a dot, as in `proxy.duration`, is for that container alone. */
export function scriptFromAnnotations(pod: Pod, container?: Container): PodScript {
  const { annotations = {} } = pod.metadata ?? {};
  const get = (name: string) =>
    (container === undefined ? undefined : annotations[`${SCRIPT_PREFIX}${container.name}.${name}`]) ??
    annotations[`${SCRIPT_PREFIX}${name}`];
  const result = get('result') ?? '';
  const exitCode = get('exit-code');
  const isHang = result === 'Hang';
  return {
    startDelay: get('start-delay'),
    stopDelay: get('stop-delay'),
    duration: isHang ? Number.POSITIVE_INFINITY : get('duration'),
    exitCode:
      exitCode === undefined
        ? result === 'OOMKilled'
          ? 137
          : result === 'Failed' || result === 'Error'
            ? 1
            : 0
        : Number(exitCode),
    reason: result === 'OOMKilled' ? 'OOMKilled' : undefined,
    message: get('message'),
    log: get('log'),
    waiting: WAITING.has(result) ? result : result === 'Pending' ? 'ContainerCreating' : undefined,
    waitingFor: get('waiting-for'),
    podReason: result === 'Evicted' ? 'Evicted' : undefined,
    probes: {
      startup: probeResults(get('startup-probe')),
      readiness: probeResults(get('readiness-probe')),
      liveness: probeResults(get('liveness-probe')),
    },
  };
}

/** Plays containers on the cluster's clock. */
export class ScriptedRuntime implements ContainerRuntime {
  readonly #clock: Clock;
  readonly #startDelayMs: number;
  readonly #script: ((pod: Pod) => PodScript | undefined) | undefined;

  constructor(clock: Clock, startDelayMs: number, script: ((pod: Pod) => PodScript | undefined) | undefined) {
    this.#clock = clock;
    this.#startDelayMs = startDelayMs;
    this.#script = script;
  }

  /** The script of a pod: what the function gives goes before its annotations. */
  scriptOf(pod: Pod, container?: Container): PodScript {
    const given = Object.entries(this.#script?.(pod) ?? {}).filter(([, value]) => value !== undefined);
    return { ...scriptFromAnnotations(pod, container), ...Object.fromEntries(given) };
  }

  plan(pod: Pod, container: Container): ContainerPlan {
    const { startDelay, waiting, waitingFor } = this.scriptOf(pod, container);
    const forMs = parseDuration(waitingFor);
    return {
      startDelayMs: parseDuration(startDelay) ?? this.#startDelayMs,
      waiting:
        waiting === undefined ? undefined : { reason: waiting, message: waitingMessage(waiting, container), forMs },
    };
  }

  /** Volumes play no part. */
  async prepare(): Promise<void> {}

  release(): void {}

  start(pod: Pod, container: Container, log: ContainerLog): Promise<RunningContainer> {
    const script = this.scriptOf(pod, container);
    const isMain = pod.spec?.containers[0]?.name === container.name || (pod.spec?.containers.length ?? 0) > 1;
    const isInit = (pod.spec?.initContainers ?? []).some(({ name }) => name === container.name);
    if (script.log !== undefined)
      log.write(script.log.endsWith('\n') ? script.log : `${script.log}\n`, this.#clock.now());
    let end: (exit: ContainerExit) => void = () => {};
    const exited = new Promise<ContainerExit>((resolve) => {
      end = resolve;
    });
    const isSidecar = isInit && container.restartPolicy === 'Always';
    const duration = isInit
      ? 0
      : script.duration === Number.POSITIVE_INFINITY
        ? undefined
        : (parseDuration(script.duration) ?? DEFAULT_DURATION_MS);
    const exit: ContainerExit =
      isMain && !isInit
        ? { exitCode: script.exitCode ?? 0, reason: script.reason, message: script.message }
        : { exitCode: 0 };
    const stopDelayMs = parseDuration(script.stopDelay) ?? 0;
    const cancel = duration === undefined || isSidecar ? () => {} : this.#clock.schedule(duration, () => end(exit));
    return Promise.resolve({
      exited,
      kill: (signal) => {
        cancel();
        const stopped = () => end({ exitCode: signal === 'SIGTERM' ? 143 : 137 });
        if (signal === 'SIGTERM' && stopDelayMs > 0) this.#clock.schedule(stopDelayMs, stopped);
        else stopped();
      },
      probe: (kind: ProbeKind, _spec, attempt) => Promise.resolve(scriptedProbe(script.probes?.[kind], attempt)),
    });
  }
}
