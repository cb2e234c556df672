/** Tasks from a YAML file; its schema is `podwright/schemas/tasks.json`. */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { KubernetesConfig } from '../config/kubernetes-config.js';
import { schemaProblems } from '../config/validate.js';
import type { QueuedTask } from '../core/outcome.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import { checkWorkload } from '../executors/workload.js';
import type { PodLayerOptions } from '../pod/pod-generator.js';
import { parseYaml, YamlError } from '../wire/yaml.js';

interface TaskEntry {
  readonly dagId?: string;
  readonly taskId: string;
  readonly runId?: string;
  readonly tryNumber?: number;
  readonly mapIndex?: number;
  readonly command: readonly string[];
  readonly queue?: string;
  readonly executorConfig?: object;
  readonly context?: Readonly<Record<string, unknown>>;
}

/** A read file. */
export interface TasksFile {
  readonly tasks: readonly QueuedTask[];
  readonly kubernetes: KubernetesConfig | undefined;
  /** Base pod; a path in it has been made one from the working directory. */
  readonly podTemplate: string | object | undefined;
  /** Cluster default, queue layers, policy and the like. */
  readonly pods: PodLayerOptions;
}

/** The steps of a path such as `tasks[0].command`. */
const stepsOf = (field: string): (string | number)[] =>
  [...field.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) =>
    index === undefined ? (name as string) : Number(index),
  );

/**
 * Reads a file of tasks; `-` is standard input.
 * @throws ConfigError with every problem and its line.
 */
export function readTasksFile(file: string): TasksFile {
  const name = file === '-' ? 'standard input' : file;
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  const fail = (problems: readonly ConfigProblem[]) => new ConfigError(problems, { subject: `tasks in ${name}` });
  let document: ReturnType<typeof parseYaml>;
  try {
    document = parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const source = error.line === undefined ? name : `${name}:${error.line}`;
    throw fail([{ field: name, rule: `is no valid YAML: ${error.message}`, source }]);
  }
  // A bare list of tasks is the shortest form.
  const value: unknown = Array.isArray(document.value) ? { tasks: document.value } : document.value;
  const skip = Array.isArray(document.value) ? 1 : 0;
  const placed = (problem: ConfigProblem): ConfigProblem => {
    const line = document.lineOf(stepsOf(problem.field).slice(skip));
    return { ...problem, source: line === undefined ? name : `${name}:${line}` };
  };
  const problems = schemaProblems('tasks', value, '').map((one) => (one.field === '' ? { ...one, field: name } : one));
  if (problems.length > 0) throw fail(problems.map(placed));
  const {
    tasks,
    dagId = 'dag',
    runId = 'manual',
    kubernetes,
    podTemplate,
    clusterDefault,
    ...pods
  } = value as {
    readonly tasks: readonly TaskEntry[];
    readonly dagId?: string;
    readonly runId?: string;
    readonly kubernetes?: KubernetesConfig;
    readonly podTemplate?: string | object;
    readonly clusterDefault?: string | object;
  } & Pick<PodLayerOptions, 'queueLayers' | 'policy' | 'podSecurity' | 'templating' | 'labels'>;
  const fromHere = (template: string | object | undefined) =>
    typeof template === 'string' && !isAbsolute(template) && file !== '-' ? join(dirname(file), template) : template;
  return {
    kubernetes,
    podTemplate: fromHere(podTemplate),
    pods: { ...pods, clusterDefault: fromHere(clusterDefault) },
    tasks: tasks.map(({ taskId, tryNumber, mapIndex, command, queue, executorConfig, context, ...task }) =>
      checkWorkload({
        key: { dagId: task.dagId ?? dagId, taskId, runId: task.runId ?? runId, tryNumber, mapIndex },
        command,
        queue,
        executorConfig,
        context,
      }),
    ),
  };
}
