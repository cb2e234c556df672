/** Runs tasks as child processes of the host. */
import { randomUUID } from 'node:crypto';
import { type Duration, durationMs } from '../../core/duration.js';
import type { LogLine, Outcome, QueuedTask, RunLogOptions } from '../../core/outcome.js';
import { redact } from '../../core/redact.js';
import { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput } from '../../core/task-key.js';
import type { Evidence } from '../../core/verdict.js';
import { BaseExecutor, type BaseExecutorOptions } from '../base-executor.js';
import type { CancelOptions, CancelResult, TaskLog } from '../executor.js';
import { UNSEEN } from '../task-stopper.js';
import { exitVerdict } from '../verdicts.js';
import { type LocalExecutorConfig, localConfigOf } from './local-config.js';
import { LocalProcess, type ProcessEnd } from './local-process.js';
import { lateVerdict, spawnVerdict, unseenVerdict } from './local-verdicts.js';
import { OrphanProcess } from './orphan-process.js';
import { OutputReader } from './output-files.js';
import { processStartTicks } from './process-tree.js';
import { taskEnvironment } from './task-environment.js';
import { isStillRunning, type JournalEntry, TaskJournal, withProcess } from './task-journal.js';
import { TaskOutput } from './task-output.js';

/** Options of a {@link LocalExecutor}. */
export interface LocalExecutorOptions extends BaseExecutorOptions {
  /** Environment of every task; `null` removes a variable. The host's own comes first unless `inheritEnv` is false. */
  readonly env?: Readonly<Record<string, string | null>> | undefined;
  /** Whether tasks see the host's environment. @default true */
  readonly inheritEnv?: boolean | undefined;
  /** Working directory of every task. @default the host's */
  readonly cwd?: string | undefined;
  /** Limit for a task's run. @default none */
  readonly timeout?: Duration | undefined;
  /** Time between SIGTERM and SIGKILL when a task is stopped. @default '10s' */
  readonly grace?: Duration | undefined;
  /**
   * Folder in which started tasks are remembered. With it, a host that was killed does not run a task twice: one that still runs is followed to
   * its end or its time limit, and one whose end nobody saw fails with verdict `unknown`. What tasks print goes into files there (mode 0600, removed
   * with the entry), since a pipe would end them with their host; while a host reads, each is cut when it has 16 MiB. One executor at a time may
   * use it; needs /proc, and gives tasks the variable `PODWRIGHT_LAUNCH`. @default none: such a task runs again, and its processes may live on
   */
  readonly journal?: string | undefined;
  /** With `manual` and a journal, an outcome is repeated after a restart until its `acknowledge()` was called. @default 'auto' */
  readonly acknowledge?: 'auto' | 'manual' | undefined;
  /** Bytes of output kept per task, 64 of them for each line beside its text; the oldest lines go first. @default 1048576 */
  readonly maxOutputBytes?: number | undefined;
}

/** Outputs of tasks that have ended, kept for `getTaskLog`. */
const ENDED_OUTPUTS_KEPT = 20;
const TAIL_LINES = 20;
const TAIL_CHARS = 4_096;

interface RunningOrphan {
  readonly process: OrphanProcess;
  readonly output: TaskOutput;
  readonly reader: OutputReader;
}

interface RunningProcess {
  readonly process: LocalProcess;
  readonly output: TaskOutput;
}

/**
 * Runs each task as a child process: no shell, a process group of its own, output in bounded memory, and an end of the whole process
 * tree by SIGTERM and then SIGKILL.
 */
export class LocalExecutor extends BaseExecutor {
  readonly #options: LocalExecutorOptions;
  readonly #timeoutMs: number | undefined;
  readonly #graceMs: number;
  readonly #maxOutputBytes: number;
  readonly #journal: TaskJournal | undefined;
  /** Processes of a former run of the host. */
  readonly #orphans = new Map<string, RunningOrphan>();
  readonly #running = new Map<string, RunningProcess>();
  readonly #outputs = new WeakMap<QueuedTask, TaskOutput>();
  readonly #endedOutputs = new Map<string, TaskOutput>();
  /** From then on what is taken on would be stopped by nobody. */
  #isStopping = false;

  constructor(options: LocalExecutorOptions = {}) {
    super(options);
    this.#options = options;
    localConfigOf({ env: options.env, cwd: options.cwd });
    this.#timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout, 'timeout');
    this.#graceMs = durationMs(options.grace ?? '10s', 'grace');
    this.#maxOutputBytes = options.maxOutputBytes ?? 1024 * 1024;
    this.#journal = options.journal === undefined ? undefined : new TaskJournal(options.journal);
  }

  override async getTaskLog(key: TaskInstanceKeyInput): Promise<TaskLog> {
    const id = keyToString(key);
    const output = (this.#running.get(id) ?? this.#orphans.get(id))?.output ?? this.#endedOutputs.get(id);
    if (output === undefined) return { messages: ['No output is kept for this task.'], lines: [] };
    const lines: LogLine[] = [];
    for await (const line of output.read({ follow: false })) lines.push(line);
    return { messages: [], lines };
  }

  /**
   * Stops without touching the processes, which the next executor of the same journal takes over; without a journal nobody would find them,
   * and they are ended.
   */
  async detach(): Promise<TaskInstanceKey[]> {
    if (this.#journal !== undefined) return this.abandon();
    await this.terminate();
    return [];
  }

  /** Takes over what the journal of a former run holds. */
  protected override async onStart(): Promise<void> {
    for (const entry of this.#journal?.entries() ?? []) {
      const { key, queue } = entry;
      const task: QueuedTask = { key, queue, command: [], priority: 0, executorConfig: undefined };
      // Before the task is taken on: stopped without its process, it would be told as cancelled and run on.
      const found = await withProcess(entry);
      if (this.#isStopping) return;
      const ours = this.adopt(task);
      if (ours !== undefined) void this.#followOrphan(found, ours);
    }
  }

  protected override onEnding({ isStopping }: { readonly isStopping: boolean }): void {
    this.#isStopping ||= isStopping;
  }

  protected override async onClose(): Promise<void> {
    for (const { process } of this.#orphans.values()) process.close();
    const left = [...this.#orphans.values()].map(({ reader }) => reader.close());
    await Promise.all([...left, ...[...this.#running.values()].map(({ process }) => process.release())]);
  }

  protected override onClaimed(task: QueuedTask): void {
    const output = this.#orphans.get(keyToString(task.key))?.output;
    if (output !== undefined) this.#outputs.set(task, output);
  }

  protected override validate(task: QueuedTask): void {
    localConfigOf(task.executorConfig);
  }

  protected override async launch(task: QueuedTask): Promise<void> {
    const id = keyToString(task.key);
    const config = localConfigOf(task.executorConfig);
    const output = this.#outputOf(task);
    const timeoutMs = this.#timeoutOf(task, config);
    const entry: JournalEntry = {
      key: task.key,
      queue: task.queue,
      launchId: randomUUID(),
      deadline: timeoutMs === undefined ? undefined : { at: this.clock.now() + timeoutMs, afterMs: timeoutMs },
    };
    this.#journal?.write(entry);
    const child = new LocalProcess({
      command: task.command,
      env: taskEnvironment(this.#options, entry, config),
      cwd: config.cwd ?? this.#options.cwd,
      output,
      files: this.#journal?.newOutputFilesOf(task.key),
      clock: this.clock,
    });
    this.#running.set(id, { process: child, output });
    if (child.pid !== undefined) {
      this.changeState(task.key, 'running', `pid ${child.pid}`);
      await this.#noteStarted(entry, child.pid);
    }
    let isLate = false;
    const cancelTimeout =
      timeoutMs === undefined
        ? undefined
        : this.clock.schedule(timeoutMs, () => {
            // What it has left in the background may hold its output open a little longer.
            if (child.hasExited) return;
            isLate = true;
            void child.stop(this.#graceMs);
          });
    const end = await child.ended;
    cancelTimeout?.();
    this.#running.delete(id);
    this.#keepOutput(id, output);
    this.#report(task, config, end, output, isLate ? timeoutMs : undefined);
  }

  /** Written down before it is told, since a host that dies in between must hear the same once more. */
  protected override onOutcome({ key, exitCode, ...outcome }: Outcome, { isTold }: { readonly isTold: boolean }): void {
    const journal = this.#journal;
    if (journal?.has(key) !== true) return;
    if (!isTold) {
      this.#forget(key);
      return;
    }
    // Also where it cannot be written: what was told would be told as `unknown` after a restart.
    if (this.#options.acknowledge !== 'manual') queueMicrotask(() => this.#forget(key));
    const verdict = outcome.state === 'success' ? undefined : outcome.verdict;
    journal.write({ key, queue: outcome.queue, outcome: { exitCode, verdict } });
  }

  /** One of a former run of the host has started, though it may not have been looked at yet. */
  protected override async canRevoke(task: QueuedTask): Promise<boolean> {
    return !this.#orphans.has(keyToString(task.key)) && super.canRevoke(task);
  }

  protected override async onCancel(task: QueuedTask, options: CancelOptions): Promise<CancelResult> {
    const running = this.#running.get(keyToString(task.key));
    const graceMs = options.grace === undefined ? this.#graceMs : durationMs(options.grace, 'grace');
    if (running === undefined) return this.#stopOrphan(task.key, graceMs);
    await running.process.stop(graceMs);
    const end = await running.process.ended;
    return { observed: 'terminated', exitCode: end.exitCode, forced: end.wasForced };
  }

  protected override readLog(task: QueuedTask, options: RunLogOptions): AsyncIterable<LogLine> {
    return this.#outputOf(task).read(options);
  }

  #outputOf(task: QueuedTask): TaskOutput {
    const output = this.#outputs.get(task) ?? new TaskOutput(this.#maxOutputBytes);
    this.#outputs.set(task, output);
    return output;
  }

  #keepOutput(id: string, output: TaskOutput): void {
    this.#endedOutputs.set(id, output);
    if (this.#endedOutputs.size > ENDED_OUTPUTS_KEPT)
      this.#endedOutputs.delete(this.#endedOutputs.keys().next().value as string);
  }

  #timeoutOf(task: QueuedTask, config: LocalExecutorConfig): number | undefined {
    const timeoutMs =
      config.timeout === undefined
        ? (task.timeouts?.running ?? this.#timeoutMs ?? this.timeouts.running)
        : durationMs(config.timeout, 'executorConfig.timeout');
    return timeoutMs === Number.POSITIVE_INFINITY ? undefined : timeoutMs;
  }

  /** Writes down the process of a task, unless it has ended meanwhile. It runs by now, so that a full disk must not fail it. */
  async #noteStarted(entry: JournalEntry, pid: number): Promise<void> {
    if (this.#journal === undefined) return;
    const startTicks = await processStartTicks(pid);
    if (startTicks === undefined) return;
    try {
      this.#journal.write({ ...entry, pid, startTicks });
    } catch (error) {
      this.logger.error({ err: error, task: keyToString(entry.key) }, 'a started task was not noted');
    }
  }

  async #followOrphan(entry: JournalEntry, task: QueuedTask): Promise<void> {
    const { key, pid, outcome, deadline } = entry;
    const ranAs = pid === undefined ? undefined : `pid ${pid}`;
    const details = { ranAs, acknowledge: this.#acknowledgeLater(key) };
    if (outcome !== undefined) {
      const { exitCode, verdict } = outcome;
      if (verdict === undefined) this.success(key, { ...details, exitCode });
      else this.fail(key, verdict, { ...details, exitCode });
      return;
    }
    const output = this.#outputOf(task);
    const files = (this.#journal as TaskJournal).outputFilesOf(key);
    const process = new OrphanProcess(entry, this.clock);
    const orphan = { process, output, reader: new OutputReader(files, output, this.clock) };
    this.#orphans.set(keyToString(key), orphan);
    if (await isStillRunning(entry)) this.changeState(key, 'running', ranAs);
    const seen = await process.gone();
    if (seen === 'closed') return;
    const isEndedLate = seen === 'late' && (await process.stop(this.#graceMs)) !== 'gone';
    const evidence = await this.#leave(key, orphan);
    this.fail(key, isEndedLate ? lateVerdict(deadline?.afterMs ?? 0, evidence) : unseenVerdict(evidence), details);
  }

  /** Takes what an orphan has printed, once it is gone. */
  async #leave(key: TaskInstanceKey, { output, reader }: RunningOrphan): Promise<Evidence> {
    const id = keyToString(key);
    await reader.finish();
    output.end();
    this.#orphans.delete(id);
    this.#keepOutput(id, output);
    return this.#tailOf(output);
  }

  /** The end of an output as evidence; none where nothing was printed, or nobody read it. */
  #tailOf(output: TaskOutput): Evidence {
    const logTail = redact(output.tail(TAIL_LINES, TAIL_CHARS), this.#options.secretPatterns);
    return logTail === '' ? {} : { logTail };
  }

  async #stopOrphan(key: TaskInstanceKey, graceMs: number): Promise<CancelResult> {
    const orphan = this.#orphans.get(keyToString(key));
    if (orphan === undefined) return { observed: 'finished', forced: false };
    const stopped = await orphan.process.stop(graceMs);
    const evidence = await this.#leave(key, orphan);
    const acknowledge = this.#acknowledgeLater(key);
    if (stopped === 'gone') {
      const verdict = unseenVerdict(evidence);
      // The stop becomes the reason for its failure; that nobody saw its end must be told beside it.
      this.fail(key, verdict, { acknowledge, isUnproven: true, warnings: [verdict.message] });
      return UNSEEN;
    }
    const forced = stopped === 'killed';
    this.fail(key, exitVerdict(undefined, forced ? 'SIGKILL' : 'SIGTERM', evidence), { acknowledge });
    return { observed: 'terminated', forced };
  }

  #acknowledgeLater(key: TaskInstanceKey): (() => Promise<void>) | undefined {
    return this.#options.acknowledge === 'manual' ? async () => this.#journal?.remove(key) : undefined;
  }

  /** An entry that stays is told once more after a restart, which is no reason to fail anything now. */
  #forget(key: TaskInstanceKey): void {
    try {
      this.#journal?.remove(key);
    } catch (error) {
      this.logger.error({ err: error, task: keyToString(key) }, 'a told task was not removed from the journal');
    }
  }

  #report(
    task: QueuedTask,
    config: LocalExecutorConfig,
    end: ProcessEnd,
    output: TaskOutput,
    lateAfterMs: number | undefined,
  ): void {
    const { exitCode, signal, spawnError } = end;
    const details = { exitCode, acknowledge: this.#acknowledgeLater(task.key) };
    if (spawnError !== undefined) this.fail(task.key, spawnVerdict(spawnError, task, config), details);
    else if (exitCode === 0 && lateAfterMs === undefined) this.success(task.key, details);
    else {
      const logTail = redact(output.tail(TAIL_LINES, TAIL_CHARS), this.#options.secretPatterns);
      const evidence: Evidence = { exitCode, signal, logTail };
      const verdict =
        lateAfterMs === undefined ? exitVerdict(exitCode, signal, evidence) : lateVerdict(lateAfterMs, evidence);
      this.fail(task.key, verdict, details);
    }
  }
}
