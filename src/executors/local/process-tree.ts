/** Ends a process with everything that it has started. */
import { readdir, readFile } from 'node:fs/promises';

/** Parent of each process, from /proc; empty where there is none (not Linux). */
async function parents(): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  const names = await readdir('/proc').catch((): string[] => []);
  await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
        // The command name stands in parentheses and may contain anything; the fields after the last one are regular.
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        if (Number.isInteger(parent)) found.set(Number(name), parent);
      }),
  );
  return found;
}

/**
 * All descendants of a process, also those that left its process group. On systems without /proc the list is empty, and only the
 * process group can be ended.
 */
export async function descendantsOf(pid: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  for (const [child, parent] of await parents()) children.set(parent, [...(children.get(parent) ?? []), child]);
  const found: number[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const own = children.get(next) ?? [];
    found.push(...own);
    open.push(...own);
  }
  return found;
}

/** Sends a signal to a process or, by a negative number, to a process group; tells whether there was one. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Signals a process group and every descendant given. */
export function signalTree(leader: number, descendants: readonly number[], signal: NodeJS.Signals): void {
  sendSignal(-leader, signal);
  for (const pid of descendants) sendSignal(pid, signal);
}

/**
 * Start of a running process in clock ticks since the boot, and its process group: the start tells it from a later one with the same id.
 * `undefined` where there is no such process, where it is dead and only waits to be reaped, and on systems without /proc.
 */
async function runningProcess(
  pid: number,
): Promise<{ readonly startTicks: string; readonly group: number } | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, , group, ...rest] = fields;
  const startTicks = rest[16];
  if (stat === '' || state === 'Z' || state === 'X' || startTicks === undefined) return undefined;
  return { startTicks, group: Number(group) };
}

/** When a running process was started, in clock ticks since the boot. */
export async function processStartTicks(pid: number): Promise<string | undefined> {
  return (await runningProcess(pid))?.startTicks;
}

/** The leader of a process group that was started with a variable in its environment; none is found on systems without /proc. */
export async function findByEnvironment(
  name: string,
  value: string,
): Promise<{ readonly pid: number; readonly startTicks: string } | undefined> {
  const names = await readdir('/proc').catch((): string[] => []);
  const wanted = `${name}=${value}`;
  const found = await Promise.all(
    names
      .filter((entry) => /^\d+$/.test(entry))
      .map(async (entry) => {
        const pid = Number(entry);
        const process = await runningProcess(pid);
        if (process?.group !== pid) return undefined;
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
        return environment.split('\0').includes(wanted) ? { pid, startTicks: process.startTicks } : undefined;
      }),
  );
  // What it has started in groups of their own has inherited the variable, and is younger.
  const [oldest] = found
    .filter((process) => process !== undefined)
    .sort((a, b) => Number(a.startTicks) - Number(b.startTicks));
  return oldest;
}
