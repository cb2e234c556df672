/** What the demo runs: its steps as workloads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Workload } from '../../core/outcome.js';
import { packageRoot } from '../package-root.js';

/** Size of the data: four files of four chapters, 12.8 MB. */
export const FILES = 4;
const CHAPTERS_PER_FILE = 4;
const BYTES_PER_CHAPTER = 800_000;
/** Number of parts, one pod task each. */
export const PARTS = FILES * CHAPTERS_PER_FILE;
/** Part whose first try ends with exit code 3, and part whose first try is killed for memory. */
export const EXIT_3_PART = 5;
export const OOM_PART = 10;

/** What a run of the demo was asked for. */
export interface DemoSettings {
  /** Identity of the run; the same after a restart. */
  readonly runId: string;
  /** Seed of the data. */
  readonly seed: number;
  /** Folder of the data files. */
  readonly dataDir: string;
  /** Folder of the parts, counts and the journal. */
  readonly workDir: string;
  /** Image of the pods. */
  readonly image: string;
  /** Whether pods are processes of this machine, which see its files. */
  readonly isEmbedded: boolean;
}

/** One step of the pipeline. */
export interface Step {
  /** Task and, for a mapped one, its index. */
  readonly taskId: 'generate' | 'split' | 'count' | 'merge';
  readonly mapIndex: number;
  /** Whether it runs as a pod. */
  readonly isPod: boolean;
  /** The workload of a try. */
  workload(tryNumber: number): Workload;
}

/** Steps of the pipeline and the files that they leave. */
export interface DemoPlan {
  /** The data file `index`. */
  dataFile(index: number): string;
  /** Counts of one part, as its pod handed them back. */
  countFile(part: number): string;
  /** Counts of all parts. */
  readonly totalFile: string;
  /** One line per start of a pod's process; embedded cluster only. */
  readonly ledgerFile: string;
  generate(file: number): Step;
  split(file: number): Step;
  /** The parts that come from a data file. */
  partsOf(file: number): number[];
  count(part: number): Step;
  merge(): Step;
  /** Every step. */
  steps(): Step[];
}

/** The scripted kubelet ends this pod as if it had gone over its memory limit; on a real cluster the task really eats its memory. */
const OOM_ANNOTATIONS = {
  'testing.podwright.dev/kubelet': 'scripted',
  'testing.podwright.dev/duration': '600ms',
  'testing.podwright.dev/result': 'OOMKilled',
};

function countArguments(settings: DemoSettings, part: number, tryNumber: number): string[] {
  const source = settings.isEmbedded
    ? ['--in', join(settings.workDir, 'parts', `part-${part}.txt`)]
    : ['--seed', String(settings.seed), '--bytes', String(BYTES_PER_CHAPTER)];
  const isFirst = tryNumber === 1;
  return [
    'count',
    '--part',
    String(part),
    ...source,
    ...(isFirst && part === EXIT_3_PART ? ['--exit-with', '3'] : []),
    ...(isFirst && part === OOM_PART ? ['--eat-memory'] : []),
  ];
}

/** Where the pods of the embedded cluster leave their starts. */
export const ledgerFileIn = (workDir: string): string => join(workDir, 'ledger.txt');

/** Lays out the pipeline. */
export function demoPlan(settings: DemoSettings): DemoPlan {
  const { runId, seed, dataDir, workDir, image, isEmbedded } = settings;
  const script = join(packageRoot(), 'examples', 'pipeline', 'tasks.cjs');
  const scriptText = readFileSync(script, 'utf8');
  const ledgerFile = ledgerFileIn(workDir);
  const dataFile = (index: number) => join(dataDir, `text-${seed}-${index}.txt`);
  const totalFile = join(workDir, 'total.json');

  const key = (step: Pick<Step, 'taskId' | 'mapIndex'>, tryNumber: number) => ({
    dagId: 'word-count',
    taskId: step.taskId,
    runId,
    tryNumber,
    mapIndex: step.mapIndex,
  });
  const localStep = (taskId: Step['taskId'], mapIndex: number, args: readonly string[]): Step => ({
    taskId,
    mapIndex,
    isPod: false,
    workload: (tryNumber) => ({
      key: key({ taskId, mapIndex }, tryNumber),
      command: [process.execPath, script, taskId, ...args],
      queue: 'default',
    }),
  });

  const plan: Omit<DemoPlan, 'steps'> = {
    dataFile,
    countFile: (part) => join(workDir, 'counts', `part-${part}.json`),
    totalFile,
    ledgerFile,
    generate: (file) =>
      localStep('generate', file, [
        ...['--seed', String(seed), '--file', String(file), '--chapters', String(CHAPTERS_PER_FILE)],
        ...['--bytes', String(BYTES_PER_CHAPTER), '--out', dataFile(file)],
      ]),
    split: (file) =>
      localStep('split', file, [
        ...['--in', dataFile(file), '--first', String(file * CHAPTERS_PER_FILE), '--out', join(workDir, 'parts')],
      ]),
    partsOf: (file) => Array.from({ length: CHAPTERS_PER_FILE }, (_, i) => file * CHAPTERS_PER_FILE + i),
    count: (part) => ({
      taskId: 'count',
      mapIndex: part,
      isPod: true,
      workload: (tryNumber) => ({
        key: key({ taskId: 'count', mapIndex: part }, tryNumber),
        command: ['node', '-e', scriptText, '--', ...countArguments(settings, part, tryNumber)],
        queue: 'kubernetes',
        executorConfig: {
          image,
          resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '256Mi' } },
          env: isEmbedded
            ? { PODWRIGHT_DEMO_LEDGER: ledgerFile, PODWRIGHT_DEMO_TRY: `count[${part}]#${tryNumber}` }
            : {},
          ...(tryNumber === 1 && part === OOM_PART ? { annotations: OOM_ANNOTATIONS } : {}),
        },
      }),
    }),
    merge: () => localStep('merge', -1, ['--in', join(workDir, 'counts'), '--out', totalFile]),
  };
  const { generate, split, count, merge } = plan;
  const many = (length: number, step: (index: number) => Step) => Array.from({ length }, (_, index) => step(index));
  return { ...plan, steps: () => [...many(FILES, generate), ...many(FILES, split), ...many(PARTS, count), merge()] };
}
