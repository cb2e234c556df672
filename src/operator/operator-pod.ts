/** The pod of a step, from an operator's options. */
import type { QueuedTask } from '../core/outcome.js';
import { keyToString } from '../core/task-key.js';
import { InvalidPodError } from '../errors.js';
import { checkPod } from '../pod/check/pod-check.js';
import type { KubernetesExecutorConfig } from '../pod/executor-config.js';
import { makeSafeDnsLabel, shortHash } from '../pod/names.js';
import { type PodGenerator, TemplatePodGenerator } from '../pod/pod-generator.js';
import { getBasePodFromTemplate } from '../pod/pod-template.js';
import type { LaunchContext } from '../pod/system-fields.js';
import type { Container, EnvVar, Pod, PodSpec, Secret } from '../wire/types.js';
import type { PodOperatorOptions } from './operator-options.js';
import type { ResolvedOperator } from './read-options.js';

const DEFAULT_MESSAGE_PATH = '/dev/termination-log';
/** Tells the program where to write, whatever its pod says; the same in the embedded cluster. */
const MESSAGE_VARIABLE = 'PODWRIGHT_TERMINATION_LOG';

const defined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** The options that an executor config has, too. */
export function executorConfigOf(options: PodOperatorOptions, baseContainer: string): KubernetesExecutorConfig {
  const { image, imagePullPolicy, namespace, labels, annotations, resources, secrets, volumes, volumeMounts } = options;
  const container = defined({
    envFrom: options.envFrom,
    ports: options.ports,
    securityContext: options.containerSecurityContext,
  });
  const spec = defined({
    initContainers: options.initContainers,
    imagePullSecrets: options.imagePullSecrets?.map((one) => (typeof one === 'string' ? { name: one } : one)),
    securityContext: options.securityContext,
    priorityClassName: options.priorityClassName,
    schedulerName: options.schedulerName,
    runtimeClassName: options.runtimeClassName,
    hostNetwork: options.hostNetwork,
    dnsPolicy: options.dnsPolicy,
    activeDeadlineSeconds: options.activeDeadlineSeconds,
  });
  return {
    ...defined({ image, imagePullPolicy, namespace, labels, annotations, resources, secrets, volumes, volumeMounts }),
    ...defined({ env: options.envVars, nodeSelector: options.nodeSelector, affinity: options.affinity }),
    ...defined({ tolerations: options.tolerations, serviceAccountName: options.serviceAccountName }),
    podOverride: { spec: { ...spec, containers: [{ name: baseContainer, ...container }] } as PodSpec },
  };
}

/** Whether another container's environment refers to the Secret by its first name. */
function renamedSecret(env: readonly EnvVar[] | undefined, from: string, to: string): EnvVar[] | undefined {
  return env?.map((variable) => {
    const reference = variable.valueFrom?.secretKeyRef as { name?: string } | undefined;
    return reference?.name === from
      ? { ...variable, valueFrom: { ...variable.valueFrom, secretKeyRef: { ...reference, name: to } } }
      : variable;
  });
}

/** Makes the pods of one operator. */
export class OperatorPodGenerator implements PodGenerator {
  readonly #resolved: ResolvedOperator;
  readonly #inner: TemplatePodGenerator;
  readonly #template: Container | undefined;
  readonly #base: string;

  /** @throws PodTemplateError */
  constructor(resolved: ResolvedOperator) {
    this.#resolved = resolved;
    const { fullPodSpec, podTemplateFile, namespace, baseContainerName = 'base' } = resolved.options;
    this.#base = baseContainerName;
    const template = fullPodSpec ?? podTemplateFile;
    const pod = template === undefined ? undefined : getBasePodFromTemplate(template);
    this.#template = pod?.spec?.containers.find(({ name }) => name === baseContainerName);
    // Only the finished pod is checked.
    this.#inner = new TemplatePodGenerator({ template, namespace, baseContainer: baseContainerName, checks: false });
  }

  generate(task: QueuedTask, context: LaunchContext): Pod {
    const pod = this.#finished(this.#inner.generate(task, context), task, context);
    const { checks } = this.#resolved.options;
    const problems = checks === false ? [] : checkPod(pod, checks);
    if (problems.length > 0) throw new InvalidPodError(problems);
    return pod;
  }

  validate(task: QueuedTask): void {
    this.#inner.validate(task);
    // What no launch can change is refused before anything is sent.
    this.generate(task, { launch: 1, spent: { infra: 0, oom: 0, task: 0 }, executorId: 'check' });
  }

  generateSecret(task: QueuedTask, pod: Pod): Secret | undefined {
    return this.#inner.generateSecret(task, pod);
  }

  #finished(pod: Pod, { key }: QueuedTask, { launch }: LaunchContext): Pod {
    const { options, graceMs } = this.#resolved;
    const [first = ''] = [pod.metadata?.name];
    const readable = makeSafeDnsLabel(options.name ?? key.taskId, 48) || 'pod';
    const name = `${readable}-${shortHash(`${keyToString(key)}@${launch}`, 14)}`;
    const spec = pod.spec as PodSpec;
    return {
      ...pod,
      metadata: { ...pod.metadata, name },
      spec: {
        ...spec,
        ...(graceMs === undefined ? {} : { terminationGracePeriodSeconds: Math.ceil(graceMs / 1_000) }),
        containers: spec.containers.map((container) => {
          const own = container.name === this.#base ? this.#worker(container) : container;
          const env = renamedSecret(own.env, first, name);
          return env === undefined ? own : { ...own, env };
        }),
      },
    };
  }

  /** The base container: entry point and arguments apart, as Kubernetes has them, and the place of its result. */
  #worker({ command: _command, args: _args, ...container }: Container): Container {
    const { options, result } = this.#resolved;
    const command = options.cmds ?? this.#template?.command;
    const args = options.arguments ?? this.#template?.args;
    const path = result?.from === 'file' ? result.path : (container.terminationMessagePath ?? DEFAULT_MESSAGE_PATH);
    const variable = { name: MESSAGE_VARIABLE, value: path };
    return {
      ...container,
      ...(command === undefined || command.length === 0 ? {} : { command: [...command] }),
      ...(args === undefined || args.length === 0 ? {} : { args: [...args] }),
      ...(result?.from === 'file' ? { terminationMessagePath: path } : {}),
      ...(result === undefined
        ? {}
        : { env: [...(container.env ?? []).filter(({ name }) => name !== MESSAGE_VARIABLE), variable] }),
    };
  }
}
