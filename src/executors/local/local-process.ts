/** One child process with its output, its deadline and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../core/clock.js';
import { descendantsOf, sendSignal, signalTree } from './process-tree.js';
import type { TaskOutput } from './task-output.js';

/** How long to wait for output that background children hold open after their parent has ended. */
const DRAIN_MS = 1_000;

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
  readonly clock: Clock;
}

/** A running child in a process group of its own. */
export class LocalProcess {
  readonly pid: number | undefined;
  /** Resolves when process and output have ended. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #clock: Clock;
  #stopping: Promise<void> | undefined;
  #hasExited = false;
  #wasForced = false;

  constructor({ command, env, cwd, output, clock }: ProcessSpec) {
    this.#clock = clock;
    const [program, ...args] = command as [string, ...string[]];
    try {
      const child = spawn(program, args, {
        env,
        cwd,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        windowsHide: true,
      });
      this.pid = child.pid;
      child.stdout.on('data', (chunk: Uint8Array) => output.write('stdout', chunk));
      child.stderr.on('data', (chunk: Uint8Array) => output.write('stderr', chunk));
      this.ended = this.#watch(child, output);
    } catch (error) {
      // Some refusals are thrown (`E2BIG`), others come by an event.
      output.end();
      this.ended = Promise.resolve({ ...NOT_STARTED, spawnError: error as NodeJS.ErrnoException });
    }
  }

  /** Whether the process itself is no more; its output may still be held open. */
  get hasExited(): boolean {
    return this.#hasExited;
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

  #watch(child: ChildProcess, output: TaskOutput): Promise<ProcessEnd> {
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
        output.end();
        resolve(end);
      };
      child.once('close', finish);
    });
  }
}
