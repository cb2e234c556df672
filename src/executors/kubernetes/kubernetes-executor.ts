/**
 * Runs each task as a pod. The parts: the generator makes the pod, the launcher creates it once, the watcher shows what becomes of it,
 * the heart (`lifecycle/`) decides, and this class ties them to the executor contract.
 */
import { type ResolvedKubernetesConfig, resolveKubernetesConfig } from '../../config/kubernetes-config.js';
import { durationMs } from '../../core/duration.js';
import type { LogLine, QueuedTask, RunLogOptions } from '../../core/outcome.js';
import { type Random, systemRandom } from '../../core/random.js';
import { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput, taskInstanceKey } from '../../core/task-key.js';
import { TimeoutError } from '../../errors.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { PodLauncher } from '../../launch/pod-launcher.js';
import { PodRemover } from '../../launch/pod-remover.js';
import { observe } from '../../lifecycle/observation.js';
import { makeSafeLabelValue } from '../../pod/names.js';
import { decodeSpent, type PodGenerator, TemplatePodGenerator } from '../../pod/pod-generator.js';
import { KubernetesJobWatcher } from '../../watch/job-watcher.js';
import type { Watcher } from '../../watch/watcher.js';
import { ANNOTATIONS, LABELS, MANAGED_BY } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { BaseExecutor } from '../base-executor.js';
import type { CancelOptions, CancelResult, TaskLog } from '../executor.js';
import { launchOf, recordOfAdopted, taskOfPod } from './adoption.js';
import { type KubernetesExecutorOptions, policyOf } from './kubernetes-options.js';
import { followPods, podIdOf } from './pod-feed.js';
import { PodLifecycle } from './pod-lifecycle.js';
import { PodLogs } from './pod-logs.js';
import { PodTrack, PodTrackTable } from './pod-track.js';

/** What a task waits for. */
export interface PendingReason {
  /** One line for people, for example the scheduler's message. */
  readonly summary: string;
  /** Milliseconds that it has waited for this. */
  readonly sinceMs: number;
}

/** Limit for cleanups under way when the executor closes. */
const CLOSE_LIMIT_MS = 10_000;

/** See the module's text. */
export class KubernetesExecutor extends BaseExecutor {
  /** Identity over restarts. */
  readonly executorId: string;
  readonly #client: KubeClient;
  readonly #config: ResolvedKubernetesConfig;
  readonly #generator: PodGenerator;
  readonly #watcher: Watcher;
  readonly #tracks = new PodTrackTable();
  readonly #lifecycle: PodLifecycle;
  readonly #remover: PodRemover;
  readonly #logs: PodLogs;
  readonly #label: string;
  readonly #stop = new AbortController();
  readonly #isStillWanted: NonNullable<KubernetesExecutorOptions['isStillWanted']>;
  #following: Promise<void> | undefined;
  #forbidden = new Set<string>();

  /** @throws ConfigError, PodTemplateError */
  constructor(options: KubernetesExecutorOptions) {
    super(options);
    const random: Random = options.random ?? systemRandom;
    this.#client = options.kubeClient;
    this.#config = resolveKubernetesConfig(options.config);
    const policy = policyOf(options, this.#config);
    this.executorId =
      options.executorId ??
      `podwright-${Array.from({ length: 8 }, () => Math.floor(random.next() * 36).toString(36)).join('')}`;
    this.#label = makeSafeLabelValue(this.executorId);
    this.#isStillWanted = options.isStillWanted ?? (() => true);
    const { namespace, image, baseContainer } = this.#config;
    this.#generator =
      options.podGenerator ??
      new TemplatePodGenerator({
        template: options.podTemplate,
        namespace,
        image,
        baseContainer,
        mutatePod: options.mutatePod,
      });
    this.#watcher = options.watcher ?? this.#defaultWatcher(options, random);
    const parts = { client: this.#client, clock: this.clock, random, logger: this.logger };
    this.#logs = new PodLogs({ ...parts, tracks: this.#tracks });
    this.#remover = new PodRemover({
      ...parts,
      concurrency: 8,
      onForbidden: (verb, message) => this.#noticeForbidden(verb, message),
    });
    const launcher = new PodLauncher({
      ...parts,
      concurrency: this.#config.podCreationConcurrency,
      maxRetries: this.#config.taskPublishMaxRetries,
      quotaTimeoutMs: this.#config.quotaTimeoutMs,
    });
    this.#lifecycle = new PodLifecycle({
      ...parts,
      generator: this.#generator,
      launcher,
      remover: this.#remover,
      tracks: this.#tracks,
      policy,
      executorId: this.executorId,
      executorLabel: this.#label,
      isManuallyAcknowledged: options.acknowledge === 'manual',
      deletesOnSuccess: this.#config.deleteWorkerPods,
      deletesOnFailure: this.#config.deleteWorkerPods && this.#config.deleteWorkerPodsOnFailure,
      gracePeriodSeconds: this.#config.terminationGracePeriodSeconds,
      reports: {
        seen: (track) => this.#logs.seen(track),
        running: ({ task, podId }) => void this.changeState(task.key, 'running', podId),
        pending: ({ task }, reason) => void this.emit('task:pending', { ...this.eventBase(task), reason }),
        relaunch: ({ task, launch }, verdict) =>
          void this.emit('task:relaunch', { ...this.eventBase(task), verdict, launch: launch + 1 }),
        success: ({ task }, details) => void this.success(task.key, details),
        fail: ({ task }, verdict, details) => void this.fail(task.key, verdict, details),
        isStillWanted: (task) => this.#isStillWanted(task.key),
        logsRead: (track) => this.#logs.read(track),
      },
    });
  }

  /**
   * Builds an executor that drives itself, and starts it. Where no `kubeClient` is given, one is made from `KUBECONFIG`, `~/.kube/config`, or
   * the service account of the pod that the host runs in.
   * @throws KubeConfigError, ConfigError, PodTemplateError, TimeoutError
   */
  static async connect(
    options: Omit<KubernetesExecutorOptions, 'kubeClient'> & { readonly kubeClient?: KubeClient | undefined } = {},
  ): Promise<KubernetesExecutor> {
    const { HttpKubeClient } = await import('../../kube/http-kube-client.js');
    const kubeClient = options.kubeClient ?? (await HttpKubeClient.connect());
    const executor = new KubernetesExecutor({ drive: 'self', ...options, kubeClient });
    await executor.start();
    return executor;
  }

  /** Why a task waits, or `undefined` where it does not, or is not known here. */
  pending(key: TaskInstanceKeyInput): PendingReason | undefined {
    const track = this.#tracks.get(keyToString(key));
    if (track === undefined) return this.hasTask(key) ? { summary: 'waiting for a free slot', sinceMs: 0 } : undefined;
    if (track.launchWait !== undefined) return { summary: `not created yet: ${track.launchWait}`, sinceMs: 0 };
    const { waiting } = track.record;
    return waiting === undefined
      ? undefined
      : { summary: waiting.text, sinceMs: this.clock.monotonic() - waiting.since };
  }

  /** The pod that a task would run as, without creating anything. Values of environment variables are part of it. */
  render(
    task: Pick<QueuedTask, 'command'> & {
      readonly key: TaskInstanceKeyInput;
      readonly executorConfig?: object;
      readonly queue?: string;
    },
  ): Pod {
    const full: QueuedTask = {
      key: taskInstanceKey(task.key),
      command: task.command,
      queue: task.queue,
      priority: 0,
      executorConfig: task.executorConfig,
    };
    return this.#generator.generate(full, {
      launch: 1,
      spent: { infra: 0, oom: 0, task: 0 },
      executorId: this.executorId,
    });
  }

  /** Stops without touching pods, for a rolling deploy: the next executor of the same id takes over. Resolves with the tasks left running. */
  detach(): Promise<TaskInstanceKey[]> {
    return this.abandon();
  }

  override async adoptLaunchedTask(key: TaskInstanceKeyInput): Promise<boolean> {
    return (await this.tryAdoptTaskInstances([key])).length === 0;
  }

  override async tryAdoptTaskInstances(keys: readonly TaskInstanceKeyInput[]): Promise<TaskInstanceKey[]> {
    const wanted = new Map(keys.map((key) => [keyToString(key), taskInstanceKey(key)]));
    for (const id of wanted.keys()) if (this.#tracks.get(id) !== undefined) wanted.delete(id);
    if (wanted.size === 0) return [];
    const selector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.done}!=true`;
    let page: string | undefined;
    do {
      const list = await this.#client.listPods({
        namespace: this.#scope(),
        labelSelector: selector,
        limit: 500,
        continue: page,
      });
      for (const pod of list.items) {
        const task = taskOfPod(pod);
        if (task !== undefined && wanted.has(keyToString(task.key)) && (await this.#takeOver(pod)))
          wanted.delete(keyToString(task.key));
      }
      page = list.metadata.continue;
    } while (page !== undefined && page !== '');
    return [...wanted.values()];
  }

  override getTaskLog(key: TaskInstanceKeyInput): Promise<TaskLog> {
    return this.#logs.getTaskLog(taskInstanceKey(key), this.#scope());
  }

  protected override readLog(task: QueuedTask, options: RunLogOptions): AsyncIterable<LogLine> {
    return this.#logs.follow(task, options, this.getRun(task.key)?.outcome);
  }

  protected override validate(task: QueuedTask): void {
    this.#generator.validate?.(task);
  }

  protected override async onStart(): Promise<void> {
    let synced = () => {};
    const firstList = new Promise<void>((resolve) => {
      synced = resolve;
    });
    this.#following = followPods(
      this.#watcher,
      this.#tracks,
      {
        onPod: (pod) => this.#onPod(pod),
        onGone: (podId, last) => this.#onGone(podId, last),
        onLeft: (podId, last) => void this.#onLeft(podId, last),
        onSynced: () => synced(),
      },
      this.#stop.signal,
    ).catch((error: unknown) => {
      if (!this.#stop.signal.aborted)
        this.logger.error({ err: error }, 'the watcher ended; pods are no longer followed');
    });
    const cancelLimit = this.clock.schedule(this.#config.syncTimeoutMs, () => synced());
    await firstList;
    cancelLimit();
    const status = this.#watcher.status();
    if (status.synced) return;
    this.#stop.abort();
    throw new TimeoutError(
      `The pods of namespace ${this.#config.namespace} could not be listed within ${this.#config.syncTimeoutMs} ms`,
      {
        cause: status.lastError,
        hint: status.lastError ?? 'Check that the API server can be reached and that the host may list and watch pods.',
      },
    );
  }

  protected override launch(task: QueuedTask): Promise<void> {
    const track = new PodTrack(task);
    this.#tracks.add(track);
    return this.#lifecycle.launch(track);
  }

  protected override async onCancel(task: QueuedTask, options: CancelOptions): Promise<CancelResult> {
    const track = this.#tracks.get(keyToString(task.key));
    if (track === undefined) return { observed: 'finished', forced: false };
    track.abort.abort();
    await track.busy;
    if (this.#tracks.get(track.id) !== track)
      return {
        observed: track.seen === undefined ? 'not_started' : 'finished',
        exitCode: track.seen?.base?.exitCode,
        forced: false,
      };
    track.isEnding = true;
    track.cancelTimer();
    const graceSeconds =
      options.grace === undefined ? undefined : Math.ceil(durationMs(options.grace, 'grace') / 1_000);
    const isProven = await this.#lifecycle.endPod(track, graceSeconds);
    this.#tracks.remove(track);
    const { seen } = track;
    if (seen === undefined) return { observed: 'not_started', forced: false };
    if (!track.isGone)
      void this.#remover.remove({ namespace: seen.namespace, name: seen.name, uid: seen.uid }, graceSeconds);
    if (seen.phase === 'Succeeded') this.success(task.key, { exitCode: seen.base?.exitCode, ranAs: track.podId });
    const exitCode = seen.base?.exitCode;
    return { observed: isProven ? 'terminated' : 'unconfirmed', exitCode, forced: exitCode === 137 };
  }

  protected override async onClose(): Promise<void> {
    for (const track of this.#tracks.all()) track.cancelTimer();
    await this.#remover.settled(CLOSE_LIMIT_MS);
    this.#stop.abort();
    await this.#following;
  }

  #scope(): string | undefined {
    return this.#config.watchNamespaces === '*' ? undefined : this.#config.namespace;
  }

  #defaultWatcher(options: KubernetesExecutorOptions, random: Random): Watcher {
    const { namespace, watchNamespaces } = this.#config;
    return new KubernetesJobWatcher({
      client: options.kubeClient,
      namespaces: watchNamespaces === '*' ? undefined : [...new Set([namespace, ...watchNamespaces])],
      labelSelector: `${LABELS.executorId}=${this.#label},${LABELS.done}!=true`,
      clock: this.clock,
      random,
      logger: this.logger,
      store: options.resourceVersionStore,
    });
  }

  #onPod(pod: Pod): void {
    const { uid, labels } = pod.metadata ?? {};
    if (this.#tracks.isReleased(uid)) return;
    const track = this.#tracks.ofPod(podIdOf(pod));
    if (track !== undefined) this.#lifecycle.see(track, pod);
    else if (labels?.[LABELS.executorId] === this.#label && labels[LABELS.done] !== 'true') this.#adopt(pod);
  }

  /** Takes in a pod of this executor's former self. */
  #adopt(pod: Pod): void {
    const task = taskOfPod(pod);
    if (task === undefined) {
      this.logger.warn({ pod: podIdOf(pod) }, 'a pod carries our label and no readable key; it is left alone');
      return;
    }
    const known = this.#tracks.get(keyToString(task.key));
    if (known !== undefined) {
      this.#meetSecondPod(known, pod);
      return;
    }
    if (this.adopt(task) === undefined) return;
    const track = new PodTrack(task);
    this.#follow(track, pod);
  }

  #follow(track: PodTrack, pod: Pod): void {
    track.launch = launchOf(pod);
    track.spent = decodeSpent(pod.metadata?.annotations?.[ANNOTATIONS.spent]);
    track.record = recordOfAdopted(observe(pod), this.clock, this.#client.serverTimeOffsetMs?.());
    this.#tracks.add(track);
    this.#tracks.bind(track, podIdOf(pod));
    this.#lifecycle.see(track, pod);
  }

  /** Of two pods of one try the later launch counts; the other is from before a crash, and its end was proven then. */
  #meetSecondPod(track: PodTrack, pod: Pod): void {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    if (launchOf(pod) <= track.launch) {
      void this.#remover.remove({ namespace, name, uid });
      return;
    }
    if (track.busy !== undefined || track.isEnding) return;
    const { seen } = track;
    track.cancelTimer();
    this.#tracks.releasePod(track);
    if (seen !== undefined) void this.#remover.remove({ namespace: seen.namespace, name: seen.name, uid: seen.uid });
    track.seen = undefined;
    this.#follow(track, pod);
  }

  #onGone(podId: string, last: Pod | undefined): void {
    this.#tracks.forgetReleased(last?.metadata?.uid);
    const track = this.#tracks.ofPod(podId);
    if (
      track === undefined ||
      (last !== undefined && track.seen !== undefined && last.metadata?.uid !== track.seen.uid)
    )
      return;
    this.#lifecycle.gone(track, last);
  }

  /** A pod that no longer matches our selector was either marked by ourselves, taken over by another executor, or relabelled. */
  async #onLeft(podId: string, last: Pod): Promise<void> {
    const { uid, namespace = '', name = '' } = last.metadata ?? {};
    if (this.#tracks.isReleased(uid)) {
      this.#tracks.forgetReleased(uid);
      return;
    }
    const track = this.#tracks.ofPod(podId);
    if (track === undefined || track.seen?.uid !== uid) return;
    const now = await this.#client.readPod(namespace, name).catch(() => last);
    if (now?.metadata?.uid !== uid) this.#lifecycle.gone(track, last);
    else if (now?.metadata?.labels?.[LABELS.executorId] !== this.#label) {
      track.cancelTimer();
      track.isEnding = true;
      this.#tracks.remove(track);
      this.handOver(track.task.key, 'Another executor has taken the task over');
    }
  }

  /** Makes another executor's pod ours; the watch then shows it. */
  async #takeOver(pod: Pod): Promise<boolean> {
    const { namespace = '', name = '', uid, resourceVersion } = pod.metadata ?? {};
    try {
      const patch = { metadata: { uid, resourceVersion, labels: { [LABELS.executorId]: this.#label } } };
      this.#onPod(await this.#client.patchPod(namespace, name, patch));
      return true;
    } catch (error) {
      this.logger.warn({ err: error, pod: name, namespace }, 'a pod could not be adopted');
      return false;
    }
  }

  #noticeForbidden(verb: 'delete' | 'patch', message: string): void {
    if (this.#forbidden.has(verb)) return;
    this.#forbidden.add(verb);
    this.emit('notice', {
      at: this.clock.now(),
      message: `Finished pods cannot be cleaned up: ${message}`,
      hint: `Give the host's service account the verb ${verb} on pods in namespace ${this.#config.namespace}.`,
    });
  }
}
