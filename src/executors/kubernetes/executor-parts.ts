/** Makes the parts of a Kubernetes executor and ties them to each other; what only the executor itself can do they reach by its hooks. */
import type { ResolvedKubernetesConfig } from '../../config/kubernetes-config.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { QueuedTask } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { PodLauncher } from '../../launch/pod-launcher.js';
import { PodRemover, type PodRemoverOptions } from '../../launch/pod-remover.js';
import { PodSecrets } from '../../launch/pod-secrets.js';
import { fencedClient } from '../../lease/fenced-client.js';
import type { PodGenerator } from '../../pod/pod-generator.js';
import type { Watcher } from '../../watch/watcher.js';
import { withCleanTexts } from './clean-reports.js';
import { defaultGenerator, defaultWatcher, watchedNamespaces } from './executor-defaults.js';
import { ExecutorLease, type ExecutorLeaseOptions } from './executor-lease.js';
import type { IncidentLog } from './incident-log.js';
import { withIncidents } from './incident-reports.js';
import type { KubernetesExecutorOptions, LifecycleSettings } from './kubernetes-options.js';
import type { ResolvedLease } from './lease-options.js';
import type { LifecycleReports } from './lifecycle-reports.js';
import { PodDelivery } from './pod-delivery.js';
import { PodEnder } from './pod-ender.js';
import { PodIntake, type PodIntakeOptions } from './pod-intake.js';
import { PodKeeper } from './pod-keeper.js';
import { PodLifecycle } from './pod-lifecycle.js';
import { PodLogs } from './pod-logs.js';
import { PodStopper } from './pod-stopper.js';
import { PodTrackTable } from './pod-track.js';

/** What an executor is made of: its options, and what was read out of them. */
export interface ExecutorSettings {
  readonly options: KubernetesExecutorOptions;
  readonly config: ResolvedKubernetesConfig;
  readonly lifecycle: LifecycleSettings;
  readonly lease: ResolvedLease | undefined;
  readonly executorId: string;
  /** Value of the label that carries the executor's id. */
  readonly executorLabel: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly incidents: IncidentLog | undefined;
}

/** What the parts tell the executor, and ask of it. */
export interface ExecutorHooks
  extends Pick<ExecutorLeaseOptions, 'adoptFrom' | 'onHeld' | 'onLost' | 'onMembers'>,
    Pick<PodIntakeOptions, 'adopt' | 'isLeft' | 'occupySlot'> {
  /** Whether anybody can hear of what is decided. */
  readonly isOpen: () => boolean;
  /** Whether a pod is this executor's to remove; asked where there is a lease. */
  readonly isOurs: NonNullable<PodRemoverOptions['isOurs']>;
  /** Told that a right for cleaning up is missing. */
  readonly onForbidden: PodRemoverOptions['onForbidden'];
  /** Lets go of a task that another executor has, or may have. */
  readonly handOver: (task: QueuedTask, why: string) => void;
  /** What is told of tasks, with the logs that are to be read before a pod goes. */
  readonly reports: LifecycleReports;
}

/** See the module's text. */
export interface ExecutorParts {
  readonly client: KubeClient;
  readonly generator: PodGenerator;
  readonly watcher: Watcher;
  readonly tracks: PodTrackTable;
  readonly lease: ExecutorLease | undefined;
  readonly logs: PodLogs;
  readonly remover: PodRemover;
  readonly secrets: PodSecrets;
  readonly keeper: PodKeeper;
  readonly delivery: PodDelivery;
  readonly lifecycle: PodLifecycle;
  readonly stopper: PodStopper;
  readonly intake: PodIntake;
}

/** Makes the parts. @throws ConfigError, PodTemplateError */
export function executorParts(settings: ExecutorSettings, hooks: ExecutorHooks): ExecutorParts {
  const { options, config, executorId, executorLabel, clock, random, logger, incidents } = settings;
  const { policy, retry, nodeLostFenceMs, deletesOnSuccess, deletesOnFailure, keep } = settings.lifecycle;
  const { handOver, occupySlot, adopt, isLeft, isOpen } = hooks;
  const lease = leaseOf(settings, hooks);
  const fence = lease?.holder;
  const holdNamesMs = settings.lease?.holdNamesMs;
  const isNameShared = lease !== undefined;
  const isManuallyAcknowledged = options.acknowledge === 'manual';
  const mayBeAlive = async (label: string, isRepeated = false) =>
    (await lease?.peers.mayBeAlive(label, isRepeated)) ?? false;
  const client = fence === undefined ? options.kubeClient : fencedClient(options.kubeClient, fence);
  const generator = options.podGenerator ?? defaultGenerator(options, config);
  const watcher = options.watcher ?? defaultWatcher(options, config, executorLabel, { clock, random, logger });
  const tracks = new PodTrackTable();
  const shared = { client, clock, random, logger, tracks, executorLabel };
  const logs = new PodLogs(shared);
  const isOurs = fence === undefined ? undefined : hooks.isOurs;
  const remover = new PodRemover({ ...shared, concurrency: 8, isOurs, onForbidden: hooks.onForbidden });
  const patience = { maxRetries: config.taskPublishMaxRetries, quotaTimeoutMs: config.quotaTimeoutMs };
  const launcher = new PodLauncher({
    ...shared,
    ...patience,
    concurrency: config.podCreationConcurrency,
    // One that is sent later than names are held could come after the outcome that another executor has told.
    createTimeoutMs: holdNamesMs,
    isNameShared,
  });
  const secrets = new PodSecrets({ ...shared, ...patience, launcher, isNameShared });
  const namespaces = watchedNamespaces(config) ?? [undefined];
  const keeper = new PodKeeper({ ...shared, remover, limits: keep, holdNamesMs, namespaces });
  const gracePeriodSeconds = config.terminationGracePeriodSeconds;
  const ender = new PodEnder({ ...shared, remover, gracePeriodSeconds, nodeLostFenceMs });
  const noted = incidents === undefined ? hooks.reports : withIncidents(hooks.reports, incidents);
  const reports = withCleanTexts(noted, options.secretPatterns);
  const delivery = new PodDelivery({
    reports,
    launcher,
    remover,
    keeper,
    tracks,
    isManuallyAcknowledged,
    deletesOnSuccess,
    deletesOnFailure,
    gracePeriodSeconds,
    holdNamesMs,
  });
  const lifecycle = new PodLifecycle({
    ...shared,
    reports,
    generator,
    launcher,
    secrets,
    remover,
    policy,
    retry,
    ender,
    delivery,
    executorId,
    tracksWithFinalizer: (options.trackWithFinalizer ?? false) || fence !== undefined,
    fence,
    holdNamesMs,
    mayBeAlive,
    isOpen,
    namespaces: options.watcher === undefined ? watchedNamespaces(config) : undefined,
  });
  const stopper = new PodStopper({
    ...shared,
    // What was asked for is no incident.
    reports: hooks.reports,
    lifecycle,
    ender,
    delivery,
    remover,
    lease,
    isManuallyAcknowledged,
    handOver,
    forget: (track) => incidents?.forget(track.id),
  });
  const intake = new PodIntake({
    ...shared,
    lifecycle,
    remover,
    delivery,
    policy,
    isNameShared,
    mayBeAlive,
    occupySlot,
    isStranger: async (label) => (await lease?.peers.isStranger(label)) ?? false,
    adopt,
    isLeft,
    handOver,
  });
  return {
    client,
    generator,
    watcher,
    tracks,
    lease,
    logs,
    remover,
    secrets,
    keeper,
    delivery,
    lifecycle,
    stopper,
    intake,
  };
}

function leaseOf(settings: ExecutorSettings, hooks: ExecutorHooks): ExecutorLease | undefined {
  const { options, config, lease, executorId, executorLabel, clock, random, logger } = settings;
  if (lease === undefined) return undefined;
  const { adoptFrom, onHeld, onLost, onMembers } = hooks;
  return new ExecutorLease({
    client: options.kubeClient,
    clock,
    random,
    logger,
    executorId,
    executorLabel,
    lease,
    namespaces: watchedNamespaces(config),
    adoptFrom,
    onHeld,
    onLost,
    onMembers,
  });
}
