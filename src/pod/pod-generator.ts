/**
 * From a workload to a pod. Layers, each merged over the one before by Kubernetes' strategic merge: template, configuration, executor
 * config, pod override, system fields; then the mutation hook, which may change everything but the pod's identity.
 */
import type { QueuedTask } from '../core/outcome.js';
import { PodTemplateError } from '../errors.js';
import type { SpentLaunches } from '../lifecycle/policy.js';
import { ANNOTATIONS, LABELS, MANAGED_BY, WIRE_SCHEMA } from '../wire/names.js';
import { strategicMergePatch } from '../wire/strategic-merge.js';
import type { Container, Pod, PodSpec } from '../wire/types.js';
import { kubernetesConfigOf, podOfConfig } from './executor-config.js';
import { makeSafeLabelValue, makeSafePodName } from './names.js';
import { getBasePodFromTemplate } from './pod-template.js';

/** What a launch adds to a workload. */
export interface LaunchContext {
  /** Number of the launch within the try, from 1. */
  readonly launch: number;
  /** Launches already lost, by budget. */
  readonly spent: SpentLaunches;
  /** Identity of the executor. */
  readonly executorId: string;
}

/** Makes pods of workloads. */
export interface PodGenerator {
  /**
   * The pod of one launch. Deterministic: the same input gives the same name.
   * @throws PodwrightError where no valid pod can be made; the task then fails with verdict `invalid_workload`.
   */
  generate(task: QueuedTask, context: LaunchContext): Pod;
  /** Refuses a task that no pod can be made of, before it is queued; throws a typed error. */
  validate?(task: QueuedTask): void;
}

/** Options of the default {@link PodGenerator}. */
export interface TemplatePodGeneratorOptions {
  /** Base pod: a YAML file's path, or a pod. */
  readonly template?: string | object | undefined;
  /** Namespace of pods that name none. @default 'default' */
  readonly namespace?: string | undefined;
  /** Image of the base container where neither template nor task name one. */
  readonly image?: string | undefined;
  /** Name of the container that runs the command. @default 'base' */
  readonly baseContainer?: string | undefined;
  /** Called last with the finished pod; changes it in place or returns another. Name, namespace and identity stay. */
  readonly mutatePod?: ((pod: Pod, task: QueuedTask) => Pod | undefined) | undefined;
}

const merge = (pod: Pod, layer: Pod): Pod => strategicMergePatch(pod, layer) as Pod;
const encodeSpent = ({ infra, oom, task }: SpentLaunches) => `infra=${infra},oom=${oom},task=${task}`;

/** What makes a pod ours: taken before the mutation hook and put back after it. */
function identityOf({ metadata = {} }: Pod) {
  const own = (values: Readonly<Record<string, string>> | undefined, names: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(values ?? {}).filter(([name]) => Object.values(names).includes(name)));
  const { name = '', namespace = '' } = metadata;
  return { name, namespace, labels: own(metadata.labels, LABELS), annotations: own(metadata.annotations, ANNOTATIONS) };
}

/** Reads what {@link ANNOTATIONS}.spent holds; unreadable parts count as nothing spent. */
export function decodeSpent(text: string | undefined): SpentLaunches {
  const parts = new Map((text ?? '').split(',').map((part) => part.split('=') as [string, string]));
  const read = (name: string) => {
    const count = Number(parts.get(name));
    return Number.isSafeInteger(count) && count > 0 ? count : 0;
  };
  return { infra: read('infra'), oom: read('oom'), task: read('task') };
}

/** The default {@link PodGenerator}. Template files are read once each. */
export class TemplatePodGenerator implements PodGenerator {
  readonly #options: TemplatePodGeneratorOptions;
  readonly #baseContainer: string;
  readonly #base: Pod;
  readonly #templates = new Map<string, Pod>();

  /** @throws PodTemplateError where the template cannot be read or is no pod. */
  constructor(options: TemplatePodGeneratorOptions = {}) {
    this.#options = options;
    this.#base = getBasePodFromTemplate(options.template);
    this.#baseContainer = options.baseContainer ?? 'base';
  }

  validate(task: QueuedTask): void {
    kubernetesConfigOf(task.executorConfig);
  }

  generate(task: QueuedTask, context: LaunchContext): Pod {
    const config = kubernetesConfigOf(task.executorConfig);
    const base = this.#baseContainer;
    const template = config.podTemplateFile === undefined ? this.#base : this.#templateOf(config.podTemplateFile);
    let pod = merge({ spec: { containers: [] } }, structuredClone(template));
    pod = merge(pod, podOfConfig(config, base));
    if (config.podOverride !== undefined) pod = merge(pod, config.podOverride);
    pod = this.#withSystemFields(pod, task, context);
    const identity = identityOf(pod);
    const mutated = this.#options.mutatePod?.(pod, task) ?? pod;
    const metadata = mutated.metadata ?? {};
    const final: Pod = {
      ...mutated,
      metadata: {
        ...metadata,
        ...identity,
        labels: { ...metadata.labels, ...identity.labels },
        annotations: { ...metadata.annotations, ...identity.annotations },
      },
    };
    this.#check(final);
    return final;
  }

  #templateOf(file: string): Pod {
    const known = this.#templates.get(file) ?? getBasePodFromTemplate(file);
    this.#templates.set(file, known);
    return known;
  }

  #withSystemFields(pod: Pod, task: QueuedTask, { launch, spent, executorId }: LaunchContext): Pod {
    const { key } = task;
    const spec = pod.spec as PodSpec;
    const containers = spec.containers.some(({ name }) => name === this.#baseContainer)
      ? spec.containers
      : [{ name: this.#baseContainer } as Container, ...spec.containers];
    const [program, ...args] = task.command as [string, ...string[]];
    return {
      ...pod,
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...pod.metadata,
        name: makeSafePodName(key, launch),
        namespace: pod.metadata?.namespace ?? this.#options.namespace ?? 'default',
        labels: {
          ...pod.metadata?.labels,
          [LABELS.managedBy]: MANAGED_BY,
          [LABELS.executorId]: makeSafeLabelValue(executorId),
          [LABELS.dagId]: makeSafeLabelValue(key.dagId),
          [LABELS.taskId]: makeSafeLabelValue(key.taskId),
          [LABELS.runId]: makeSafeLabelValue(key.runId),
          [LABELS.tryNumber]: String(key.tryNumber),
          ...(key.mapIndex >= 0 ? { [LABELS.mapIndex]: String(key.mapIndex) } : {}),
        },
        annotations: {
          ...pod.metadata?.annotations,
          [ANNOTATIONS.schema]: WIRE_SCHEMA,
          [ANNOTATIONS.key]: JSON.stringify(key),
          [ANNOTATIONS.launch]: String(launch),
          [ANNOTATIONS.spent]: encodeSpent(spent),
          [ANNOTATIONS.baseContainer]: this.#baseContainer,
          ...(task.queue === undefined ? {} : { [ANNOTATIONS.queue]: task.queue }),
        },
      },
      spec: {
        ...spec,
        restartPolicy: spec.restartPolicy ?? 'Never',
        containers: containers.map((container) =>
          container.name === this.#baseContainer ? this.#withCommand(container, [program], args, task) : container,
        ),
      },
    };
  }

  #withCommand(container: Container, command: string[], args: string[], { key }: QueuedTask): Container {
    const context = {
      PODWRIGHT_DAG_ID: key.dagId,
      PODWRIGHT_TASK_ID: key.taskId,
      PODWRIGHT_RUN_ID: key.runId,
      PODWRIGHT_TRY_NUMBER: String(key.tryNumber),
      PODWRIGHT_MAP_INDEX: String(key.mapIndex),
    };
    const own = (container.env ?? []).filter(({ name }) => !(name in context));
    const image = container.image ?? this.#options.image;
    return {
      ...container,
      ...(image === undefined ? {} : { image }),
      command,
      args,
      env: [...own, ...Object.entries(context).map(([name, value]) => ({ name, value }))],
      // Without a termination message the last lines of the log tell why a task failed, even when its log cannot be read.
      terminationMessagePolicy: container.terminationMessagePolicy ?? 'FallbackToLogsOnError',
    };
  }

  #check(pod: Pod): void {
    const base = pod.spec?.containers.find(({ name }) => name === this.#baseContainer);
    if (base?.image === undefined || base.image === '')
      throw new PodTemplateError(`Container ${this.#baseContainer} has no image`, {
        hint: "Set `config.image`, an image in the pod template, or `image` in the task's executorConfig.",
      });
  }
}
