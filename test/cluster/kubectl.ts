/** The real kubectl, aimed at an embedded cluster. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FakeCluster } from '../../src/testing/index.js';

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that still runs. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the output so far as soon as it matches; rejects where the command ends before. */
  until(pattern: RegExp): Promise<string>;
  readonly ended: Promise<Ended>;
}

/** Runs kubectl with a kubeconfig and cache folder of its own. */
export class Kubectl {
  readonly #folder = mkdtempSync(join(tmpdir(), 'podwright-kubectl-'));
  readonly #binary: string;

  constructor(binary: string) {
    this.#binary = binary;
  }

  /** Aims it at a cluster. */
  async aim(cluster: FakeCluster): Promise<void> {
    await cluster.writeKubeconfig(join(this.#folder, 'kubeconfig'));
  }

  /** Starts a command and returns at once. */
  start(args: readonly string[], input?: string): Running {
    const child = spawn(this.#binary, ['--cache-dir', join(this.#folder, 'cache'), ...args], {
      env: { PATH: process.env.PATH ?? '', HOME: this.#folder, KUBECONFIG: join(this.#folder, 'kubeconfig') },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    const waiting = new Set<() => void>();
    const heard = () => {
      for (const check of [...waiting]) check();
    };
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      out += piece;
      heard();
    });
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      err += piece;
    });
    child.stdin.end(input ?? '');
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (code) => resolve({ code, out, err }));
    });
    const until = (pattern: RegExp) =>
      new Promise<string>((resolve, reject) => {
        const check = () => {
          if (!pattern.test(out)) return;
          waiting.delete(check);
          resolve(out);
        };
        waiting.add(check);
        check();
        void ended.then(() => reject(new Error(`ended before ${pattern}:\n${out}\n${err}`)));
      });
    return { child, until, ended };
  }

  /** Runs a command to its end. */
  run(args: readonly string[], input?: string): Promise<Ended> {
    return this.start(args, input).ended;
  }

  /** Runs a command that must succeed; resolves with its output. */
  async ok(args: readonly string[], input?: string): Promise<string> {
    const { code, out, err } = await this.run(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}:\n${out}\n${err}`);
    return out;
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
