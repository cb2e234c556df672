/** Restarts: a host is killed with SIGKILL while its tasks run, wait or end, and what the next one tells of each is written down. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HttpKubeClient } from 'podwright';
import { rawRequests, textOf } from '../contenders/raw.js';
import type { BenchContext, BenchRow, BenchServer } from '../server.js';
import { type BenchTask, type RestartCase, restartCases, type TaskGroup, type Told } from './cases.js';

const DOWN_MS = 10_000;
const POLL_MS = 20;
const GIVE_UP_MS = 5 * 60_000;
const NAMESPACE = 'default';
const TASK_LABEL = 'podwright.dev/task-id';

/** One case under way. */
class Restart {
  readonly #folder = mkdtempSync(join(tmpdir(), 'podwright-restart-'));
  readonly #tasks: ReadonlyMap<TaskGroup, readonly string[]>;
  /** Names and uids of the pods that each task has had. */
  readonly #names = new Map<string, string>();
  readonly #uids = new Map<string, Set<string>>();
  readonly #watching = new AbortController();

  constructor(
    private readonly client: HttpKubeClient,
    private readonly server: BenchServer,
    private readonly plan: RestartCase,
  ) {
    let number = 0;
    const namesOf = ({ count }: TaskGroup) => Array.from({ length: count }, () => `t${number++}`);
    this.#tasks = new Map(plan.groups.map((group) => [group, namesOf(group)]));
    const tasks = [...this.#tasks].flatMap(([{ seconds }, names]) =>
      names.map((task): BenchTask => ({ task, seconds })),
    );
    writeFileSync(join(this.#folder, 'tasks.json'), JSON.stringify(tasks));
  }

  async run(): Promise<BenchRow[]> {
    const watched = this.#watch();
    const first = this.#host('host-a');
    while (this.#lines('starts').length < this.plan.killAt) await delay(POLL_MS);
    let heir = this.plan.heir === 'other host' ? this.#host('host-b') : undefined;
    // The other host must have met the first one's tasks as not its own.
    if (heir !== undefined) await delay(DOWN_MS);
    first.kill('SIGKILL');
    let heirAt = Date.now();
    const podsAtKill = this.#uids.size;
    for (const [group, tasks] of this.#tasks) for (const task of tasks) await this.#strike(group, task);
    if (heir === undefined) {
      await delay(DOWN_MS);
      heirAt = Date.now();
      heir = this.#host('host-a');
    }
    await Promise.race([once(heir, 'exit'), delay(GIVE_UP_MS, undefined, { ref: false })]);
    heir.kill('SIGKILL');
    const { items } = await this.client.listPods({ namespace: NAMESPACE });
    this.#watching.abort();
    await watched;
    await this.client.deletePods({ namespace: NAMESPACE, gracePeriodSeconds: 0 });
    const told = this.#lines('outcomes.jsonl').map((line) => JSON.parse(line) as Told);
    const starts = this.#lines('starts');
    rmSync(this.#folder, { recursive: true, force: true });
    return [...this.#tasks].map(([group, tasks]) => {
      const mine = told.filter(({ task }) => tasks.includes(task));
      const pods = tasks.map((task) => this.#uids.get(task)?.size ?? 0);
      return {
        what: group.what,
        'set-up': this.plan.setUp,
        tasks: group.count,
        'pods at the kill': podsAtKill,
        'pods per task, most': Math.max(...pods),
        'starts per task, most': Math.max(...tasks.map((task) => starts.filter((one) => one === task).length)),
        'without outcome': tasks.filter((task) => !mine.some((one) => one.task === task)).length,
        told: [...new Set(mine.map(({ state, why }) => `${state} ${why}`.trim()))].join(' | '),
        'first s': Number((Math.min(...mine.map(({ at }) => at - heirAt)) / 1_000).toFixed(1)),
        'last s': Number((Math.max(...mine.map(({ at }) => at - heirAt)) / 1_000).toFixed(1)),
        'pods left': items.length,
      };
    });
  }

  #host(id: string): ChildProcess {
    const script = fileURLToPath(new URL('host.ts', import.meta.url));
    // Ids of its own for each case, so that none meets what another has left.
    const executorId = `${id}-${basename(this.#folder)}`;
    const args = [...process.execArgv, script, this.server.kubeconfig, this.#folder, executorId, this.plan.setUp];
    return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  #lines(file: string): string[] {
    const path = join(this.#folder, file);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  async #strike({ blow }: TaskGroup, task: string): Promise<void> {
    const name = this.#names.get(task);
    if (blow === 'none' || name === undefined) return;
    if (blow === 'delete') await this.client.deletePod(NAMESPACE, name);
    else if (blow === 'delete at once') await this.client.deletePod(NAMESPACE, name, { gracePeriodSeconds: 0 });
    else {
      const fault = JSON.stringify({ fault: blow, pod: name });
      await textOf(await rawRequests(this.server)('POST', '/_podwright/faults', fault));
    }
  }

  async #watch(): Promise<void> {
    try {
      for await (const event of this.client.watchPods({ namespace: NAMESPACE, signal: this.#watching.signal })) {
        if (event.type === 'ERROR' || event.type === 'BOOKMARK') continue;
        const { name = '', uid = '', labels } = event.object.metadata ?? {};
        const task = labels?.[TASK_LABEL] ?? '';
        if (event.type !== 'ADDED') continue;
        this.#names.set(task, name);
        this.#uids.set(task, (this.#uids.get(task) ?? new Set()).add(uid));
      }
    } catch (error) {
      if (!this.#watching.signal.aborted) throw error;
    }
  }
}

/** Measures restarts; `count` is the size of the burst that is cut short. */
export async function benchRestart({ server, count }: BenchContext): Promise<BenchRow[]> {
  if (!server.isEmbedded)
    throw new Error('restart needs the embedded cluster: its faults meet pods while no host is there');
  const client = await HttpKubeClient.connect({ kubeconfig: server.kubeconfig });
  const rows: BenchRow[] = [];
  for (const plan of restartCases(count)) rows.push(...(await new Restart(client, server, plan).run()));
  await client.close();
  return rows;
}
