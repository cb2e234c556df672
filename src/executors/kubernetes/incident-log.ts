/**
 * Remembers of each task what was seen of its pods and what was made of it, and writes that down when the task fails: a file that a person can read,
 * and that `podwright replay` plays again on the embedded cluster. Bounded in every direction; what looks like a secret is taken out, and of a
 * pod's spec only that is kept by which decisions are made.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import { redactAll } from '../../core/redact.js';
import { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput, taskInstanceKey } from '../../core/task-key.js';
import { ConfigError, type ConfigProblem } from '../../errors.js';
import { makeSafePodName } from '../../pod/names.js';
import type { Container, Pod } from '../../wire/types.js';
import type { PodTrack } from './pod-track.js';

/** Options of incident records. */
export interface IncidentOptions {
  /** Folder for the files, one per failed try; made where it does not exist. @default nothing is written, and `incident(key)` reads */
  readonly directory?: string | undefined;
  /** How many entries are kept of a task; the first and the last count most, so the oldest but the first go. @default 200 */
  readonly entries?: number | undefined;
  /** How many records of ended tasks are kept, in memory and of its own files in the folder. @default 100 */
  readonly keep?: number | undefined;
}

/** Version of the file's form. */
export const INCIDENT_VERSION = 1;

/** What a replay needs of the options, as far as they were given. */
export type IncidentRules = Readonly<Record<string, unknown>>;

/** The first line of a record. */
export interface IncidentHead {
  readonly type: 'incident';
  readonly version: number;
  readonly key: TaskInstanceKey;
  readonly executor: string;
  /** When the record begins, in milliseconds since the epoch by the host's clock. */
  readonly startedAt: number;
  readonly rules: IncidentRules;
  readonly timeouts: object | undefined;
}

/** A line of a record; `at` is in milliseconds since its beginning. */
export type IncidentEntry = { readonly at: number; readonly launch: number } & (
  | { readonly type: 'launch' }
  | { readonly type: 'pod'; readonly pod: Pod }
  | { readonly type: 'gone' }
  | { readonly type: 'ending'; readonly kind: string }
  | { readonly type: 'pending'; readonly reason: string }
  | { readonly type: 'warning'; readonly warning: string }
  | { readonly type: 'relaunch'; readonly kind: string; readonly message: string }
  | { readonly type: 'outcome'; readonly state: 'success' }
  | { readonly type: 'outcome'; readonly state: 'failed'; readonly kind: string; readonly message: string }
);

type EntryBody = IncidentEntry extends infer E ? (E extends unknown ? Omit<E, 'at' | 'launch'> : never) : never;

interface Ring {
  readonly head: IncidentHead;
  readonly begun: number;
  readonly entries: IncidentEntry[];
}

/** What an {@link IncidentLog} works with. */
export interface IncidentLogOptions {
  readonly incidents: IncidentOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly executor: string;
  readonly rules: IncidentRules;
  readonly secretPatterns: readonly RegExp[] | undefined;
  /** Told where a file could not be written. */
  readonly onFailure: (message: string) => void;
}

function positive(value: number | undefined, field: string, fallback: number, problems: ConfigProblem[]): number {
  if (value === undefined) return fallback;
  if (!Number.isSafeInteger(value) || value < 1)
    problems.push({ field: `incidents.${field}`, value, rule: 'must be an integer of at least 1' });
  return value;
}

/** See the module's text. */
export class IncidentLog {
  readonly #options: IncidentLogOptions;
  readonly #entries: number;
  readonly #keep: number;
  readonly #live = new Map<string, Ring>();
  readonly #ended = new Map<string, Ring>();
  readonly #files: string[] = [];
  #writing: Promise<unknown> = Promise.resolve();

  /** @throws ConfigError */
  constructor(options: IncidentLogOptions) {
    const problems: ConfigProblem[] = [];
    const { entries, keep, directory } = options.incidents;
    this.#entries = positive(entries, 'entries', 200, problems);
    this.#keep = positive(keep, 'keep', 100, problems);
    if (directory !== undefined && (typeof directory !== 'string' || directory === ''))
      problems.push({ field: 'incidents.directory', value: directory, rule: 'must be a path' });
    if (problems.length > 0) throw new ConfigError(problems);
    this.#options = options;
  }

  /** The record of a task, as the lines of a file; `undefined` where none is kept. */
  read(input: TaskInstanceKeyInput): string | undefined {
    const id = keyToString(taskInstanceKey(input));
    const ring = this.#live.get(id) ?? this.#ended.get(id);
    return ring === undefined ? undefined : linesOf(ring);
  }

  /** Adds what has happened to a task. */
  note({ id, task, launch }: PodTrack, body: EntryBody): void {
    const { clock, executor, rules } = this.#options;
    let ring = this.#live.get(id);
    if (ring === undefined) {
      const { key, timeouts } = task;
      const startedAt = clock.now();
      const head = { type: 'incident', version: INCIDENT_VERSION, key, executor, startedAt, rules, timeouts } as const;
      ring = { head, begun: clock.monotonic(), entries: [] };
      this.#live.set(id, ring);
    }
    ring.entries.push({ at: Math.round(clock.monotonic() - ring.begun), launch, ...body } as IncidentEntry);
    if (ring.entries.length > this.#entries) ring.entries.splice(1, 1);
  }

  /** Adds a state of a pod. */
  seen(track: PodTrack, pod: Pod): void {
    const last = this.#live.get(track.id)?.entries.findLast(({ type }) => type === 'pod');
    const { uid, resourceVersion } = pod.metadata ?? {};
    const before = last?.type === 'pod' ? last.pod.metadata : undefined;
    if (before?.uid === uid && before?.resourceVersion === resourceVersion) return;
    this.note(track, { type: 'pod', pod: this.#trimmed(pod) });
  }

  /** A task has ended; the record of a failure is written down. */
  ended(track: PodTrack, hasFailed: boolean): void {
    const ring = this.#live.get(track.id);
    this.#live.delete(track.id);
    if (ring === undefined || !hasFailed) return;
    this.#ended.set(track.id, ring);
    if (this.#ended.size > this.#keep) this.#ended.delete(this.#ended.keys().next().value as string);
    const { directory } = this.#options.incidents;
    if (directory === undefined) return;
    const file = join(directory, `${makeSafePodName(track.task.key, 1)}.incident.jsonl`);
    this.#writing = this.#writing.then(() => this.#write(directory, file, linesOf(ring)));
  }

  /** Forgets a task that is another executor's now. */
  forget(id: string): void {
    this.#live.delete(id);
  }

  /** Resolves when all files are written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(directory: string, file: string, text: string): Promise<void> {
    try {
      await mkdir(directory, { recursive: true });
      await writeFile(file, text, { mode: 0o600 });
      this.#files.push(file);
      if (this.#files.length > this.#keep) await rm(this.#files.shift() as string, { force: true });
    } catch (error) {
      this.#options.logger.warn({ err: error, file }, 'an incident could not be written down');
      this.#options.onFailure(`An incident could not be written to ${file}: ${(error as Error).message}`);
    }
  }

  #trimmed({ metadata = {}, spec, status }: Pod): Pod {
    const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } = metadata;
    const { deletionGracePeriodSeconds, finalizers } = metadata;
    const container = ({ name: own, resources, restartPolicy }: Container) => ({ name: own, resources, restartPolicy });
    const kept: unknown = {
      metadata: {
        name,
        namespace,
        uid,
        resourceVersion,
        creationTimestamp,
        deletionTimestamp,
        deletionGracePeriodSeconds,
        finalizers,
      },
      spec: {
        nodeName: spec?.nodeName,
        restartPolicy: spec?.restartPolicy,
        schedulingGates: spec?.schedulingGates,
        containers: spec?.containers.map(container) ?? [],
        initContainers: spec?.initContainers?.map(container),
      },
      status,
    };
    return redactAll(kept, this.#options.secretPatterns) as Pod;
  }
}

const linesOf = ({ head, entries }: Ring) => `${[head, ...entries].map((line) => JSON.stringify(line)).join('\n')}\n`;
