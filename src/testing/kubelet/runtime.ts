/** How containers are run: as real processes, or by a script. */
import type { Container, Pod } from '../../wire/types.js';
import type { ContainerLog } from '../server/container-log.js';
import type { ProbeKind, ProbeResult, ProbeSpec } from './probes.js';

/** How a container ended. */
export interface ContainerExit {
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, …; left out, by the exit code. */
  readonly reason?: string | undefined;
  /** Termination message. */
  readonly message?: string | undefined;
}

/** A container that runs. */
export interface RunningContainer {
  /** Resolves when it has ended. */
  readonly exited: Promise<ContainerExit>;
  /** Asks it to end, or kills it. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /**
   * Carries out a probe once. `attempt` counts the probes of a kind from 0, over all runs of the container. An aborted signal ends the
   * probe early; its result does not count then.
   */
  probe(kind: ProbeKind, spec: ProbeSpec, attempt: number, signal: AbortSignal): Promise<ProbeResult>;
}

/** A container cannot be started; it counts as ended with this code and reason. */
export class ContainerStartError extends Error {
  readonly exitCode: number;
  readonly reason: string;

  constructor(message: string, exitCode = 128, reason = 'StartError') {
    super(message);
    this.name = 'ContainerStartError';
    this.exitCode = exitCode;
    this.reason = reason;
  }
}

/** A container's configuration names something that is missing; it waits until that is there. */
export class ContainerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ContainerConfigError';
  }
}

/** What happens before a container starts. */
export interface ContainerPlan {
  /** Milliseconds of ContainerCreating. */
  readonly startDelayMs: number;
  /** The container waits with this reason: for ever, unless it says for how many milliseconds. */
  readonly waiting?:
    | { readonly reason: string; readonly message: string; readonly forMs?: number | undefined }
    | undefined;
}

/** Runs containers of one mode. */
export interface ContainerRuntime {
  /** What happens before the container starts. */
  plan(pod: Pod, container: Container): ContainerPlan;
  /** Makes what the containers of a pod share. @throws VolumeError while something of it is missing */
  prepare(pod: Pod): Promise<void>;
  /** Removes what was made for a pod; nothing of it runs any more. */
  release(pod: Pod): void;
  /** Starts the container; its output goes to the log. @throws ContainerStartError, ContainerConfigError */
  start(pod: Pod, container: Container, log: ContainerLog): Promise<RunningContainer>;
}

/** The name kubelets give to an exit without a better one. */
export function reasonOfExit({ exitCode, reason }: ContainerExit): string {
  return reason ?? (exitCode === 0 ? 'Completed' : 'Error');
}
