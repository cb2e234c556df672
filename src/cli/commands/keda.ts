/** `podwright keda`: ScaledObjects, their upgrade, and what a setting would have done. */
import { readFileSync } from 'node:fs';
import yaml from 'js-yaml';
import { ConfigError } from '../../errors.js';
import { parseRunRecords } from '../../report/index.js';
import { renderScalingChart, renderScalingSvg } from '../../scaling/chart.js';
import { type KedaObject, type KedaTrigger, scaledObject } from '../../scaling/keda.js';
import { metricsApiTrigger, postgresqlTrigger, prometheusTrigger } from '../../scaling/keda-triggers.js';
import { upgradeScaler } from '../../scaling/keda-upgrade.js';
import { type ScalingSimulation, simulateScaling } from '../../scaling/simulate.js';
import { formatYaml } from '../../wire/yaml.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';
import { writeReport } from './report.js';

/** Options of `podwright keda`. */
export interface KedaCommandOptions {
  /** An object to bring to today's form instead. */
  readonly upgrade?: string;
  readonly name: string;
  readonly namespace: string;
  readonly target?: string;
  readonly trigger: 'metrics-api' | 'postgresql' | 'prometheus';
  readonly url: string;
  readonly connectionFromEnv: string;
  readonly query?: string;
  readonly perWorker: number;
  readonly pollingInterval: string;
  readonly cooldown: string;
  readonly min: number;
  readonly max: number;
  readonly json?: boolean;
}

const SQL = "SELECT COUNT(*) FROM task_instance WHERE state='running' OR state='queued'";
const PROMQL = 'sum(podwright_queued_tasks) + sum(podwright_running_tasks)';

function triggerOf({ trigger, url, connectionFromEnv, query, perWorker }: KedaCommandOptions): KedaTrigger {
  switch (trigger) {
    case 'postgresql':
      return postgresqlTrigger({ connectionFromEnv, query: query ?? SQL, targetQueryValue: perWorker });
    case 'prometheus':
      return prometheusTrigger({ serverAddress: url, query: query ?? PROMQL, threshold: perWorker });
    case 'metrics-api':
      return metricsApiTrigger({ url, targetValue: perWorker });
    default:
      return trigger satisfies never;
  }
}

function upgraded(file: string, io: CliIo): KedaObject[] {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  let documents: unknown[];
  try {
    documents = yaml
      .loadAll(text, undefined, { schema: yaml.CORE_SCHEMA })
      .filter((one) => one !== null && one !== undefined);
  } catch (error) {
    throw new ConfigError([{ field: file, rule: `must be YAML: ${(error as Error).message.split('\n')[0]}` }]);
  }
  return documents.map((document) => {
    const { object, notes } = upgradeScaler(document);
    for (const note of notes) io.err(`${io.style('err', 'yellow', 'note')}: ${object.metadata?.name}: ${note}\n`);
    return object;
  });
}

/** Prints the object, or an old one in today's form. */
export function runKeda(options: KedaCommandOptions, io: CliIo): void {
  const { name, namespace, target = name, pollingInterval, cooldown, min, max } = options;
  const objects =
    options.upgrade === undefined
      ? [
          scaledObject({
            ...{ name, namespace, target, pollingInterval, cooldownPeriod: cooldown },
            ...{ minReplicaCount: min, maxReplicaCount: max, triggers: [triggerOf(options)] },
          }),
        ]
      : upgraded(options.upgrade, io);
  if (options.json === true) for (const object of objects) io.out(`${JSON.stringify(object)}\n`);
  else io.out(objects.map((object) => `---\n${formatYaml(object)}`).join(''));
}

/** Options of `podwright keda simulate`. */
export interface SimulateCommandOptions {
  readonly perWorker: number;
  readonly pollingInterval: number;
  readonly cooldown: number;
  readonly min: number;
  readonly max: number;
  readonly stabilization: number;
  readonly workerStart: number;
  /** File for the chart as SVG. */
  readonly svg?: string;
  readonly json?: boolean;
}

function print({ points: _points, ...all }: ScalingSimulation): string {
  const { tasks, peakReplicas, replicaHours, utilization, wait } = all;
  return [
    `${tasks} tasks on at most ${peakReplicas} workers, ${replicaHours.toFixed(2)} worker hours, ${(utilization * 100).toFixed(0)}% of them at work`,
    `tasks waited ${wait.averageS.toFixed(1)} s on average, ${wait.p95S} s for 19 of 20, ${wait.maxS} s at most\n`,
  ].join('\n');
}

/** Plays a recorded run with a setting. */
export function runSimulate(file: string, options: SimulateCommandOptions, io: CliIo): void {
  const { records } = parseRunRecords(readFileSync(file === '-' ? 0 : file, 'utf8'));
  if (records.length === 0)
    throw new CommandFailure(
      `${file} holds no record of a run`,
      EXIT.config,
      'A run is recorded with recordRun(executor, …).',
    );
  const simulation = simulateScaling(records, {
    perWorker: options.perWorker,
    pollingIntervalS: options.pollingInterval,
    cooldownPeriodS: options.cooldown,
    minReplicaCount: options.min,
    maxReplicaCount: options.max,
    scaleDownStabilizationS: options.stabilization,
    workerStartS: options.workerStart,
  });
  if (options.json === true) io.out(`${JSON.stringify(simulation)}\n`);
  else io.out(`${renderScalingChart(simulation, Math.max(20, Math.min(120, io.columns - 16)))}\n${print(simulation)}`);
  if (options.svg === undefined) return;
  writeReport(options.svg, renderScalingSvg(simulation));
  io.err(`wrote ${options.svg}\n`);
}
