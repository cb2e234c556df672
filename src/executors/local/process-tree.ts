/** Ends a process with everything that it has started. */
import { readdir, readFile, readlink } from 'node:fs/promises';

/** A number that no process group has. */
const NO_GROUP = -1;

/** A process that was seen to run; the start tells it from a later one with the same id. */
export interface SeenProcess {
  readonly pid: number;
  /** Start in clock ticks since the boot. */
  readonly startTicks: string;
  /** Its process group. */
  readonly group: number;
}

/** All that runs of some processes: themselves, their process groups, and their descendants, also those that left the group. */
export async function runningTree(roots: readonly Pick<SeenProcess, 'pid' | 'group'>[]): Promise<SeenProcess[]> {
  const groups = new Set(roots.map(({ group }) => group));
  const tree = new Set(roots.map(({ pid }) => pid));
  const all = await runningProcesses();
  for (let before = 0; before !== tree.size; ) {
    before = tree.size;
    for (const { pid, parent, group } of all) if (tree.has(parent) || groups.has(group)) tree.add(pid);
  }
  return all.filter(({ pid }) => tree.has(pid));
}

/** All descendants of a process, also those that left its process group; none on systems without /proc, where only the process group can be ended. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const tree = await runningTree([{ pid, group: NO_GROUP }]);
  return tree.map((process) => process.pid).filter((one) => one !== pid);
}

/** Whether a process of a group has one of some files open; none has on systems without /proc. */
export async function isWrittenBy(group: number, files: readonly string[]): Promise<boolean> {
  if (!sendSignal(-group, 0)) return false;
  const members = (await runningProcesses()).filter((process) => process.group === group);
  const open = members.map(async ({ pid }) => {
    const fds = await readdir(`/proc/${pid}/fd`).catch((): string[] => []);
    return Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  });
  return (await Promise.all(open)).flat().some((file) => files.includes(file));
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

/** A process that runs; `undefined` where there is none, where it is dead and only waits to be reaped, and on systems without /proc. */
async function runningProcess(pid: number): Promise<(SeenProcess & { readonly parent: number }) | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, ...rest] = fields;
  const startTicks = rest[16];
  if (stat === '' || state === 'Z' || state === 'X' || startTicks === undefined) return undefined;
  return { pid, startTicks, group: Number(group), parent: Number(parent) };
}

async function runningProcesses(): Promise<(SeenProcess & { readonly parent: number })[]> {
  const names = await readdir('/proc').catch((): string[] => []);
  const found = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => runningProcess(Number(name))),
  );
  return found.filter((process) => process !== undefined);
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
  const wanted = `${name}=${value}`;
  const leaders = (await runningProcesses()).filter(({ pid, group }) => pid === group);
  const found = await Promise.all(
    leaders.map(async ({ pid, startTicks }) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(wanted) ? [{ pid, startTicks }] : [];
    }),
  );
  // What it has started in groups of their own has inherited the variable, and is younger.
  const [oldest] = found.flat().sort((a, b) => Number(a.startTicks) - Number(b.startTicks));
  return oldest;
}
