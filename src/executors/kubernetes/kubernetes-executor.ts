/**
 * Runs each task as a pod. The parts: the generator makes the pod, the launcher creates it once, the watcher shows what becomes of it,
 * the heart (`lifecycle/`) decides, and this class ties them to the executor contract.
 */
import { type ResolvedKubernetesConfig, resolveKubernetesConfig } from '../../config/kubernetes-config.js';
import { durationMs } from '../../core/duration.js';
import type { LogLine, QueuedTask, RunLogOptions, Workload } from '../../core/outcome.js';
import { type Random, systemRandom } from '../../core/random.js';
import { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput, taskInstanceKey } from '../../core/task-key.js';
import { ConfigError, LifecycleError, TimeoutError } from '../../errors.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { PodLauncher } from '../../launch/pod-launcher.js';
import { PodRemover } from '../../launch/pod-remover.js';
import { PodSecrets } from '../../launch/pod-secrets.js';
import { type LifecyclePolicy, NOTHING_SPENT } from '../../lifecycle/policy.js';
import { makeSafeLabelValue } from '../../pod/names.js';
import {
  type PodGenerator,
  type RenderedPod,
  type RenderOptions,
  TemplatePodGenerator,
} from '../../pod/pod-generator.js';
import { redactManifest } from '../../pod/redact-manifest.js';
import { KubernetesJobWatcher } from '../../watch/job-watcher.js';
import type { Watcher, WatchStatus } from '../../watch/watcher.js';
import { LABELS } from '../../wire/names.js';
import { BaseExecutor } from '../base-executor.js';
import type { CancelOptions, CancelResult, TaskLog } from '../executor.js';
import { checkWorkload } from '../workload.js';
import { type KubernetesExecutorOptions, lifecycleSettings } from './kubernetes-options.js';
import type { LifecycleReports } from './lifecycle-reports.js';
import { drainLogs, LOG_SINK_LIMIT_MS, type LogSink } from './log-sink.js';
import { type PendingReason, pendingInQueue, pendingOf } from './pending.js';
import { PodDelivery } from './pod-delivery.js';
import { PodEnder } from './pod-ender.js';
import { PodIntake } from './pod-intake.js';
import { PodKeeper } from './pod-keeper.js';
import { PodLifecycle } from './pod-lifecycle.js';
import { PodLogs } from './pod-logs.js';
import { PodTrack, PodTrackTable } from './pod-track.js';

/** Limit for cleanups under way when the executor closes. */
const CLOSE_LIMIT_MS = 10_000;
const WATCHER_LIMIT_MS = 2_000;

/** See the module's text. */
export class KubernetesExecutor extends BaseExecutor {
  /** Identity over restarts. */
  readonly executorId: string;
  readonly #client: KubeClient;
  readonly #config: ResolvedKubernetesConfig;
  readonly #generator: PodGenerator;
  readonly #watcher: Watcher;
  readonly #tracks = new PodTrackTable();
  readonly #policy: LifecyclePolicy;
  readonly #ender: PodEnder;
  readonly #keeper: PodKeeper;
  readonly #delivery: PodDelivery;
  readonly #lifecycle: PodLifecycle;
  readonly #remover: PodRemover;
  readonly #logs: PodLogs;
  readonly #intake: PodIntake;
  readonly #label: string;
  readonly #stop = new AbortController();
  readonly #hasLogSink: boolean;
  #following: Promise<void> | undefined;
  #forbidden = new Set<string>();

  /** @throws ConfigError, PodTemplateError */
  constructor(options: KubernetesExecutorOptions) {
    super(options);
    const random: Random = options.random ?? systemRandom;
    if (typeof options.kubeClient?.createPod !== 'function')
      throw new ConfigError([
        {
          field: 'kubeClient',
          value: options.kubeClient,
          rule: 'must be a KubeClient',
          hint: 'pass await HttpKubeClient.connect(), or build the executor with KubernetesExecutor.connect()',
        },
      ]);
    this.#client = options.kubeClient;
    this.#config = resolveKubernetesConfig(options.config);
    const settings = lifecycleSettings(options, this.#config);
    const { policy, retry, nodeLostFenceMs, deletesOnSuccess, deletesOnFailure } = settings;
    this.#policy = policy;
    this.executorId =
      options.executorId ??
      `podwright-${Array.from({ length: 8 }, () => Math.floor(random.next() * 36).toString(36)).join('')}`;
    this.#label = makeSafeLabelValue(this.executorId);
    this.#hasLogSink = options.logSink !== undefined;
    const { namespace, image, baseContainer, podTemplateFile, podDefaults } = this.#config;
    this.#generator =
      options.podGenerator ??
      new TemplatePodGenerator({
        ...options.pods,
        secretPatterns: options.secretPatterns,
        template: options.podTemplate ?? podTemplateFile,
        namespace,
        image,
        baseContainer,
        podDefaults,
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
    this.#keeper = new PodKeeper({ ...parts, remover: this.#remover, limits: settings.keep });
    this.#ender = new PodEnder({
      ...parts,
      remover: this.#remover,
      gracePeriodSeconds: this.#config.terminationGracePeriodSeconds,
      nodeLostFenceMs,
    });
    const reports = this.#reports(options);
    this.#delivery = new PodDelivery({
      reports,
      launcher,
      remover: this.#remover,
      keeper: this.#keeper,
      tracks: this.#tracks,
      isManuallyAcknowledged: options.acknowledge === 'manual',
      deletesOnSuccess,
      deletesOnFailure,
      gracePeriodSeconds: this.#config.terminationGracePeriodSeconds,
    });
    this.#lifecycle = new PodLifecycle({
      ...parts,
      reports,
      generator: this.#generator,
      launcher,
      secrets: new PodSecrets({ ...parts, executorLabel: this.#label }),
      remover: this.#remover,
      tracks: this.#tracks,
      policy,
      retry,
      ender: this.#ender,
      delivery: this.#delivery,
      executorId: this.executorId,
      executorLabel: this.#label,
      secretPatterns: options.secretPatterns,
    });
    this.#intake = new PodIntake({
      ...parts,
      lifecycle: this.#lifecycle,
      remover: this.#remover,
      tracks: this.#tracks,
      policy,
      executorLabel: this.#label,
      adopt: (task) => this.adopt(task) !== undefined,
      handOver: (task, why) => this.handOver(task.key, why),
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
    if (track !== undefined) return pendingOf(track, this.clock.monotonic());
    const wait = this.queueWait(key);
    return wait === undefined ? undefined : pendingInQueue(wait.sinceMs, wait.limitMs);
  }

  /** How the watch over this executor's pods is doing. */
  watchStatus(): WatchStatus {
    return this.#watcher.status();
  }

  /**
   * The pod that a task would run as, without creating anything; values that look like secrets are hidden unless asked for. With `explain`,
   * also which layer set each field.
   * @throws InvalidWorkloadError, PodTemplateError where no pod can be made of it.
   */
  render(workload: Workload, options: RenderOptions = {}): RenderedPod {
    const task = checkWorkload(workload);
    const context = options.context ?? { launch: 1, spent: NOTHING_SPENT, executorId: this.executorId };
    if (this.#generator.render !== undefined) return this.#generator.render(task, { ...options, context });
    const pod = this.#generator.generate(task, context);
    return { manifest: options.showSecrets === true ? pod : redactManifest(pod), provenance: {} };
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
    return this.#intake.takeOver(wanted, this.#scope());
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
    await new Promise<void>((resolve) => {
      const finish = () => {
        cancelLimit();
        this.#stop.signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancelLimit = this.clock.schedule(this.#config.syncTimeoutMs, finish);
      this.#stop.signal.addEventListener('abort', finish, { once: true });
      this.#following = this.#intake.follow(this.#watcher, finish, this.#stop.signal);
    });
    if (this.#stop.signal.aborted) throw new LifecycleError('ERR_PODWRIGHT_CLOSED', 'start()');
    const status = this.#watcher.status();
    if (status.synced) {
      void this.#keeper.resume(this.#label, this.#scope(), this.#stop.signal);
      return;
    }
    this.#stop.abort();
    throw new TimeoutError(
      `The pods of namespace ${this.#config.namespace} could not be listed within ${this.#config.syncTimeoutMs} ms`,
      {
        cause: status.lastError,
        hint: status.lastError ?? 'Check that the API server can be reached and that the host may list and watch pods.',
      },
    );
  }

  protected override onClaimed(task: QueuedTask): void {
    this.#tracks.get(keyToString(task.key))?.claim(task, this.#policy);
  }

  protected override launch(task: QueuedTask): Promise<void> {
    const track = new PodTrack(task, this.#policy);
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
    const isProven = await this.#ender.end(track, graceSeconds);
    if (!isProven) await this.#lifecycle.settleUnproven(track, 'cancelled');
    this.#tracks.remove(track);
    const { seen } = track;
    if (seen === undefined) return { observed: 'not_started', forced: false };
    if (!isProven) void this.#remover.markDone(seen);
    if (!track.isGone)
      void this.#remover.remove({ namespace: seen.namespace, name: seen.name, uid: seen.uid }, graceSeconds);
    if (seen.phase === 'Succeeded') this.success(task.key, { exitCode: seen.base?.exitCode, ranAs: track.podId });
    const exitCode = seen.base?.exitCode;
    return { observed: isProven ? 'terminated' : 'unconfirmed', exitCode, forced: exitCode === 137 };
  }

  protected override async onClose(): Promise<void> {
    for (const track of this.#tracks.all()) track.cancelTimer();
    this.#keeper.close();
    const limit = new AbortController();
    const limitMs = this.#hasLogSink ? LOG_SINK_LIMIT_MS + CLOSE_LIMIT_MS : CLOSE_LIMIT_MS;
    const timedOut = this.clock.delay(limitMs, { signal: limit.signal }).catch(() => {});
    await Promise.race([this.#delivery.settled(), timedOut]);
    limit.abort();
    await this.#remover.settled(CLOSE_LIMIT_MS);
    this.#stop.abort();
    // A watcher of the host's own may not heed the signal; the executor ends all the same.
    const patience = new AbortController();
    const isOver = this.clock.delay(WATCHER_LIMIT_MS, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.#following, isOver]);
    patience.abort();
  }

  #reports({ logSink, isStillWanted = () => true }: KubernetesExecutorOptions): LifecycleReports {
    return {
      seen: (track) => this.#logs.seen(track),
      running: ({ task, podId }) => void this.changeState(task.key, 'running', podId),
      warning: ({ task }, warning) => void this.emit('task:warning', { ...this.eventBase(task), warning }),
      pending: ({ task }, reason) => void this.emit('task:pending', { ...this.eventBase(task), reason }),
      relaunch: ({ task, launch }, verdict) =>
        void this.emit('task:relaunch', { ...this.eventBase(task), verdict, launch: launch + 1 }),
      success: ({ task }, details) => void this.success(task.key, details),
      fail: ({ task }, verdict, details) => void this.fail(task.key, verdict, details),
      isStillWanted: (task) => isStillWanted(task.key),
      logsRead: (track) => this.#logsTaken(track, logSink),
    };
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

  /** Resolves when everybody who wants the log of a finished pod has it. */
  async #logsTaken(track: PodTrack, sink: LogSink | undefined): Promise<void> {
    const { seen, launch, task } = track;
    const parts = { client: this.#client, clock: this.clock, logger: this.logger };
    await Promise.all([
      this.#logs.read(track),
      sink === undefined || seen === undefined
        ? undefined
        : drainLogs(sink, { key: task.key, launch, pod: seen }, parts),
    ]);
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
