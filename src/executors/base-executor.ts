/**
 * The executor contract with everything that does not depend on where tasks run: queue, slots, events, outcomes, and both ways of
 * driving. An executor of one's own extends {@link BaseExecutor} and overrides `launch`; it reports with `success` and `fail`.
 */
import type { EventEmitter } from 'eventemitter3';
import { AsyncQueue } from '../core/async-queue.js';
import { type Clock, systemClock } from '../core/clock.js';
import { publishExecutorEvent } from '../core/diagnostics.js';
import { type Duration, durationMs } from '../core/duration.js';
import { GuardedEmitter } from '../core/guarded-emitter.js';
import { type Logger, silentLogger } from '../core/logger.js';
import type {
  ExecutorEvents,
  LogLine,
  Outcome,
  QueuedTask,
  RunLogOptions,
  TaskEvent,
  TaskEventBase,
  TaskRun,
  TaskState,
  Workload,
} from '../core/outcome.js';
import { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput, taskInstanceKey } from '../core/task-key.js';
import { readTimeouts, type TaskTimeouts, type TimeoutsMs } from '../core/timeouts.js';
import type { Verdict } from '../core/verdict.js';
import { ConfigError, type ConfigProblem, LifecycleError, UnknownTaskError } from '../errors.js';
import { Driver } from './driver.js';
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
import { IdleGate } from './idle-gate.js';
import { type EndDetails, makeOutcome, OutcomeHub } from './outcome-hub.js';
import { type LogReader, TaskBoard, TaskEntry } from './task-board.js';
import { TaskStopper, UNSEEN } from './task-stopper.js';
import {
  cancelledVerdict,
  launchFailedVerdict,
  queuedTooLongVerdict,
  stoppedVerdict,
  unexplainedVerdict,
} from './verdicts.js';
import { checkWorkload } from './workload.js';

/** Options of every executor. */
export interface BaseExecutorOptions {
  /** Most tasks that run at a time: an integer of at least 1, or `Infinity`. @default 32 */
  readonly parallelism?: number | undefined;
  /** Who drives: the host by `heartbeat()`, or the executor itself. @default 'host' ('self' with `connect()`) */
  readonly drive?: 'host' | 'self' | undefined;
  /** Limits on the phases of tasks that have none of their own. @default none, save what an executor says */
  readonly timeouts?: TaskTimeouts | undefined;
  /** Events kept for `getEventBuffer()`; the oldest go first. @default no limit where the host drives, else 10000 */
  readonly eventBufferLimit?: number | undefined;
  /**
   * How often an executor that drives itself, or is ending, calls its `sync()` while tasks run; only where a subclass overrides `sync()`.
   * @default '1s'
   */
  readonly syncInterval?: Duration | undefined;
  /** Name for events and logs. @default the class name */
  readonly name?: string | undefined;
  /** What is taken out of log tails, messages and events in evidence; an empty list leaves them as they are. @default common shapes of secrets */
  readonly secretPatterns?: readonly RegExp[] | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

/** A wait for a slot. */
export interface QueueWait {
  /** Milliseconds so far. */
  readonly sinceMs: number;
  /** Milliseconds after which the task fails; `undefined` where it has no limit. */
  readonly limitMs: number | undefined;
}

const DEFAULT_PARALLELISM = 32;
const SELF_DRIVEN_BUFFER_LIMIT = 10_000;
const NEVER_ABORTED = new AbortController().signal;

function checkParallelism(value: unknown): number {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 1))
    return value as number;
  throw new ConfigError([{ field: 'parallelism', value, rule: 'must be an integer of at least 1, or Infinity' }]);
}

/** Base of all executors; see the module's text. */
export abstract class BaseExecutor extends GuardedEmitter<ExecutorEvents> implements Executor {
  readonly name: string;
  readonly parallelism: number;
  /** Source of time. */
  protected readonly clock: Clock;
  /** Where log lines go. */
  protected readonly logger: Logger;
  /** Limits on the phases of tasks that have none of their own. */
  protected readonly timeouts: TimeoutsMs;
  readonly #board = new TaskBoard();
  readonly #hub: OutcomeHub;
  readonly #gate: IdleGate;
  readonly #driver: Driver;
  readonly #stopper: TaskStopper;
  readonly #readLog: LogReader = (task, options) => this.readLog(task, options);
  #phase: 'new' | 'started' | 'ending' | 'ended' = 'new';
  /** Tasks, by the text of their keys, that were still queued when they were left to others. */
  #givenBack: ReadonlySet<string> = new Set();
  #starting: Promise<void> | undefined;
  #ending: Promise<EndReport> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BaseExecutorOptions = {}) {
    super();
    if (typeof options !== 'object' || options === null)
      throw new ConfigError([{ field: 'options', value: options, rule: 'must be an object' }]);
    this.parallelism = checkParallelism(options.parallelism === undefined ? DEFAULT_PARALLELISM : options.parallelism);
    const problems: ConfigProblem[] = [];
    this.timeouts = readTimeouts(options.timeouts, 'timeouts', problems) ?? {};
    if (problems.length > 0) throw new ConfigError(problems);
    // Bundlers put an underscore before the name of a class that mentions itself.
    this.name = options.name ?? new.target.name.replace(/^_/, '');
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
    const limit =
      options.eventBufferLimit ?? (options.drive === 'self' ? SELF_DRIVEN_BUFFER_LIMIT : Number.POSITIVE_INFINITY);
    this.#hub = new OutcomeHub(this.clock, limit, () =>
      this.logger.warn({ executor: this.name, limit }, 'event buffer is full, the oldest event was dropped'),
    );
    this.#gate = new IdleGate(this.clock);
    this.#stopper = new TaskStopper({
      board: this.#board,
      logger: this.logger,
      settle: (entry, verdict, details) => void this.#settle(entry, verdict, details),
      onCancel: (entry, cancelOptions) => this.onCancel(entry.task, cancelOptions),
    });
    this.#driver = new Driver(
      {
        clock: this.clock,
        isActive: () => this.#phase === 'started' || this.#phase === 'ending',
        hasRunning: () => this.#board.runningCount > 0,
        fillSlots: () => this.#fillSlots(),
        needsSync: () => this.sync !== BaseExecutor.prototype.sync,
        sync: () => this.sync(),
        syncIntervalMs: durationMs(options.syncInterval ?? '1s', 'syncInterval'),
        onSyncFailed: (error) =>
          this.logger.error({ err: error, executor: this.name }, 'sync() failed; it is called again'),
      },
      options.drive === 'self' ? 1 : 0,
    );
  }

  get slotsOccupied(): number {
    return this.#board.runningCount + this.#board.queuedCount;
  }

  get slotsAvailable(): number {
    return Math.max(0, this.parallelism - this.slotsOccupied);
  }

  slotsFor(_queue: string | undefined): number {
    return this.slotsAvailable;
  }

  start(): Promise<void> {
    if (this.#phase === 'ending' || this.#phase === 'ended')
      return Promise.reject(new LifecycleError('ERR_PODWRIGHT_CLOSED', 'start()'));
    this.#starting ??= this.onStart().then(
      () => {
        if (this.#phase === 'new') this.#phase = 'started';
        this.kick();
      },
      (error) => {
        this.#starting = undefined;
        throw error;
      },
    );
    return this.#starting;
  }

  async heartbeat(): Promise<void> {
    this.#assertUsable('heartbeat()');
    this.#fillSlots();
    await this.sync();
  }

  async run(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#assertUsable('run()');
    const { signal } = options;
    if (signal?.aborted) return;
    this.#driver.join();
    await this.#gate.until(() => this.#phase === 'ended', { signal });
    this.#driver.leave();
  }

  async changed(options: ChangedOptions = {}): Promise<boolean> {
    const timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout, 'timeout');
    return this.#hub.changed(timeoutMs, options.signal);
  }

  queueTask(workload: Workload): TaskRun {
    this.#assertUsable('queueTask()');
    const task = this.#check(workload);
    const adopted = this.#board.claim(keyToString(task.key));
    if (adopted !== undefined) {
      this.onClaimed(task);
      return adopted;
    }
    const entry = this.#accept(task);
    this.#board.addQueued(entry);
    this.#limitQueued(entry);
    this.emit('task:queued', this.eventBase(entry.task));
    this.kick();
    return entry;
  }

  executeAsync(
    key: TaskInstanceKeyInput,
    command: readonly string[],
    queue?: string,
    executorConfig?: object,
  ): TaskRun {
    this.#assertUsable('executeAsync()');
    const entry = this.#accept(this.#check({ key, command, queue, executorConfig }));
    this.#board.addRunning(entry);
    this.emit('task:queued', this.eventBase(entry.task));
    this.#begin(entry);
    return entry;
  }

  async sync(): Promise<void> {}

  hasTask(key: TaskInstanceKeyInput): boolean {
    return this.#board.get(keyToString(key)) !== undefined;
  }

  getRun(key: TaskInstanceKeyInput): TaskRun | undefined {
    return this.#board.get(keyToString(key));
  }

  getEventBuffer(dagIds?: readonly string[]): Map<TaskInstanceKey, TaskEvent> {
    return this.#hub.take(dagIds);
  }

  outcomes(): AsyncIterableIterator<Outcome> {
    return this.#hub.stream();
  }

  async tryAdoptTaskInstances(keys: readonly TaskInstanceKeyInput[]): Promise<TaskInstanceKey[]> {
    const adopted = await Promise.all(keys.map((key) => this.adoptLaunchedTask(key)));
    return keys.filter((_, index) => adopted[index] !== true).map(taskInstanceKey);
  }

  /** Left as it is, only what the executor has found by itself when it started counts as taken over. */
  async adoptLaunchedTask(key: TaskInstanceKeyInput): Promise<boolean> {
    const id = keyToString(key);
    return this.#board.get(id) !== undefined && !this.#board.isQueued(id);
  }

  async revokeTask(key: TaskInstanceKeyInput, { evenIfRunning = false }: RevokeOptions = {}): Promise<boolean> {
    const entry = this.#board.get(keyToString(key));
    if (entry === undefined) return true;
    if (entry.stopping === undefined) {
      const isFree = evenIfRunning || this.#board.isQueued(entry.id) || (await this.canRevoke(entry.task));
      // Meanwhile it may have ended, and the key may stand for a task that was handed over anew.
      if (entry.stopping === undefined) {
        if (!isFree || this.#board.get(entry.id) !== entry) return false;
        entry.isSilent = true;
      }
    }
    // What is being cancelled already is told; a second revoke is answered like the first.
    await this.#stopper.stop(entry, 'The task was revoked', {});
    return entry.isSilent && !entry.isHandedOver && entry.state !== 'success';
  }

  /** @throws UnknownTaskError where the task is neither queued nor running here; ConfigError where `grace` is no duration. */
  async cancel(key: TaskInstanceKeyInput, options: CancelOptions = {}): Promise<CancelResult> {
    if (options.grace !== undefined) durationMs(options.grace, 'grace');
    const entry = this.#board.get(keyToString(key));
    if (entry === undefined)
      throw new UnknownTaskError(keyToString(key), 'It may have ended already: its outcome says how.');
    return this.#stopper.stop(entry, 'The task was cancelled', options);
  }

  async getTaskLog(_key: TaskInstanceKeyInput): Promise<TaskLog> {
    return { messages: [`${this.name} keeps no logs.`], lines: [] };
  }

  async end(options: EndOptions = {}): Promise<EndReport> {
    const timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout, 'timeout');
    this.#ending ??= this.#end(options.drain ?? false, timeoutMs);
    return this.#ending;
  }

  async terminate(): Promise<EndReport> {
    this.#beginEnd({ isStopping: true });
    const report = await this.#stopper.stopAll();
    await this.#close();
    return report;
  }

  /** The same as `end()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /**
   * Reports that a task has done its work. Ignored where the task is not live here, so that late and repeated reports do no harm.
   * @returns whether this report decided the task's outcome.
   */
  success(key: TaskInstanceKeyInput, details: EndDetails = {}): boolean {
    const entry = this.#board.get(keyToString(key));
    return entry !== undefined && this.#settle(entry, undefined, details);
  }

  /**
   * Reports that a task has failed, with a verdict, an error or a text as the reason. Ignored where the task is not live here.
   * @returns whether this report decided the task's outcome.
   */
  fail(key: TaskInstanceKeyInput, reason?: Verdict | Error | string, details: EndDetails = {}): boolean {
    const entry = this.#board.get(keyToString(key));
    if (entry === undefined) return false;
    const verdict =
      typeof reason === 'object' && !(reason instanceof Error)
        ? reason
        : unexplainedVerdict(reason instanceof Error ? reason.message : reason);
    return this.#settle(entry, verdict, details);
  }

  /** Reports a task's state in Airflow's manner; `info` says where it runs, or why it failed. */
  changeState(key: TaskInstanceKeyInput, state: TaskState, info?: string): boolean {
    if (state === 'success') return this.success(key);
    if (state === 'failed') return this.fail(key, info);
    const entry = this.#board.get(keyToString(key));
    if (entry === undefined) return false;
    entry.ranAs = info ?? entry.ranAs;
    if (state === 'running') entry.runningAt ??= this.clock.now();
    this.#hub.note(entry, { state, info });
    if (state === 'running') this.emit('task:running', { ...this.eventBase(entry.task), ranAs: entry.ranAs });
    return true;
  }

  /**
   * Launches one task. It may resolve as soon as the task is under way, or after its end; the end is reported with `success` or
   * `fail`. A rejection fails the task with verdict `launch_failed`. The signal aborts when the task is to stop.
   */
  protected abstract launch(task: QueuedTask, signal: AbortSignal): Promise<unknown> | unknown;

  /** Whether `launch` listens to its signal; one costs each task nearly a kilobyte for as long as it runs. @default true */
  protected get usesSignal(): boolean {
    return true;
  }

  /** Called once by `start()`. */
  protected async onStart(): Promise<void> {}

  /**
   * Called with each outcome before anybody hears of it: the place to write it down, for an executor that repeats it after a restart. What it
   * throws is logged; the outcome is told all the same.
   * With `isTold: false` nobody is to hear of it, because the task was revoked or handed over.
   */
  protected onOutcome(_outcome: Outcome, _how: { readonly isTold: boolean }): void {}

  /** Called when the host queues a task that was found running: from now on its whole workload is known. */
  protected onClaimed(_task: QueuedTask): void {}

  /**
   * Called as the executor begins to end, and, with `isStopping`, before what still runs is stopped: the place to stop taking on work by itself. May be
   * called more than once.
   */
  protected onEnding(_how: { readonly isStopping: boolean }): void {}

  /** Called once when the executor has no more tasks and ends, or, detached, leaves them to its successor. */
  protected async onClose(_how: { readonly isDetached: boolean }): Promise<void> {}

  /** Stops a running task and waits for its end. Left as it is, only the launch's signal aborts. */
  protected async onCancel(_task: QueuedTask, _options: CancelOptions): Promise<CancelResult> {
    return UNSEEN;
  }

  /** Whether a task that holds a slot has not started its program yet, so that revoking it destroys no work. */
  protected async canRevoke(task: QueuedTask): Promise<boolean> {
    return this.#board.get(keyToString(task.key))?.runningAt === undefined;
  }

  /** Reads the log of a live task, or of one whose run the host still holds. */
  protected readLog(_task: QueuedTask, _options: RunLogOptions): AsyncIterable<LogLine> {
    const none = new AsyncQueue<LogLine>();
    none.end();
    return none;
  }

  /**
   * Takes a task that somebody else launched into the running ones; one that has ended takes no slot. Where it was queued here it leaves the
   * queue, since it is launched already.
   * @returns the task as it is known here, with its workload where it was queued; `undefined` where its key runs, or has ended here lately.
   */
  protected adopt(
    task: QueuedTask,
    { hasEnded = false }: { readonly hasEnded?: boolean } = {},
  ): QueuedTask | undefined {
    const id = keyToString(task.key);
    const queued = this.#board.takeQueued(id);
    if (queued === undefined && (this.#board.get(id) !== undefined || this.#board.hasEnded(id))) return undefined;
    const entry = queued ?? this.#newEntry(id, task);
    entry.cancelTimer();
    entry.launchedAt = this.clock.now();
    entry.launches = 1;
    entry.isUnclaimed = queued === undefined;
    if (hasEnded) this.#board.addEnding(entry);
    else this.#board.addRunning(entry);
    return entry.task;
  }

  /** Whether a task is live here, or has ended here lately, but for one that was given back before it was launched. */
  protected knows(key: TaskInstanceKey): boolean {
    const id = keyToString(key);
    return this.#board.get(id) !== undefined || (this.#board.hasEnded(id) && !this.#givenBack.has(id));
  }

  /** Gives a slot to a task that was found ended and runs again after all. */
  protected occupySlot(key: TaskInstanceKey): void {
    const entry = this.#board.get(keyToString(key));
    if (entry !== undefined) this.#board.occupy(entry);
  }

  /** Lets go of a task that another executor has taken over: frees its slot without an event; its run ends as `cancelled`. */
  protected handOver(key: TaskInstanceKeyInput, why: string): void {
    const entry = this.#board.get(keyToString(key));
    if (entry === undefined) return;
    entry.isSilent = true;
    entry.isHandedOver = true;
    this.#settle(entry, cancelledVerdict(why, undefined));
  }

  /** Whether the end of a task is kept to ourselves because it is being revoked. */
  protected isRevoked(key: TaskInstanceKeyInput): boolean {
    return this.#board.get(keyToString(key))?.isSilent === true;
  }

  /** Ends the executor without touching what runs; the runs of its tasks stay unsettled. */
  protected async abandon(): Promise<TaskInstanceKey[]> {
    if (this.#phase === 'ended') {
      await this.#closing;
      return [];
    }
    this.#beginEnd({ isStopping: true });
    this.#givenBack = new Set(this.#stopper.cancelQueued().map((key) => keyToString(key)));
    const running = this.#board.running();
    // Off the board they are out of reach of a later terminate(), which would stop what now belongs to another executor.
    for (const entry of running) this.#board.remove(entry, true);
    await this.#close(true);
    return running.map((entry) => entry.key);
  }

  /** The tasks that hold a slot. */
  protected runningTasks(): QueuedTask[] {
    return this.#board.running().map((entry) => entry.task);
  }

  /** How long a task has waited for a slot, and its limit, in milliseconds; `undefined` where it does not wait for one. */
  protected queueWait(key: TaskInstanceKeyInput): QueueWait | undefined {
    const entry = this.#board.get(keyToString(key));
    if (entry === undefined || !this.#board.isQueued(entry.id)) return undefined;
    const limitMs = entry.task.timeouts?.queued ?? this.timeouts.queued;
    return { sinceMs: this.clock.now() - entry.queuedAt, limitMs };
  }

  /** The text of a live task's key, as it is held here: a second copy of each is a tenth of a kilobyte. */
  protected idOf({ key }: QueuedTask): string {
    const id = keyToString(key);
    return this.#board.get(id)?.id ?? id;
  }

  /** Event fields of a live task, for events that a subclass emits. */
  protected eventBase(task: QueuedTask): TaskEventBase {
    return { key: task.key, queue: task.queue, at: this.clock.now(), executor: this.name };
  }

  /** Makes a self-driving executor fill its slots soon; call it when something outside has changed. */
  protected kick(): void {
    this.#driver.kick();
  }

  override emit<E extends EventEmitter.EventNames<ExecutorEvents>>(
    event: E,
    ...args: EventEmitter.EventArgs<ExecutorEvents, E>
  ): boolean {
    publishExecutorEvent({ event, executor: this.name, payload: args[0] });
    return super.emit(event, ...args);
  }

  protected override onListenerError(event: string, error: unknown): void {
    this.logger.error({ err: error, event, executor: this.name }, 'a listener failed');
    if (event !== 'listener:error') this.emit('listener:error', { event, error });
  }

  #assertUsable(what: string): void {
    if (this.#phase === 'new') throw new LifecycleError('ERR_PODWRIGHT_NOT_STARTED', what);
    if (this.#phase !== 'started') throw new LifecycleError('ERR_PODWRIGHT_CLOSED', what);
  }

  #newEntry(id: string, task: QueuedTask): TaskEntry {
    return new TaskEntry(id, task, this.clock.now(), this.#readLog);
  }

  #check(workload: Workload): QueuedTask {
    const task = checkWorkload(workload);
    this.validate(task);
    return task;
  }

  #accept(task: QueuedTask): TaskEntry {
    const id = keyToString(task.key);
    this.#board.assertNew(id);
    return this.#newEntry(id, task);
  }

  /** Checks a task before it is accepted; throws a typed error to refuse it. */
  protected validate(_task: QueuedTask): void {}

  #fillSlots(): void {
    while (this.#board.runningCount < this.parallelism) {
      const entry = this.#board.takeNext();
      if (entry === undefined) return;
      this.#begin(entry);
    }
  }

  #limitQueued(entry: TaskEntry): void {
    const limitMs = entry.task.timeouts?.queued ?? this.timeouts.queued;
    if (limitMs === undefined || limitMs === Number.POSITIVE_INFINITY) return;
    entry.limitBy(this.clock.schedule(limitMs, () => this.#settle(entry, queuedTooLongVerdict(limitMs))));
  }

  #begin(entry: TaskEntry): void {
    // A listener may have stopped or ended it; what was told as not started must not start.
    const isOver = () => entry.stopping !== undefined || this.#board.get(entry.id) !== entry;
    if (isOver()) return;
    entry.cancelTimer();
    entry.launchedAt = this.clock.now();
    this.emit('task:launched', this.eventBase(entry.task));
    if (isOver()) return;
    entry.launches = 1;
    const failed = (error: unknown) => {
      this.logger.error({ err: error, task: entry.id, executor: this.name }, 'a launch failed');
      this.#settle(entry, launchFailedVerdict(error));
    };
    try {
      const signal = this.usesSignal ? entry.controller.signal : NEVER_ABORTED;
      Promise.resolve(this.launch(entry.task, signal)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #settle(entry: TaskEntry, verdict: Verdict | undefined, details: EndDetails = {}): boolean {
    if (this.#board.get(entry.id) !== entry) return false;
    const isStopped = entry.stopReason !== undefined && details.hadEnded !== true;
    const decided = verdict !== undefined && isStopped ? stoppedVerdict(entry.stopReason as string, verdict) : verdict;
    entry.cancelTimer();
    // What was revoked is told all the same where its work is done or may still be going on: somebody would do it again.
    if (decided === undefined || details.isUnproven === true) entry.isSilent = false;
    this.#board.remove(entry, !entry.isSilent);
    const outcome = makeOutcome(entry, this.name, this.clock.now(), decided, details);
    this.#noteOutcome(outcome, { isTold: !entry.isSilent });
    entry.settle(outcome);
    if (entry.isSilent) {
      this.#hub.forget(entry);
      // Nobody hears of it who could acknowledge it.
      details.acknowledge?.().catch(() => {});
    } else {
      this.#hub.publish(entry, outcome);
      this.emit('outcome', outcome);
    }
    this.#gate.check();
    this.kick();
    return true;
  }

  #noteOutcome(outcome: Outcome, how: { readonly isTold: boolean }): void {
    try {
      this.onOutcome(outcome, how);
    } catch (error) {
      this.logger.error(
        { err: error, task: keyToString(outcome.key), executor: this.name },
        'an outcome was not noted',
      );
    }
  }

  async #end(drain: boolean, timeoutMs: number | undefined): Promise<EndReport> {
    if (this.#phase === 'ended') {
      await this.#closing;
      return { finished: [], notStarted: [], stopped: [] };
    }
    this.#beginEnd({ isStopping: false });
    const notStarted = drain ? [] : this.#stopper.cancelQueued();
    const waited = [...this.#board.running(), ...this.#board.queued()];
    // From here on the host's heartbeat is refused, so the executor looks after what is left by itself.
    this.#driver.join();
    await this.#gate.until(() => this.slotsOccupied === 0 && this.#board.endingCount === 0, { timeoutMs });
    this.#beginEnd({ isStopping: true });
    const stopped = await this.#stopper.stopAll();
    await this.#close();
    const left = new Set([...stopped.stopped, ...stopped.notStarted]);
    // A cancel or a terminate() that came while they were waited for has ended some of them, too.
    const others = waited.filter(({ key }) => !left.has(key));
    const keysOf = (isIt: (entry: TaskEntry) => boolean) => others.filter(isIt).map(({ key }) => key);
    return {
      finished: keysOf(({ wasStopped }) => !wasStopped),
      notStarted: [
        ...notStarted,
        ...stopped.notStarted,
        ...keysOf((entry) => entry.wasStopped && entry.launches === 0),
      ],
      stopped: [...stopped.stopped, ...keysOf((entry) => entry.wasStopped && entry.launches > 0)],
    };
  }

  #beginEnd(how: { readonly isStopping: boolean }): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ending';
    this.onEnding(how);
  }

  /** Once; whoever ends it again waits for the same, or its process might exit in the middle of it. */
  #close(isDetached = false): Promise<void> {
    this.#closing ??= this.#closeOnce(isDetached);
    return this.#closing;
  }

  async #closeOnce(isDetached: boolean): Promise<void> {
    this.#phase = 'ended';
    try {
      await this.onClose({ isDetached });
    } finally {
      this.#hub.close();
      this.#gate.check();
    }
  }
}
