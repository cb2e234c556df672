/** The real kube-scheduler, for pods that ask for it by a name of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A scheduler that runs. */
export class RealScheduler {
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts the program for the pods of a `schedulerName`. */
  static start(program: string, kubeconfig: string, schedulerName: string): RealScheduler {
    const folder = mkdtempSync(join(tmpdir(), 'podwright-scheduler-'));
    const config = {
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      leaderElection: { leaderElect: false },
      clientConnection: { kubeconfig, qps: 1000, burst: 1000 },
      profiles: [{ schedulerName }],
    };
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(config));
    const child = spawn(program, ['--config', file, '--secure-port=0'], { stdio: 'ignore' });
    return new RealScheduler(child, folder);
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
