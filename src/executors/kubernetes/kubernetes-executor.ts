/**
 * Runs each task as a pod. The parts: the generator makes the pod, the launcher creates it once, the watcher shows what becomes of it,
 * the heart (`lifecycle/`) decides, and this class ties them to the executor contract.
 */
import { type ResolvedKubernetesConfig, resolveKubernetesConfig } from '../../config/kubernetes-config.js';
import { durationMs } from '../../core/duration.js';
import { linkedAbort } from '../../core/linked-abort.js';
import type { LogLine, QueuedTask, RunLogOptions, Workload } from '../../core/outcome.js';
import { type Random, randomText, systemRandom } from '../../core/random.js';
import { redactAll } from '../../core/redact.js';
import { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput, taskInstanceKey } from '../../core/task-key.js';
import { waitWithin } from '../../core/within.js';
import { ConfigError, LifecycleError, TimeoutError } from '../../errors.js';
import type { Namespaces } from '../../kube/each-pod.js';
import type { KubeClient } from '../../kube/kube-client.js';
import type { NeededVerb } from '../../launch/pod-remover.js';
import { rendezvousOwner } from '../../lease/rendezvous.js';
import { type LifecyclePolicy, NOTHING_SPENT } from '../../lifecycle/policy.js';
import { makeSafeLabelValue } from '../../pod/names.js';
import type { RenderedPod, RenderOptions } from '../../pod/pod-generator.js';
import { redactManifest } from '../../pod/redact-manifest.js';
import type { WatchStatus } from '../../watch/watcher.js';
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { BaseExecutor } from '../base-executor.js';
import type { CancelOptions, CancelResult, TaskLog } from '../executor.js';
import { checkWorkload } from '../workload.js';
import { watchedNamespaces } from './executor-defaults.js';
import type { ExecutorLease } from './executor-lease.js';
import { type ExecutorParts, executorParts } from './executor-parts.js';
import { IncidentLog } from './incident-log.js';
import { incidentRules, type KubernetesExecutorOptions, lifecycleSettings } from './kubernetes-options.js';
import { resolveLease } from './lease-options.js';
import type { LifecycleReports } from './lifecycle-reports.js';
import { drainLogs, LOG_SINK_LIMIT_MS, type LogSink } from './log-sink.js';
import type { ExecutorPeer } from './peers.js';
import { type PendingReason, pendingInQueue, pendingOf } from './pending.js';
import { PodTrack } from './pod-track.js';
import type { TakenLease } from './taken-lease.js';

/** Limit for cleanups under way when the executor closes. */
const CLOSE_LIMIT_MS = 10_000;
const WATCHER_LIMIT_MS = 2_000;

/** See the module's text. */
export class KubernetesExecutor extends BaseExecutor {
  /** Identity over restarts. */
  readonly executorId: string;
  readonly #config: ResolvedKubernetesConfig;
  readonly #parts: ExecutorParts;
  readonly #policy: LifecyclePolicy;
  readonly #label: string;
  readonly #stop = new AbortController();
  readonly #hasLogSink: boolean;
  readonly #incidents: IncidentLog | undefined;
  /** Aborts with the term of the lease. */
  #term = linkedAbort(this.#stop.signal);
  #following: Promise<void> | undefined;
  /** Whether it has started, and whoever started it has had the chance to listen. */
  #isOpen = false;
  readonly #secretPatterns: readonly RegExp[] | undefined;
  #isStopping = false;
  #membersToTell: readonly string[] | undefined;

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
    this.#config = resolveKubernetesConfig(options.config);
    const lease = resolveLease(options.lease, this.#config, options.kubeClient);
    const lifecycle = lifecycleSettings(options, this.#config);
    this.#policy = lifecycle.policy;
    this.executorId = options.executorId ?? `podwright-${randomText(random, 8)}`;
    this.#label = makeSafeLabelValue(this.executorId);
    this.#hasLogSink = options.logSink !== undefined;
    this.#secretPatterns = options.secretPatterns;
    this.#incidents = this.#incidentLog(options);
    this.#parts = executorParts(
      {
        options,
        config: this.#config,
        lifecycle,
        lease,
        executorId: this.executorId,
        executorLabel: this.#label,
        clock: this.clock,
        random,
        logger: this.logger,
        incidents: this.#incidents,
      },
      {
        adoptFrom: (label, taken) => this.#adoptFrom(label, taken),
        onHeld: () => this.#regain(),
        onLost: (holder) => this.#letGo(holder),
        onMembers: (members) => this.#tellMembers(members),
        isOpen: () => this.#isOpen,
        isOurs: (pod) => this.#isOurs(pod),
        onForbidden: (verb, namespace, message) => this.#noticeForbidden(verb, namespace, message),
        handOver: (task, why) => this.#handOver(task, why),
        occupySlot: (key) => this.occupySlot(key),
        isLeft: (key) => this.#isStopping && !this.knows(key),
        adopt: (found, hasEnded) => {
          const task = this.adopt(found, { hasEnded });
          return task === undefined ? undefined : { id: this.idOf(task), task };
        },
        reports: this.#reports(options),
      },
    );
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
    const track = this.#parts.tracks.get(keyToString(key));
    if (track !== undefined) return redactAll(pendingOf(track, this.clock.monotonic()), this.#secretPatterns);
    const wait = this.queueWait(key);
    return wait === undefined ? undefined : pendingInQueue(wait.sinceMs, wait.limitMs);
  }

  /** The other executors of its group, as far as their leases tell; empty without `lease`. */
  peers(): ExecutorPeer[] {
    return this.#parts.lease?.peers.list() ?? [];
  }

  /**
   * Whether a task falls to this executor when the living ones of its group share the tasks out among themselves (rendezvous hashing over their
   * ids). When one comes or goes, `members` is emitted, and only the tasks that fell to it change hands. Two hosts may disagree for a
   * moment; a task that both hand over runs once all the same.
   */
  isMine(key: TaskInstanceKeyInput): boolean {
    const members = this.#parts.lease?.peers.members ?? [this.executorId];
    return rendezvousOwner(keyToString(key), members) === this.executorId;
  }

  /**
   * What was seen and decided of a task that is live, or has failed lately, as the lines of an incident file; `undefined` without `incidents`, or where
   * nothing is kept of it.
   */
  incident(key: TaskInstanceKeyInput): string | undefined {
    return this.#incidents?.read(key);
  }

  /** How the watch over this executor's pods is doing. */
  watchStatus(): WatchStatus {
    return this.#parts.watcher.status();
  }

  /**
   * The pod that a task would run as, without creating anything; values that look like secrets are hidden unless asked for. With `explain`,
   * also which layer set each field.
   * @throws InvalidWorkloadError, PodTemplateError where no pod can be made of it.
   */
  render(workload: Workload, options: RenderOptions = {}): RenderedPod {
    const task = checkWorkload(workload);
    const context = options.context ?? { launch: 1, spent: NOTHING_SPENT, executorId: this.executorId };
    if (this.#parts.generator.render !== undefined) return this.#parts.generator.render(task, { ...options, context });
    const pod = this.#parts.generator.generate(task, context);
    return { manifest: options.showSecrets === true ? pod : redactManifest(pod), provenance: {} };
  }

  /** Stops without touching pods, for a rolling deploy: the next executor of the same id takes over. Resolves with the tasks left running. */
  detach(): Promise<TaskInstanceKey[]> {
    const left = this.abandon();
    // Nobody hears of their ends here any more, so nothing may be cleaned up as if somebody had.
    for (const track of this.#parts.tracks.all()) this.#abandon(track);
    return left;
  }

  override async adoptLaunchedTask(key: TaskInstanceKeyInput): Promise<boolean> {
    return (await this.tryAdoptTaskInstances([key])).length === 0;
  }

  override async tryAdoptTaskInstances(keys: readonly TaskInstanceKeyInput[]): Promise<TaskInstanceKey[]> {
    const wanted = new Map(keys.map((key) => [keyToString(key), taskInstanceKey(key)]));
    for (const id of wanted.keys()) if (this.#parts.tracks.get(id) !== undefined) wanted.delete(id);
    if (wanted.size === 0) return [];
    return this.#parts.intake.takeOver(wanted, this.#namespaces());
  }

  /**
   * Of tasks that the host holds as queued, those of which there is no pod and nothing under way here: they were never launched, or nothing is left of
   * them, and can be queued again (Airflow's name for it). What runs, or has ended and waits to be told, is left out.
   * @throws KubeApiError where pods cannot be listed.
   */
  async clearNotLaunchedQueuedTasks(keys: readonly TaskInstanceKeyInput[]): Promise<TaskInstanceKey[]> {
    const wanted = new Map(keys.map((key) => [keyToString(key), taskInstanceKey(key)]));
    for (const id of wanted.keys()) if (this.hasTask(wanted.get(id) as TaskInstanceKey)) wanted.delete(id);
    return wanted.size === 0 ? [] : this.#parts.intake.withoutPod(wanted, this.#namespaces());
  }

  /**
   * Takes over pods that have ended and whose executor is no more, so that their outcomes are told. With `lease` this happens by itself; without, every
   * other executor counts as gone, so call it only where that is so.
   * @returns the tasks whose pods are this executor's now.
   * @throws KubeApiError where pods cannot be listed.
   */
  adoptCompletedPods(): Promise<TaskInstanceKey[]> {
    return this.#parts.intake.adoptCompleted(this.#namespaces());
  }

  override getTaskLog(key: TaskInstanceKeyInput): Promise<TaskLog> {
    return this.#parts.logs.getTaskLog(taskInstanceKey(key), this.#namespaces());
  }

  protected override readLog(task: QueuedTask, options: RunLogOptions): AsyncIterable<LogLine> {
    return this.#parts.logs.follow(task, options, this.getRun(task.key)?.outcome);
  }

  protected override validate(task: QueuedTask): void {
    this.#parts.generator.validate?.(task);
  }

  protected override async onStart(): Promise<void> {
    if (this.#stop.signal.aborted) throw new LifecycleError('ERR_PODWRIGHT_CLOSED', 'start()');
    await this.#parts.lease?.start(this.#stop.signal);
    await new Promise<void>((resolve) => {
      const finish = () => {
        cancelLimit();
        this.#stop.signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancelLimit = this.clock.schedule(this.#config.syncTimeoutMs, finish);
      this.#stop.signal.addEventListener('abort', finish, { once: true });
      // Of several namespaces each has a list of its own.
      this.#following = this.#follow(() => {
        if (this.#parts.watcher.status().synced) finish();
      });
    });
    if (this.#stop.signal.aborted) throw new LifecycleError('ERR_PODWRIGHT_CLOSED', 'start()');
    const status = this.#parts.watcher.status();
    if (status.synced) {
      // Whoever waits for the start can then listen first.
      this.clock.schedule(0, () => this.#open());
      return;
    }
    this.#stop.abort();
    this.#abandonAll('The executor could not start');
    await this.#parts.remover.settled(0);
    await this.#parts.lease?.stop({ remove: false });
    throw new TimeoutError(
      `The pods of namespace ${this.#config.namespace} could not be listed within ${this.#config.syncTimeoutMs} ms`,
      {
        cause: status.lastError,
        hint: status.lastError ?? 'Check that the API server can be reached and that the host may list and watch pods.',
      },
    );
  }

  protected override onClaimed(task: QueuedTask): void {
    this.#parts.tracks.get(keyToString(task.key))?.claim(task, this.#policy);
  }

  /** A task is stopped by its track; only a launch of a subclass may listen. */
  protected override get usesSignal(): boolean {
    return this.launch !== KubernetesExecutor.prototype.launch;
  }

  protected override launch(task: QueuedTask): Promise<void> {
    this.#open();
    const track = new PodTrack(this.idOf(task), task, this.#policy);
    this.#parts.tracks.add(track);
    return this.#parts.lifecycle.launch(track);
  }

  protected override async canRevoke(task: QueuedTask): Promise<boolean> {
    const track = this.#parts.tracks.get(keyToString(task.key));
    return track === undefined || this.#parts.lifecycle.endUnstarted(track);
  }

  protected override async onCancel(task: QueuedTask, { grace }: CancelOptions): Promise<CancelResult> {
    const track = this.#parts.tracks.get(keyToString(task.key));
    if (track === undefined) return { observed: 'finished', forced: false };
    return this.#parts.stopper.stop(
      track,
      grace === undefined ? undefined : Math.ceil(durationMs(grace, 'grace') / 1_000),
    );
  }

  protected override onEnding({ isStopping }: { readonly isStopping: boolean }): void {
    this.#isStopping ||= isStopping;
    this.#parts.lease?.takeOnLess(isStopping);
  }

  protected override async onClose({ isDetached }: { readonly isDetached: boolean }): Promise<void> {
    for (const track of this.#parts.tracks.all()) this.#parts.lifecycle.cancelAlarm(track);
    const limitMs = this.#hasLogSink ? LOG_SINK_LIMIT_MS + CLOSE_LIMIT_MS : CLOSE_LIMIT_MS;
    await waitWithin(this.clock, limitMs, this.#parts.delivery.closed({ isWaitedFor: !isDetached }));
    // A takeover that was under way has ended by now, or its pods are not ours yet.
    if (this.#parts.lease !== undefined) await waitWithin(this.clock, CLOSE_LIMIT_MS, this.#parts.lease.peers.close());
    // What it makes up for may be marked only now, and is to be kept or released like the rest.
    if (!isDetached && this.#parts.remover.owes) await waitWithin(this.clock, CLOSE_LIMIT_MS, this.#madeUp());
    // Of what is left the others hear when the lease has run out.
    const isWorkDone = !isDetached && (await this.#isWorkDone());
    this.#parts.delivery.close();
    // A name is held for those who may wait for it; where nobody else is, none needs to be held any more.
    if (!isDetached && this.#parts.lease !== undefined) {
      let hasHeirs = await this.#parts.lease.hasHeirs(CLOSE_LIMIT_MS);
      // Nobody would clear away what is left by one that does not look by itself.
      if (hasHeirs && !this.#parts.lease.followsOthers) {
        await this.#parts.keeper.namesFreed();
        hasHeirs = false;
      }
      await this.#parts.keeper.leaveNames(CLOSE_LIMIT_MS, { isReleased: !hasHeirs });
    }
    const isAllDone =
      isWorkDone &&
      ((this.#parts.keeper.isIdle && !this.#parts.remover.owes) || this.#parts.lease?.followsOthers !== true);
    this.#parts.keeper.close();
    await this.#parts.remover.settled(CLOSE_LIMIT_MS);
    await this.#incidents?.settled();
    this.#stop.abort();
    // What the end of a takeover has brought in is for whoever comes next.
    for (const track of this.#parts.tracks.all()) this.#abandon(track);
    await this.#parts.lease?.stop({ remove: isAllDone });
    // A watcher of the host's own may not heed the signal; the executor ends all the same.
    if (this.#following !== undefined) await waitWithin(this.clock, WATCHER_LIMIT_MS, this.#following);
  }

  /** Whether there is no task that others would have to see to. */
  async #isWorkDone(): Promise<boolean> {
    if (!this.#parts.delivery.isIdle || this.#parts.tracks.all().length > 0) return false;
    if ((await waitWithin(this.clock, CLOSE_LIMIT_MS, this.#parts.stopper.hasLeftWork())) !== false) return false;
    const { lease, intake } = this.#parts;
    if (lease?.mayHaveLatePods) return false;
    const mayHaveMore = lease !== undefined && (lease.mayHaveMore || intake.hasLeftPods);
    return !mayHaveMore || (await this.#hasNoPods(lease));
  }

  /** Whether the server knows no pod of ours; what is still on its way to it may make one ours. */
  async #hasNoPods({ peers }: ExecutorLease): Promise<boolean> {
    const hasPods = this.#parts.intake.hasPods(this.#namespaces()).catch(() => true);
    return peers.isIdle && (await waitWithin(this.clock, CLOSE_LIMIT_MS, hasPods)) === false;
  }

  /** Follows the pods; with a lease, for each of its terms anew, since others may have had them in between. */
  async #follow(onSynced: () => void): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#parts.lease?.holder.confirm().catch(() => {});
      if (signal.aborted) return;
      // What a former term could not clean up is left to this one.
      void this.#parts.keeper.resumeUntilDone(signal);
      await this.#parts.intake.follow(this.#parts.watcher, onSynced, this.#term.signal);
    }
  }

  /** Nothing of a task is kept here any more; another executor has it, or may have it. */
  #handOver({ key }: QueuedTask, why: string): void {
    this.#incidents?.forget(keyToString(key));
    this.handOver(key, why);
  }

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    if (this.#membersToTell !== undefined) this.#tellMembers(this.#membersToTell);
    this.#regain();
  }

  #tellMembers(members: readonly string[]): void {
    if (this.#isOpen) this.emit('members', { at: this.clock.now(), executor: this.name, members });
    else this.#membersToTell = members;
  }

  /** A doubt is over, or a new term has begun. */
  #regain(): void {
    this.#parts.intake.decide();
    this.kick();
  }

  /** The lease is somebody else's: whatever is under way may be theirs by now. It ends here, without a word about the tasks. */
  #letGo(holder: string): void {
    this.#term.unlink();
    this.#term.abort();
    this.#term = linkedAbort(this.#stop.signal);
    this.#parts.stopper.forgetLeftWork();
    if (this.#parts.tracks.all().some((track) => track.seen === undefined)) this.#parts.lease?.leaveUnseen();
    const keys = this.#abandonAll('The lease of this executor was lost, and another one may have the task');
    this.emit('lease:lost', { at: this.clock.now(), executor: this.name, holder, keys });
  }

  /** Lets go of all tasks without a word; their pods stay as they are. */
  #abandonAll(why: string): TaskInstanceKey[] {
    return this.#parts.tracks.all().map((track) => {
      this.#abandon(track);
      this.#parts.tracks.forget(track);
      this.#handOver(track.task, why);
      return track.task.key;
    });
  }

  /** Does nothing more about a task: its launch creates no pod, and its pod stays as it is. */
  #abandon(track: PodTrack): void {
    track.isAbandoned = true;
    this.#parts.lifecycle.cancelAlarm(track);
    track.abort.abort();
  }

  async #madeUp(): Promise<void> {
    await this.#parts.remover.makeUp();
    await this.#parts.delivery.closed({ isWaitedFor: false });
  }

  /** Whether a pod is ours to remove; what only holds its name may be removed by anybody. */
  #isOurs({ metadata }: Pod): boolean {
    return (
      metadata?.labels?.[LABELS.executorId] === this.#label ||
      metadata?.annotations?.[ANNOTATIONS.holdsName] !== undefined
    );
  }

  async #adoptFrom(label: string, lease: TakenLease): Promise<boolean> {
    const isComplete = await this.#parts.intake.adoptFrom(label, this.#namespaces(), lease);
    let isResumed = false;
    try {
      isResumed = await this.#parts.keeper.resume(label, this.#stop.signal, lease);
    } finally {
      // Of what was made ours the answers may be lost.
      if (!isResumed) void this.#parts.keeper.resume(this.#label, this.#stop.signal);
    }
    return isComplete && isResumed && (await this.#parts.secrets.takeOver(label, this.#namespaces(), lease));
  }

  #reports({ logSink, isStillWanted = () => true }: KubernetesExecutorOptions): LifecycleReports {
    return {
      seen: (track) => this.#parts.logs.seen(track),
      launching: () => {},
      observed: () => {},
      ending: () => {},
      vanished: () => {},
      running: ({ task, podId }) => void this.changeState(task.key, 'running', podId),
      warning: ({ task }, warning) => void this.emit('task:warning', { ...this.eventBase(task), warning }),
      pending: ({ task }, reason) => void this.emit('task:pending', { ...this.eventBase(task), reason }),
      relaunch: ({ task, launch }, verdict) => {
        this.occupySlot(task.key);
        this.emit('task:relaunch', { ...this.eventBase(task), verdict, launch: launch + 1 });
      },
      success: ({ task }, details) => void this.success(task.key, details),
      fail: ({ task }, verdict, details) => void this.fail(task.key, verdict, details),
      isRevoked: (task) => this.isRevoked(task.key),
      isStillWanted: (task) => isStillWanted(task.key),
      logsRead: (track) => this.#logsTaken(track, logSink),
    };
  }

  #incidentLog(options: KubernetesExecutorOptions): IncidentLog | undefined {
    const { incidents, secretPatterns } = options;
    if (incidents === undefined) return undefined;
    return new IncidentLog({
      incidents,
      secretPatterns,
      clock: this.clock,
      logger: this.logger,
      executor: this.name,
      rules: incidentRules(options),
      onFailure: (message) =>
        void this.emit('notice', { at: this.clock.now(), message, hint: 'Check the folder and its rights.' }),
    });
  }

  #namespaces(): Namespaces {
    return watchedNamespaces(this.#config) ?? [undefined];
  }

  /** Resolves when everybody who wants the log of a finished pod has it. */
  async #logsTaken(track: PodTrack, sink: LogSink | undefined): Promise<void> {
    const { seen, launch, task } = track;
    const parts = { client: this.#parts.client, clock: this.clock, logger: this.logger };
    await Promise.all([
      this.#parts.logs.read(track),
      sink === undefined || seen === undefined
        ? undefined
        : drainLogs(sink, { key: task.key, launch, pod: seen }, parts),
    ]);
  }

  #noticeForbidden(verb: NeededVerb, namespace: string, message: string): void {
    this.emit('notice', {
      at: this.clock.now(),
      message: `Finished pods cannot be cleaned up: ${message}`,
      hint: `Give the host's service account the verb ${verb} on pods in namespace ${namespace}, or see which policy or webhook denies it; they are cleaned up within a minute of that.`,
    });
  }
}
