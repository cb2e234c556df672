/** What the benchmark of restarts does to a host and to its pods. */

/** A task: its pod sleeps for so long. */
export interface BenchTask {
  readonly task: string;
  readonly seconds: number;
}

/** What a host has written down of a task. */
export interface Told {
  readonly task: string;
  readonly state: string;
  readonly why: string;
  readonly at: number;
}

/** What happens to a pod while no host is there. */
export type Blow = 'none' | 'delete' | 'delete at once' | 'oom' | 'evict';

/** Tasks of one fate. */
export interface TaskGroup {
  readonly what: string;
  readonly count: number;
  readonly seconds: number;
  readonly blow: Blow;
}

/** One kill. */
export interface RestartCase {
  readonly groups: readonly TaskGroup[];
  /** The host is killed as soon as so many processes of pods have started. */
  readonly killAt: number;
  /** Who goes on: the same executor after a pause, or another that was there before. */
  readonly heir: 'same id' | 'other host';
  /** How the executors are set up. */
  readonly setUp: 'plain' | 'trackWithFinalizer' | 'lease';
}

const many = (what: string, count: number, seconds: number, blow: Blow = 'none'): TaskGroup => ({
  what,
  count,
  seconds,
  blow,
});

/** The kills that are measured, `count` tasks in the burst. */
export function restartCases(count: number): RestartCase[] {
  const mixed = [
    many('runs on', 20, 25),
    many('ends while nobody looks', 5, 6),
    many('deleted meanwhile', 3, 30, 'delete'),
    many('deleted at once meanwhile', 3, 30, 'delete at once'),
    many('killed for memory meanwhile', 3, 30, 'oom'),
    many('evicted meanwhile', 2, 30, 'evict'),
  ];
  const killAt = mixed.reduce((sum, group) => sum + group.count, 0);
  return [
    { groups: mixed, killAt, heir: 'same id', setUp: 'plain' },
    { groups: mixed, killAt, heir: 'same id', setUp: 'trackWithFinalizer' },
    {
      groups: [many(`burst of ${count}`, count, 5)],
      killAt: Math.floor(count * 0.4),
      heir: 'same id',
      setUp: 'plain',
    },
    { groups: [many('dies for good, another is there', 20, 25)], killAt: 20, heir: 'other host', setUp: 'lease' },
  ];
}
