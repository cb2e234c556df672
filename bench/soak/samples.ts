/** What a process holds on to, over time. */

/** What it held at one moment. */
export interface Sample {
  /** Minutes since the start. */
  readonly minute: number;
  readonly tasks: number;
  readonly heapMB: number;
  readonly rssMB: number;
  /** Connections, timers and whatever else keeps the process alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

const MB = 1024 * 1024;
const rounded = (value: number) => Number(value.toFixed(1));

/** What keeps the process alive right now, by kind. */
export function resourcesNow(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Takes a sample, once garbage is collected (`node --expose-gc`). */
export function sample(startedAt: number, tasks: number): Sample {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const minute = rounded((performance.now() - startedAt) / 60_000);
  return { minute, tasks, heapMB: rounded(heapUsed / MB), rssMB: rounded(rss / MB), resources: resourcesNow() };
}

/** Growth a minute of a straight line through the samples. */
export function slope(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ minute }) => minute)), mean(samples.map(pick))];
  const sum = (value: (one: Sample) => number) => samples.reduce((total, one) => total + value(one), 0);
  return (
    sum((one) => (one.minute - x) * (pick(one) - y)) /
    Math.max(
      1e-9,
      sum(({ minute }) => (minute - x) ** 2),
    )
  );
}

/** What leaks is there also when little is to do. */
const least = (samples: readonly Sample[], kind: string) =>
  samples.reduce((value, { resources }) => Math.min(value, resources[kind] ?? 0), Number.POSITIVE_INFINITY);

/** What grows that should not, in words. `left`: what was there when everything had ended, beside what was there before. */
export function leaks(samples: readonly Sample[], left: Readonly<Record<string, number>>): string[] {
  const found: string[] = [];
  // The first fifth fills caches and compiles code.
  const settled = samples.slice(Math.ceil(samples.length / 5));
  const [first, last] = [settled[0], settled.at(-1)];
  if (first === undefined || last === undefined) return ['too few samples'];
  const grown = slope(settled, ({ heapMB }) => heapMB) * (last.minute - first.minute);
  if (grown > Math.max(5, 0.2 * first.heapMB)) found.push(`the heap grew by ${rounded(grown)} MB`);
  const half = Math.ceil(settled.length / 2);
  for (const kind of new Set(settled.flatMap(({ resources }) => Object.keys(resources)))) {
    const [before, after] = [least(settled.slice(0, half), kind), least(settled.slice(half), kind)];
    if (after > 1.5 * before + 5)
      found.push(`${kind}: never below ${before} in the first half, ${after} in the second`);
  }
  for (const [kind, count] of Object.entries(left)) if (count > 0) found.push(`${count} ${kind} left at the end`);
  return found;
}
