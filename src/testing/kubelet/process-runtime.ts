/** Containers as local processes, each in a process group of its own. Images are ignored. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../../core/clock.js';
import type { Container, Pod } from '../../wire/types.js';
import type { ContainerLog } from '../server/container-log.js';
import { environmentOf, expanded, type ReadObject } from './environment.js';
import { PodVolumes } from './pod-volumes.js';
import { ALWAYS_GOOD } from './probes.js';
import { probeProcess } from './process-probe.js';
import {
  type ContainerExit,
  type ContainerPlan,
  type ContainerRuntime,
  ContainerStartError,
  type RunningContainer,
} from './runtime.js';

const MESSAGE_LIMIT = 4096;
const LOG_MESSAGE_BYTES = 2048;
const LOG_MESSAGE_LINES = 80;
/** How long output may still come after the process itself has ended. */
const DRAIN_MS = 500;

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended already.
  }
}

/** Runs until it is killed, and is well: a container without a command stands for an image's own entry point. */
function idle(): RunningContainer {
  let end: (exit: ContainerExit) => void = () => {};
  const exited = new Promise<ContainerExit>((resolve) => {
    end = resolve;
  });
  return {
    exited,
    kill: (signal) => end({ exitCode: signal === 'SIGTERM' ? 143 : 137 }),
    probe: () => Promise.resolve(ALWAYS_GOOD),
  };
}

/** Starts containers as child processes. */
export class ProcessRuntime implements ContainerRuntime {
  readonly #clock: Clock;
  readonly #startDelayMs: number;
  readonly #read: ReadObject;
  /** Folder of each process that runs. */
  readonly #folders = new Map<number, string>();
  /** Volumes of each pod, by its uid. */
  readonly #volumes = new Map<string, PodVolumes>();
  #isStopped = false;

  /** `read` finds the config maps and secrets that variables come from. */
  constructor(clock: Clock, startDelayMs: number, read: ReadObject = async () => undefined) {
    this.#clock = clock;
    this.#read = read;
    this.#startDelayMs = startDelayMs;
  }

  plan(): ContainerPlan {
    return { startDelayMs: this.#startDelayMs };
  }

  async prepare(pod: Pod): Promise<void> {
    if (this.#isStopped) return;
    const volumes = new PodVolumes();
    this.#volumes.set(pod.metadata?.uid ?? '', volumes);
    try {
      await volumes.make(pod, this.#read);
    } catch (error) {
      volumes.remove();
      throw error;
    }
  }

  release(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    this.#volumes.get(uid)?.remove();
    this.#volumes.delete(uid);
  }

  /** Variables that say where the container's mounts are. */
  async #mount(pod: Pod, container: Container): Promise<Record<string, string>> {
    const volumes = this.#volumes.get(pod.metadata?.uid ?? '');
    if (volumes === undefined || container.volumeMounts === undefined) return {};
    const isNamed = container.volumeMounts.some(({ subPathExpr }) => subPathExpr !== undefined);
    return volumes.mount(container, isNamed ? await environmentOf(pod, container, this.#read) : {});
  }

  async start(pod: Pod, container: Container, log: ContainerLog): Promise<RunningContainer> {
    const own = await environmentOf(pod, container, this.#read, await this.#mount(pod, container));
    const argv = [...(container.command ?? []), ...(container.args ?? [])].map((text) => expanded(text, own));
    if (container.command === undefined || argv[0] === undefined) return idle();
    const directory = mkdtempSync(join(tmpdir(), 'podwright-container-'));
    const messageFile = join(directory, 'termination-log');
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      HOSTNAME: pod.metadata?.name,
      ...own,
      // The path that the pod names is one in its container, which a process of this machine does not have.
      PODWRIGHT_TERMINATION_LOG: messageFile,
    };
    const refused = (error: unknown) => {
      rmSync(directory, { recursive: true, force: true });
      return new ContainerStartError(startMessage(argv[0] ?? '', error as NodeJS.ErrnoException));
    };
    let child: ChildProcessByStdio<null, Readable, Readable>;
    try {
      child = spawn(argv[0], argv.slice(1), {
        cwd: container.workingDir,
        detached: true,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      // An empty command, a zero byte, too long a variable: nothing that a command may not hold reaches the operating system.
      throw refused(error);
    }
    const write = (piece: Buffer) => log.write(piece, this.#clock.now());
    child.stdout.on('data', write);
    child.stderr.on('data', write);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(refused(error)));
    });
    const pid = child.pid as number;
    this.#folders.set(pid, directory);
    // The cluster may have stopped while the process was being started.
    if (this.#isStopped) this.killAll();
    child.on('error', () => {});
    const exited = new Promise<ContainerExit>((resolve) => {
      child.once('exit', (code, signal) => {
        // The end of its first process is the end of a container, whatever that has started beside it.
        signalGroup(pid, 'SIGKILL');
        this.#folders.delete(pid);
        const exitCode = code ?? 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0));
        const finish = () => {
          clearTimeout(timer);
          resolve({ exitCode, message: terminationMessage(container, messageFile, exitCode, log) });
          rmSync(directory, { recursive: true, force: true });
        };
        const timer = setTimeout(finish, DRAIN_MS);
        child.once('close', finish);
      });
    });
    return {
      exited,
      kill: (signal) => signalGroup(pid, signal),
      probe: (_kind, spec, _attempt, signal) =>
        probeProcess(spec, { container, env, cwd: container.workingDir }, signal),
    };
  }

  /** Kills every process that still runs, and those that are being started; nothing of them stays behind. */
  killAll(): void {
    this.#isStopped = true;
    for (const [pid, folder] of this.#folders) {
      signalGroup(pid, 'SIGKILL');
      // The host may end before it hears of the exit.
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

const START_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'executable file not found in $PATH',
  EACCES: 'permission denied',
  E2BIG: 'argument list too long',
  // An argument is quoted in its message, which may hold what nobody should read.
  ERR_INVALID_ARG_VALUE: 'invalid argument',
};

function startMessage(command: string, { code = '', message }: NodeJS.ErrnoException): string {
  const why = START_PROBLEMS[code] ?? message;
  return `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: ${JSON.stringify(command)}: ${why}: unknown`;
}

function terminationMessage(
  container: Container,
  file: string,
  exitCode: number,
  log: ContainerLog,
): string | undefined {
  let message = '';
  try {
    message = readFileSync(file).subarray(0, MESSAGE_LIMIT).toString('utf8');
  } catch {
    // Nothing was written.
  }
  if (message === '' && exitCode !== 0 && container.terminationMessagePolicy === 'FallbackToLogsOnError')
    message = log.tail(LOG_MESSAGE_BYTES, LOG_MESSAGE_LINES);
  return message === '' ? undefined : message;
}
