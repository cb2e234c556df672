/** Routes tasks to executors by the name of their queue. */
import { durationMs } from '../core/duration.js';
import { GuardedEmitter } from '../core/guarded-emitter.js';
import { type Logger, silentLogger } from '../core/logger.js';
import type { ExecutorEvents, Outcome, TaskEvent, TaskRun, Workload } from '../core/outcome.js';
import { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput, taskInstanceKey } from '../core/task-key.js';
import { ConfigError, type ConfigProblem, DuplicateTaskError, UnknownTaskError } from '../errors.js';
import { changedInAny } from './change-signal.js';
import type {
  CancelOptions,
  CancelResult,
  ChangedOptions,
  EndOptions,
  EndReport,
  Executor,
  RevokeOptions,
  TaskLog,
} from './executor.js';
import { OutcomeStreams } from './outcome-streams.js';

/** Options of a {@link HybridExecutor}. */
export interface HybridExecutorOptions {
  /** Takes tasks whose queue no entry of `queues` covers, and tasks without a queue. */
  readonly default: Executor;
  /** Executors by queue name. A name may end in `*`; exact names win, then the longest prefix. */
  readonly queues: Readonly<Record<string, Executor>>;
  /** Name for events and logs. @default the class name */
  readonly name?: string | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

/** A record, so that an event which is added later cannot be forgotten here. */
const FORWARDED: Readonly<Record<Exclude<keyof ExecutorEvents, 'listener:error'>, true>> = {
  'task:queued': true,
  'task:launched': true,
  'task:running': true,
  'task:relaunch': true,
  'task:pending': true,
  'task:warning': true,
  outcome: true,
  notice: true,
  'lease:lost': true,
  members: true,
};

function isExecutor(value: unknown): value is Executor {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Executor).queueTask === 'function' &&
    typeof (value as Executor).on === 'function'
  );
}

async function letGo(side: Executor): Promise<TaskInstanceKey[]> {
  if (side.detach !== undefined) return side.detach();
  await side.terminate();
  return [];
}

function checkOptions({ default: fallback, queues }: HybridExecutorOptions): void {
  const problems: ConfigProblem[] = [];
  if (!isExecutor(fallback)) problems.push({ field: 'default', value: fallback, rule: 'must be an executor' });
  for (const [queue, executor] of Object.entries(queues ?? {})) {
    if (!isExecutor(executor))
      problems.push({ field: `queues.${queue}`, value: executor, rule: 'must be an executor' });
    if (queue === '' || queue.slice(0, -1).includes('*'))
      problems.push({
        field: `queues.${queue}`,
        rule: 'must be named by a queue, or by a prefix and a single * at its end',
      });
  }
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'options of HybridExecutor' });
}

/**
 * One executor made of several. Each side sees only the work handed to it; start, heartbeat, adoption, logs and the end reach every
 * side, and a failure of one does not keep the others from being reached.
 */
export class HybridExecutor extends GuardedEmitter<ExecutorEvents> implements Executor {
  readonly name: string;
  readonly #default: Executor;
  readonly #exact = new Map<string, Executor>();
  readonly #prefixes: { readonly prefix: string; readonly executor: Executor }[];
  readonly #sides: readonly Executor[];
  readonly #streams = new OutcomeStreams();
  readonly #logger: Logger;

  /** @throws ConfigError where a side is no executor or a queue name cannot be one. */
  constructor(options: HybridExecutorOptions) {
    super();
    checkOptions(options);
    this.name = options.name ?? new.target.name;
    this.#logger = options.logger ?? silentLogger;
    this.#default = options.default;
    const entries = Object.entries(options.queues);
    for (const [queue, executor] of entries) if (!queue.endsWith('*')) this.#exact.set(queue, executor);
    this.#prefixes = entries
      .filter(([queue]) => queue.endsWith('*'))
      .map(([queue, executor]) => ({ prefix: queue.slice(0, -1), executor }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    this.#sides = [...new Set([options.default, ...entries.map(([, executor]) => executor)])];
    for (const side of this.#sides) this.#forward(side);
  }

  /** The executor that serves a queue. */
  executorFor(queue: string | undefined): Executor {
    if (queue === undefined) return this.#default;
    return (
      this.#exact.get(queue) ?? this.#prefixes.find(({ prefix }) => queue.startsWith(prefix))?.executor ?? this.#default
    );
  }

  get parallelism(): number {
    return this.#sum((side) => side.parallelism);
  }

  get slotsAvailable(): number {
    return this.#sum((side) => side.slotsAvailable);
  }

  get slotsOccupied(): number {
    return this.#sum((side) => side.slotsOccupied);
  }

  slotsFor(queue: string | undefined): number {
    return this.executorFor(queue).slotsFor(queue);
  }

  /** Starts every side; where one cannot start, the others let go again of what they have found, or end it where they cannot detach. */
  async start(): Promise<void> {
    const results = await Promise.allSettled(this.#sides.map((side) => side.start()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    await Promise.allSettled(this.#sides.filter((_, index) => results[index]?.status === 'fulfilled').map(letGo));
    throw failed.reason;
  }

  async heartbeat(): Promise<void> {
    await this.#all((side) => side.heartbeat());
  }

  async run(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    await this.#all((side) => side.run(options));
  }

  async changed(options: ChangedOptions = {}): Promise<boolean> {
    return changedInAny(this.#sides, options);
  }

  /** @throws DuplicateTaskError also where the key is live on another side. */
  queueTask(workload: Workload): TaskRun {
    const side = this.executorFor(workload?.queue);
    this.#assertElsewhereUnknown(workload?.key, side);
    return side.queueTask(workload);
  }

  executeAsync(
    key: TaskInstanceKeyInput,
    command: readonly string[],
    queue?: string,
    executorConfig?: object,
  ): TaskRun {
    const side = this.executorFor(queue);
    this.#assertElsewhereUnknown(key, side);
    return side.executeAsync(key, command, queue, executorConfig);
  }

  async sync(): Promise<void> {
    await this.#all((side) => side.sync());
  }

  hasTask(key: TaskInstanceKeyInput): boolean {
    return this.#sides.some((side) => side.hasTask(key));
  }

  getRun(key: TaskInstanceKeyInput): TaskRun | undefined {
    return this.#holder(key)?.getRun(key);
  }

  getEventBuffer(dagIds?: readonly string[]): Map<TaskInstanceKey, TaskEvent> {
    return new Map(this.#sides.flatMap((side) => [...side.getEventBuffer(dagIds)]));
  }

  outcomes(): AsyncIterableIterator<Outcome> {
    return this.#streams.open();
  }

  async tryAdoptTaskInstances(keys: readonly TaskInstanceKeyInput[]): Promise<TaskInstanceKey[]> {
    let left = keys.map(taskInstanceKey);
    for (const side of this.#sides) if (left.length > 0) left = await side.tryAdoptTaskInstances(left);
    return left;
  }

  async adoptLaunchedTask(key: TaskInstanceKeyInput): Promise<boolean> {
    for (const side of this.#sides) if (await side.adoptLaunchedTask(key)) return true;
    return false;
  }

  async revokeTask(key: TaskInstanceKeyInput, options?: RevokeOptions): Promise<boolean> {
    return (await this.#holder(key)?.revokeTask(key, options)) ?? true;
  }

  async cancel(key: TaskInstanceKeyInput, options?: CancelOptions): Promise<CancelResult> {
    const holder = this.#holder(key);
    if (holder === undefined)
      throw new UnknownTaskError(keyToString(key), 'It may have ended already: its outcome says how.');
    return holder.cancel(key, options);
  }

  async getTaskLog(key: TaskInstanceKeyInput): Promise<TaskLog> {
    const holder = this.#holder(key);
    if (holder !== undefined) return holder.getTaskLog(key);
    const messages: string[] = [];
    for (const side of this.#sides) {
      const log = await side.getTaskLog(key);
      if (log.lines.length > 0) return log;
      messages.push(...log.messages.map((message) => `${side.name}: ${message}`));
    }
    return { messages, lines: [] };
  }

  async end(options?: EndOptions): Promise<EndReport> {
    if (options?.timeout !== undefined) durationMs(options.timeout, 'timeout');
    return this.#finish((side) => side.end(options));
  }

  async terminate(): Promise<EndReport> {
    return this.#finish((side) => side.terminate());
  }

  /** Detaches every side; one that cannot do so ends what it runs. Resolves with the tasks left running. */
  async detach(): Promise<TaskInstanceKey[]> {
    return (await this.#lastly(letGo)).flat();
  }

  /** The same as `end()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  protected override onListenerError(event: string, error: unknown): void {
    this.#logger.error({ err: error, event, executor: this.name }, 'a listener failed');
    if (event !== 'listener:error') this.emit('listener:error', { event, error });
  }

  #forward(side: Executor): void {
    const forward = this.emit.bind(this) as (event: string, payload: unknown) => boolean;
    for (const event of Object.keys(FORWARDED) as (keyof typeof FORWARDED)[])
      side.on(event, (payload: unknown) => void forward(event, payload));
    side.on('outcome', (outcome) => this.#streams.push(outcome));
  }

  #assertElsewhereUnknown(key: TaskInstanceKeyInput, side: Executor): void {
    if (typeof key !== 'object' || key === null) return;
    const holder = this.#holder(key);
    if (holder !== undefined && holder !== side)
      throw new DuplicateTaskError(keyToString(key), `live in ${holder.name}`);
  }

  #holder(key: TaskInstanceKeyInput): Executor | undefined {
    return this.#sides.find((side) => side.hasTask(key));
  }

  #sum(of: (side: Executor) => number): number {
    return this.#sides.reduce((total, side) => total + of(side), 0);
  }

  /** Reaches every side, then reports the first failure. */
  async #all<T>(act: (side: Executor) => Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(this.#sides.map(act));
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  async #finish(act: (side: Executor) => Promise<EndReport>): Promise<EndReport> {
    const reports = await this.#lastly(act);
    return {
      finished: reports.flatMap((report) => report.finished),
      notStarted: reports.flatMap((report) => report.notStarted),
      stopped: reports.flatMap((report) => report.stopped),
    };
  }

  /** Reaches every side for the last time; no outcome comes after it. */
  async #lastly<T>(act: (side: Executor) => Promise<T>): Promise<T[]> {
    try {
      return await this.#all(act);
    } finally {
      this.#streams.end();
    }
  }
}
