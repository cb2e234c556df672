/**
 * From a workload to a pod. Layers, each merged over the one before by Kubernetes' strategic merge: cluster default, template,
 * configuration, queue layer, executor config, pod override, system fields; then the mutation hook, which may change everything but the
 * pod's identity.
 */
import type { PodDefaults } from '../config/kubernetes-config.js';
import type { QueuedTask } from '../core/outcome.js';
import { ConfigError, InvalidPodError, PodTemplateError } from '../errors.js';
import { NOTHING_SPENT } from '../lifecycle/policy.js';
import type { Pod, Secret } from '../wire/types.js';
import { checkPod, type PodCheckOptions } from './check/pod-check.js';
import { checkPodPolicy, type PodPolicy } from './check/policy.js';
import { withRestrictedDefaults } from './check/restricted.js';
import { podOfDefaults } from './config-layer.js';
import { type KubernetesExecutorConfig, kubernetesConfigOf, podOfConfig } from './executor-config.js';
import { type Layer, merged, ofQueue, taskPolicyProblems, withLayer } from './layers.js';
import { makeSafePodName } from './names.js';
import { getBasePodFromTemplate } from './pod-template.js';
import { type Provenance, ProvenanceTracker } from './provenance.js';
import { redactManifest } from './redact-manifest.js';
import { extractSecrets, secretOfPod } from './secret-values.js';
import { identityOf, type LaunchContext, withSystemFields } from './system-fields.js';
import { templateContext } from './templating/context.js';
import { TemplateRenderer } from './templating/render.js';

/** How a pod is rendered. */
export interface RenderOptions {
  /** Whether to tell which layer set each field. @default false */
  readonly explain?: boolean | undefined;
  /** Whether values that look like secrets are shown. @default false */
  readonly showSecrets?: boolean | undefined;
  /** The launch to render. @default the first, of an executor named `render` */
  readonly context?: LaunchContext | undefined;
}

/** A pod as it would be sent. */
export interface RenderedPod {
  /** The manifest; without values that look like secrets, unless they were asked for. */
  readonly manifest: Pod;
  /** Layer by path, for example `spec.tolerations[0]` → `queue layer 'spot'`; empty unless asked for. */
  readonly provenance: Provenance;
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
  /** The Secret that a pod needs besides, of what {@link secret} has marked in its task; `undefined` where there is nothing. */
  generateSecret?(task: QueuedTask, pod: Pod): Secret | undefined;
  /** The pod for people to read. */
  render?(task: QueuedTask, options?: RenderOptions): RenderedPod;
}

/** What may be said about pods besides the configuration. */
export interface PodLayerOptions {
  /** A pod under everything else, template included: a YAML file's path, or a pod. */
  readonly clusterDefault?: string | object | undefined;
  /** Templates by queue instead of the general one: a file's path, or a pod. A name that ends in `*` stands for all that begin so. */
  readonly queueTemplates?: Readonly<Record<string, string | object>> | undefined;
  /** What is special about the pods of a queue, in the form of an executor config. A name that ends in `*` stands for all that begin so. */
  readonly queueLayers?: Readonly<Record<string, KubernetesExecutorConfig>> | undefined;
  /** Folder that template files must be in, and that relative paths start from. @default any folder, from the working directory */
  readonly templateDir?: string | undefined;
  /** How finished pods are checked; `false` leaves all checks to the server. @default every check */
  readonly checks?: PodCheckOptions | false | undefined;
  /** What tasks may ask for; a pod that goes beyond it is not sent. @default anything */
  readonly policy?: PodPolicy | undefined;
  /** With `restricted`, pods get what the Pod Security level of that name asks for, where they say nothing else. @default nothing */
  readonly podSecurity?: 'restricted' | undefined;
  /** Whether `{{ … }}` in templates and overrides is filled in from the task's context. @default false */
  readonly templating?: boolean | undefined;
  /** With `airflow`, Airflow's labels and annotations (`dag_id`, `airflow-worker`, …) are written besides podwright's. @default 'podwright' */
  readonly labels?: 'podwright' | 'airflow' | undefined;
}

/** Options of the default {@link PodGenerator}. */
export interface TemplatePodGeneratorOptions extends PodLayerOptions {
  /** Base pod: a YAML file's path, or a pod. */
  readonly template?: string | object | undefined;
  /** Namespace of pods that name none. @default 'default' */
  readonly namespace?: string | undefined;
  /** Image of the base container; comes before the template's. */
  readonly image?: string | undefined;
  /** Name of the container that runs the command. @default 'base' */
  readonly baseContainer?: string | undefined;
  /** What the configuration says about every pod. */
  readonly podDefaults?: PodDefaults | undefined;
  /** Shapes of secrets that a rendering hides. @default the usual ones */
  readonly secretPatterns?: readonly RegExp[] | undefined;
  /** Called last with the finished pod; changes it in place or returns another. Name, namespace and identity stay. */
  readonly mutatePod?: ((pod: Pod, task: QueuedTask) => Pod | undefined) | undefined;
}

/** The default {@link PodGenerator}. Template files are read once each. */
export class TemplatePodGenerator implements PodGenerator {
  readonly #options: TemplatePodGeneratorOptions;
  readonly #baseContainer: string;
  readonly #fixed: readonly Layer[];
  readonly #config: Pod | undefined;
  readonly #templates = new Map<string, Pod>();
  readonly #renderer = new TemplateRenderer();

  /**
   * @throws PodTemplateError where a template cannot be read or is no pod.
   * @throws InvalidWorkloadError (`ERR_PODWRIGHT_EXECUTOR_CONFIG`) where a queue layer is wrong.
   * @throws ConfigError where an option is wrong.
   */
  constructor(options: TemplatePodGeneratorOptions = {}) {
    this.#options = options;
    this.#baseContainer = options.baseContainer ?? 'base';
    const { clusterDefault, template, podDefaults = {}, image, labels = 'podwright' } = options;
    if (labels !== 'podwright' && labels !== 'airflow')
      throw new ConfigError([{ field: 'labels', value: labels, rule: 'must be podwright or airflow' }]);
    this.#fixed = clusterDefault === undefined ? [] : [this.#layerOf('cluster default', clusterDefault)];
    if (template !== undefined) this.#layerOf('template', template);
    this.#config = podOfDefaults(podDefaults, image, this.#baseContainer);
    for (const each of Object.values(options.queueTemplates ?? {})) this.#layerOf('template', each);
    for (const each of Object.values(options.queueLayers ?? {})) kubernetesConfigOf(each);
  }

  validate(task: QueuedTask): void {
    this.#configOf(task, 'pod');
  }

  generate(task: QueuedTask, context: LaunchContext): Pod {
    const pod = this.#build(task, context, undefined);
    this.#check(pod, task, context);
    return pod;
  }

  generateSecret(task: QueuedTask, pod: Pod): Secret | undefined {
    return secretOfPod(pod, extractSecrets(task.executorConfig, pod.metadata?.name ?? '').values);
  }

  /**
   * The pod of a task for people to read.
   * @throws what {@link TemplatePodGenerator.generate} throws.
   */
  render(task: QueuedTask, options: RenderOptions = {}): RenderedPod {
    const { explain = false, showSecrets = false } = options;
    const context = options.context ?? { launch: 1, spent: NOTHING_SPENT, executorId: 'render' };
    const tracker = explain ? new ProvenanceTracker() : undefined;
    const pod = this.#build(task, context, tracker);
    this.#check(pod, task, context);
    return {
      manifest: showSecrets ? pod : redactManifest(pod, this.#options.secretPatterns),
      provenance: tracker?.of(pod) ?? {},
    };
  }

  /** A layer from a file or a pod. Files are read once; later launches of a try must not see another pod than earlier ones. */
  #layerOf(kind: string, template: string | object): Layer {
    if (typeof template !== 'string') return { name: kind, pod: getBasePodFromTemplate(template) };
    const known = this.#templates.get(template) ?? getBasePodFromTemplate(template, this.#options.templateDir);
    this.#templates.set(template, known);
    return { name: `${kind} ${template}`, pod: known };
  }

  #template(config: KubernetesExecutorConfig, queue: string | undefined): Layer | undefined {
    if (config.podTemplateFile !== undefined) return this.#layerOf('template', config.podTemplateFile);
    const byQueue = ofQueue(this.#options.queueTemplates, queue);
    if (byQueue !== undefined) return this.#layerOf(`template of queue '${byQueue[0]}'`, byQueue[1]);
    const { template } = this.#options;
    return template === undefined ? undefined : this.#layerOf('template', template);
  }

  /** What the task says, filled in: a text that is one expression may stand for an object, such as the task's resources. */
  #configOf(task: QueuedTask, podName: string): KubernetesExecutorConfig {
    const { executorConfig } = extractSecrets(task.executorConfig, podName);
    if (this.#options.templating !== true || executorConfig === undefined) return kubernetesConfigOf(executorConfig);
    const filled = this.#renderer.render({ executorConfig }, templateContext(task), 'executor config', true);
    return kubernetesConfigOf(filled.executorConfig);
  }

  /** Everything that is merged, in order. */
  #layers(task: QueuedTask, launch: number): Layer[] {
    const config = this.#configOf(task, makeSafePodName(task.key, launch));
    const template = this.#template(config, task.queue);
    const layers: Layer[] = [...this.#fixed, ...(template === undefined ? [] : [template])];
    if (this.#config !== undefined) layers.push({ name: 'configuration', pod: this.#config });
    const ofTask = (name: string, each: KubernetesExecutorConfig): void => {
      const isOfTask = name === 'executor config';
      layers.push({ name, isOfTask, pod: podOfConfig(each, this.#baseContainer) });
      if (each.podOverride !== undefined)
        layers.push({ name: isOfTask ? 'pod override' : name, isOfTask, pod: each.podOverride });
    };
    const queueLayer = ofQueue(this.#options.queueLayers, task.queue);
    if (queueLayer !== undefined) ofTask(`queue layer '${queueLayer[0]}'`, kubernetesConfigOf(queueLayer[1]));
    ofTask('executor config', config);
    if (this.#options.templating !== true) return layers;
    const context = templateContext(task);
    // What the task says is filled in already, and values are never filled in again.
    return layers.map((layer) =>
      layer.isOfTask === true ? layer : { ...layer, pod: this.#renderer.render(layer.pod, context, layer.name) },
    );
  }

  #build(task: QueuedTask, context: LaunchContext, tracker: ProvenanceTracker | undefined): Pod {
    // The first layer is taken as it is: what stands there twice is for the checks to find, not to be merged with itself.
    let pod: Pod = {};
    for (const layer of this.#layers(task, context.launch)) {
      pod = merged(pod, layer);
      tracker?.note(layer.name, pod);
    }
    pod = withSystemFields(structuredClone(pod), task, context, {
      baseContainer: this.#baseContainer,
      namespace: this.#options.namespace,
      hasAirflowLabels: this.#options.labels === 'airflow',
    });
    tracker?.note('system fields', pod);
    if (this.#options.podSecurity === 'restricted') pod = withRestrictedDefaults(pod);
    tracker?.note('pod security', pod);
    const final = this.#mutated(pod, task);
    tracker?.note('mutation hook', final);
    return final;
  }

  #mutated(pod: Pod, task: QueuedTask): Pod {
    const { mutatePod } = this.#options;
    if (mutatePod === undefined) return pod;
    const identity = identityOf(pod);
    const copy = structuredClone(pod);
    const mutated = mutatePod(copy, task) ?? copy;
    const metadata = mutated.metadata ?? {};
    return {
      ...mutated,
      metadata: {
        ...metadata,
        ...identity,
        labels: { ...metadata.labels, ...identity.labels },
        annotations: { ...metadata.annotations, ...identity.annotations },
      },
    };
  }

  #check(pod: Pod, task: QueuedTask, context: LaunchContext): void {
    const base = pod.spec?.containers?.find(({ name }) => name === this.#baseContainer);
    if (base?.image === undefined || base.image === '')
      throw new PodTemplateError(`Container ${this.#baseContainer} has no image`, {
        hint: "Set `config.image`, an image in the pod template, or `image` in the task's executorConfig.",
      });
    const { checks, policy } = this.#options;
    if (policy !== undefined) this.#checkPolicy(pod, this.#layers(task, context.launch), policy);
    const problems = checks === false ? [] : checkPod(pod, checks);
    if (problems.length === 0) return;
    // Only a wrong pod is worth following through its layers.
    const tracker = new ProvenanceTracker();
    const layers = tracker.of(this.#build(task, context, tracker));
    throw new InvalidPodError(problems.map((problem) => withLayer(problem, layers)));
  }

  #checkPolicy(pod: Pod, layers: readonly Layer[], policy: PodPolicy): void {
    const byTask = taskPolicyProblems(layers, this.#baseContainer, policy);
    const problems = [...byTask, ...checkPodPolicy(pod, policy)];
    if (problems.length > 0) throw new InvalidPodError(problems, { code: 'ERR_PODWRIGHT_POD_POLICY' });
  }
}
