/** What a launch changes on the pod that the generator made: more memory after an out-of-memory, an overlay after interruptions. */
import type { TimeoutPhase, TimeoutsMs } from '../core/timeouts.js';
import type { Verdict } from '../core/verdict.js';
import { baseContainerName } from '../lifecycle/observation.js';
import type { SpentLaunches } from '../lifecycle/policy.js';
import { ANNOTATIONS } from '../wire/names.js';
import { formatQuantity, parseQuantity } from '../wire/quantity.js';
import { strategicMergePatch } from '../wire/strategic-merge.js';
import type { Container, Pod, PodSpec } from '../wire/types.js';

/** How memory grows from launch to launch. */
export interface MemoryGrowth {
  /** Factor per out-of-memory; at least 1. */
  readonly factor: number;
  /** Quantity that is never exceeded; `undefined` for none. */
  readonly max: string | undefined;
}

/** A patch of the pod for launches after a number of interruptions. */
export interface InterruptionOverlay {
  /** Launches lost to infrastructure from which on it applies. */
  readonly count: number;
  /** Strategic merge patch over the finished pod. Name, namespace and identity stay. */
  readonly overlay: object;
}

/** What {@link adaptLaunch} goes by. */
export interface LaunchAdaptation {
  readonly spent: SpentLaunches;
  readonly timeouts: TimeoutsMs | undefined;
  readonly memory: MemoryGrowth;
  readonly afterInterruptions: InterruptionOverlay | undefined;
}

/** Billionths of a thousand: factors are exact to three digits. */
const SCALE = 1_000;

/** A quantity of memory, grown; the same text where it cannot be read or must not grow. */
export function grownMemory(quantity: string, times: number, { factor, max }: MemoryGrowth): string {
  const value = parseQuantity(quantity);
  if (value === undefined || times <= 0 || factor <= 1) return quantity;
  const scale = BigInt(Math.round(factor ** times * SCALE));
  const grown = (value.nano * scale) / BigInt(SCALE);
  const limit = max === undefined ? undefined : parseQuantity(max);
  if (limit !== undefined && grown >= limit.nano) return limit.nano > value.nano ? (max as string) : quantity;
  // Whole mebibytes read well, and a limit of half a byte is none.
  const unit = value.nano >= MEBI ? MEBI : NANO;
  const whole = ((grown + unit - 1n) / unit) * unit;
  return formatQuantity({ nano: whole, format: unit === MEBI ? 'binary' : value.format });
}
const NANO = 1_000_000_000n;
const MEBI = NANO * 2n ** 20n;

/** Whether a launch that ran out of memory had as much as any may have. */
export function isMemoryExhausted({ evidence }: Verdict, { max }: MemoryGrowth): boolean {
  const [limit, most] = [parseQuantity(evidence.memoryLimit), parseQuantity(max)];
  return limit !== undefined && most !== undefined && limit.nano >= most.nano;
}

function withGrownMemory(container: Container, times: number, growth: MemoryGrowth): Container {
  const resources = { ...container.resources };
  for (const kind of ['requests', 'limits'] as const) {
    const amounts = resources[kind];
    if (amounts?.memory === undefined) continue;
    resources[kind] = { ...amounts, memory: grownMemory(String(amounts.memory), times, growth) };
  }
  return { ...container, resources };
}

/** Limits as an annotation holds them. */
export const encodeTimeouts = (timeouts: TimeoutsMs): string =>
  Object.entries(timeouts)
    .map(([phase, ms]) => `${phase}=${ms === Number.POSITIVE_INFINITY ? 'inf' : ms}`)
    .join(',');

/** Reads what {@link encodeTimeouts} wrote; unreadable parts are left out. */
export function decodeTimeouts(text: string | undefined): TimeoutsMs | undefined {
  if (text === undefined) return undefined;
  const limits: Partial<Record<TimeoutPhase, number>> = {};
  for (const part of text.split(',')) {
    const [phase = '', value] = part.split('=');
    const ms = value === 'inf' ? Number.POSITIVE_INFINITY : Number(value);
    if (ms > 0) limits[phase as TimeoutPhase] = ms;
  }
  return limits;
}

/** The pod of a launch. Pure; the pod given is not changed. */
export function adaptLaunch(pod: Pod, { spent, timeouts, memory, afterInterruptions }: LaunchAdaptation): Pod {
  let adapted = pod;
  if (spent.oom > 0 && pod.spec !== undefined) {
    const base = baseContainerName(pod);
    const containers = pod.spec.containers.map((container) =>
      container.name === base ? withGrownMemory(container, spent.oom, memory) : container,
    );
    adapted = { ...adapted, spec: { ...(adapted.spec as PodSpec), containers } };
  }
  if (afterInterruptions !== undefined && spent.infra >= afterInterruptions.count)
    adapted = withIdentityOf(pod, strategicMergePatch(adapted, afterInterruptions.overlay) as Pod);
  if (timeouts !== undefined && Object.keys(timeouts).length > 0) {
    const annotations = { ...adapted.metadata?.annotations, [ANNOTATIONS.timeouts]: encodeTimeouts(timeouts) };
    adapted = { ...adapted, metadata: { ...adapted.metadata, annotations } };
  }
  return adapted;
}

/** An overlay may add to metadata; it can take nothing away by which the pod is found again. */
const withIdentityOf = (pod: Pod, changed: Pod): Pod => ({
  ...changed,
  metadata: {
    ...changed.metadata,
    ...(pod.metadata?.name === undefined ? {} : { name: pod.metadata.name }),
    ...(pod.metadata?.namespace === undefined ? {} : { namespace: pod.metadata.namespace }),
    labels: { ...changed.metadata?.labels, ...pod.metadata?.labels },
    annotations: { ...changed.metadata?.annotations, ...pod.metadata?.annotations },
  },
});
