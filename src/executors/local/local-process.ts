/** One child process with its output, its deadline and its end. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Clock } from '../../core/clock.js';
import { type OutputFiles, OutputReader, openForWriting } from './output-files.js';
import { descendantsOf, isWrittenBy, sendSignal, signalTree } from './process-tree.js';
import type { TaskOutput } from './task-output.js';

/** How long to wait for output that background children hold open after their parent has ended. */
const DRAIN_MS = 1_000;
const DRAIN_CHECK_MS = 50;

/** How a process ended. */
export interface ProcessEnd {
  /** Exit code, where it exited by itself. */
  readonly exitCode: number | undefined;
  /** Signal that ended it. */
  readonly signal: string | undefined;
  /** The operating system's refusal to start it, with its code (`ENOENT`). */
  readonly spawnError: NodeJS.ErrnoException | undefined;
  /** Whether it was killed after its grace period. */
  readonly wasForced: boolean;
}

const NOT_STARTED: ProcessEnd = { exitCode: undefined, signal: undefined, spawnError: undefined, wasForced: false };

/** What to run. */
export interface ProcessSpec {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string | undefined;
  readonly output: TaskOutput;
  /** Files that take its output, so that it outlives this process; left out, pipes do. */
  readonly files?: OutputFiles | undefined;
  readonly clock: Clock;
}

/** A running child in a process group of its own. */
export class LocalProcess {
  readonly pid: number | undefined;
  /** Resolves when process and output have ended. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #clock: Clock;
  readonly #child: ChildProcess | undefined;
  readonly #reader: OutputReader | undefined;
  #stopping: Promise<void> | undefined;
  #hasExited = false;
  #wasForced = false;

  constructor({ command, env, cwd, output, files, clock }: ProcessSpec) {
    this.#clock = clock;
    const [program, ...args] = command as [string, ...string[]];
    try {
      const fds = files === undefined ? undefined : openForWriting(files);
      try {
        const stdio: StdioOptions = ['ignore', fds?.stdout ?? 'pipe', fds?.stderr ?? 'pipe'];
        this.#child = spawn(program, args, { env, cwd, detached: true, stdio, windowsHide: true });
      } finally {
        for (const fd of Object.values(fds ?? {})) closeSync(fd);
      }
    } catch (error) {
      // Some refusals are thrown (`E2BIG`), others come by an event.
      output.end();
      this.ended = Promise.resolve({ ...NOT_STARTED, spawnError: error as NodeJS.ErrnoException });
      return;
    }
    this.pid = this.#child.pid;
    this.#child.stdout?.on('data', (chunk: Uint8Array) => output.write('stdout', chunk));
    this.#child.stderr?.on('data', (chunk: Uint8Array) => output.write('stderr', chunk));
    if (files !== undefined) this.#reader = new OutputReader(files, output, clock);
    this.ended = this.#watch(this.#child, files).then(async (end) => {
      await this.#reader?.finish();
      output.end();
      return end;
    });
  }

  /** Whether the process itself is no more; its output may still be held open. */
  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Leaves it to whoever follows it next, and keeps nothing of this process busy. */
  async release(): Promise<void> {
    this.#child?.unref();
    await this.#reader?.close();
  }

  /** Ends the whole process tree: SIGTERM now, SIGKILL after the grace period. Resolves when the process has ended. */
  stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    const pid = this.pid;
    if (pid === undefined || this.#hasExited) return;
    // Taken before the first signal: once a parent has died, its orphans can no longer be found by descent.
    const descendants = await descendantsOf(pid);
    signalTree(pid, descendants, 'SIGTERM');
    const cancelKill = this.#clock.schedule(graceMs, () => {
      this.#wasForced = !this.#hasExited;
      signalTree(pid, descendants, 'SIGKILL');
    });
    await this.ended;
    // Those that ignored SIGTERM while their parent obeyed get no second chance.
    const isAlive = descendants.some((child) => sendSignal(child, 0)) || sendSignal(-pid, 0);
    cancelKill();
    if (isAlive) signalTree(pid, descendants, 'SIGKILL');
  }

  #watch(child: ChildProcess, files: OutputFiles | undefined): Promise<ProcessEnd> {
    return new Promise((resolve) => {
      let end: ProcessEnd = NOT_STARTED;
      let cancelDrain = () => {};
      child.once('error', (error) => {
        if (this.pid !== undefined) return;
        end = { ...end, spawnError: error };
        finish();
      });
      child.once('exit', (code, signal) => {
        this.#hasExited = true;
        end = { ...end, exitCode: code ?? undefined, signal: signal ?? undefined, wasForced: this.#wasForced };
        cancelDrain = this.#clock.schedule(DRAIN_MS, () => {
          if (this.pid !== undefined) sendSignal(-this.pid, 'SIGKILL');
          child.stdout?.destroy();
          child.stderr?.destroy();
        });
      });
      const finish = () => {
        cancelDrain();
        resolve(end);
      };
      child.once('close', files === undefined ? finish : () => void this.#drained(files).then(finish));
    });
  }

  /** Files tell nobody when the last who could write to them is gone. */
  async #drained(files: OutputFiles): Promise<void> {
    const { pid } = this;
    while (pid !== undefined && (await isWrittenBy(pid, Object.values(files)))) await this.#clock.delay(DRAIN_CHECK_MS);
  }
}
