/** One pod as one step, from any host: the executor's launcher, lifecycle, verdicts and retries for a single task. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../core/clock.js';
import type { Duration } from '../core/duration.js';
import { silentLogger } from '../core/logger.js';
import type { LogLine, Outcome, TaskRun, Workload } from '../core/outcome.js';
import { keyToString, type TaskInstanceKey, taskInstanceKey } from '../core/task-key.js';
import { waitWithin } from '../core/within.js';
import { ConfigError } from '../errors.js';
import { KubernetesExecutor } from '../executors/kubernetes/kubernetes-executor.js';
import type { LogSource } from '../executors/kubernetes/log-sink.js';
import type { ConnectOptions } from '../kube/connect.js';
import type { KubeClient } from '../kube/kube-client.js';
import { NOTHING_SPENT } from '../lifecycle/policy.js';
import { shortHash } from '../pod/names.js';
import { redactManifest } from '../pod/redact-manifest.js';
import type { Pod } from '../wire/types.js';
import { PodFailedError } from './operator-errors.js';
import type { AirflowPodOperatorOptions, PodOperatorOptions } from './operator-options.js';
import { executorConfigOf, OperatorPodGenerator } from './operator-pod.js';
import { compileSchema, isResultLine, parseResult } from './pod-result.js';
import { type ResolvedOperator, readOperatorOptions } from './read-options.js';

/** What a step is part of. The same context is the same step: its pod is found again after a restart. */
export interface OperatorContext {
  /** Workflow. @default 'podwright' */
  readonly dagId?: string | undefined;
  /** Step. @default the operator's `taskId` */
  readonly taskId?: string | undefined;
  /** Run of the workflow. @default a random one, so that each call makes a new pod */
  readonly runId?: string | undefined;
  /** The host's attempt, from 1. @default 1 */
  readonly tryNumber?: number | undefined;
  /** Index of a mapped step. @default -1 */
  readonly mapIndex?: number | undefined;
}

/** Options of {@link KubernetesPodOperator.execute}. */
export interface ExecuteOptions {
  /** What the step is part of. */
  readonly context?: OperatorContext | undefined;
  /** Ends the pod and then the call, which rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** How a step ended that did not fail. */
export interface PodOperatorResult {
  /** `skipped` where the exit code was one of `skipOnExitCode`. */
  readonly state: 'success' | 'skipped';
  /** The pod, as `namespace/name`. */
  readonly pod: string | undefined;
  /** Exit code of the base container. */
  readonly exitCode: number | undefined;
  /** What the pod left, where `result` was asked for: parsed JSON, or a text. */
  readonly result: unknown;
  /** Pods that were made for it. */
  readonly launches: number;
  /** Oddities that did not decide. */
  readonly warnings: readonly string[];
  /** The whole end of the try. */
  readonly outcome: Outcome;
}

const LOG_END_LIMIT_MS = 10_000;

/**
 * Runs one pod and waits for its end.
 * @example
 * const operator = new KubernetesPodOperator({ image: 'ubuntu:24.04', cmds: ['bash', '-c'], arguments: ['echo 10'], name: 'echo' });
 * const { exitCode } = await operator.execute({ context: { dagId: 'example', runId: '2026-01-01' } });
 */
export class KubernetesPodOperator {
  readonly #resolved: ResolvedOperator;
  readonly #generator: OperatorPodGenerator;
  readonly #baseContainer: string;

  /** @throws ConfigError, PodTemplateError */
  constructor(options: PodOperatorOptions & AirflowPodOperatorOptions) {
    this.#resolved = readOperatorOptions(options);
    this.#generator = new OperatorPodGenerator(this.#resolved);
    this.#baseContainer = this.#resolved.options.baseContainerName ?? 'base';
  }

  /** Name of the step. */
  get taskId(): string {
    return this.#resolved.options.taskId ?? this.#resolved.options.name ?? 'pod';
  }

  /**
   * The pod that `execute` would send, with values that look like secrets hidden.
   * @throws InvalidPodError, InvalidWorkloadError
   */
  render(context: OperatorContext = {}): Pod {
    const { key, ...workload } = this.#workload(this.#keyOf({ runId: 'render', ...context }));
    const task = { ...workload, key: taskInstanceKey(key), queue: undefined, priority: 0, timeouts: undefined };
    const launch = { launch: 1, spent: NOTHING_SPENT, executorId: 'render' };
    return redactManifest(this.#generator.generate({ ...task, executorConfig: workload.executorConfig }, launch));
  }

  /**
   * Makes the pod, or takes up the one that a former process has made for the same context, and waits for its end.
   * @throws PodFailedError where it failed; the verdict says why.
   * @throws PodResultError where it succeeded and its result is missing or wrong.
   * @throws InvalidPodError, InvalidWorkloadError where no valid pod can be made. Nothing was sent.
   * @throws KubeConfigError, TimeoutError where the cluster cannot be reached.
   * Rejects with `signal.reason` once the pod has been ended.
   */
  async execute({ context = {}, signal }: ExecuteOptions = {}): Promise<PodOperatorResult> {
    signal?.throwIfAborted();
    const key = this.#keyOf(context);
    const validate = await compileSchema(this.#resolved.result?.schema);
    const { client, close } = await this.#connect();
    try {
      let resultLine: string | undefined;
      const executor = this.#executor(client, key, (line) => {
        resultLine = line;
      });
      const outcome = await this.#run(key, executor, signal);
      return this.#resultOf(outcome, resultLine, validate);
    } finally {
      await close();
    }
  }

  #keyOf(context: OperatorContext): TaskInstanceKey {
    if (typeof context !== 'object' || context === null)
      throw new ConfigError([{ field: 'context', value: context, rule: 'must be an object such as {dagId, runId}' }], {
        subject: 'execution',
      });
    const { dagId = 'podwright', taskId = this.taskId, runId = randomUUID(), ...rest } = context;
    const { reattachOnRestart = true } = this.#resolved.options;
    return taskInstanceKey({ ...rest, dagId, taskId, runId: reattachOnRestart ? runId : `${runId}.${randomUUID()}` });
  }

  async #connect(): Promise<{ client: KubeClient; close: () => Promise<void> }> {
    const { kubeClient, inCluster, configFile, clusterContext, clock, logger } = this.#resolved.options;
    if (kubeClient !== undefined) return { client: kubeClient, close: async () => {} };
    const { HttpKubeClient } = await import('../kube/http-kube-client.js');
    const source: ConnectOptions['source'] =
      inCluster === undefined
        ? (configFile ?? clusterContext) === undefined
          ? 'any'
          : 'kubeconfig'
        : inCluster
          ? 'in-cluster'
          : 'kubeconfig';
    const client = await HttpKubeClient.connect({
      source,
      kubeconfig: configFile,
      context: clusterContext,
      clock,
      logger,
    });
    return { client, close: () => client.close() };
  }

  #executor(kubeClient: KubeClient, key: TaskInstanceKey, onResultLine: (line: string) => void): KubernetesExecutor {
    const { options, result } = this.#resolved;
    const { clock, random, logger, retry, onFinishAction = 'delete_pod', deferrable = false, getLogs = true } = options;
    // A whole log is taken before the pod goes; a log that is followed needs no second reading unless it may carry the result.
    const wantsSink = result?.from === 'log' || (deferrable && getLogs);
    const onLog = deferrable && getLogs ? this.#onLog() : () => {};
    const logSink = async ({ container }: LogSource, lines: AsyncIterable<LogLine>) => {
      if (container !== this.#baseContainer) return;
      for await (const line of lines) {
        if (isResultLine(line.text)) onResultLine(line.text);
        onLog(line);
      }
    };
    return new KubernetesExecutor({
      kubeClient,
      clock,
      random,
      logger,
      retry,
      drive: 'self',
      parallelism: 1,
      name: 'KubernetesPodOperator',
      // The same step has the same identity in every process, so that its watch shows the pod of a former one.
      executorId: `operator-${shortHash(keyToString(key), 20)}`,
      podGenerator: this.#generator,
      config: {
        namespace: this.#namespace(),
        deleteWorkerPods: onFinishAction !== 'keep_pod',
        deleteWorkerPodsOnFailure: onFinishAction === 'delete_pod',
      },
      ...(wantsSink ? { logSink } : {}),
    });
  }

  /** The namespace of the finished pod, wherever it comes from. */
  #namespace(): string {
    return this.render().metadata?.namespace ?? 'default';
  }

  #onLog(): (line: LogLine) => void {
    const { onLog, logger = silentLogger } = this.#resolved.options;
    return onLog ?? ((line) => logger.info({ container: line.source, line: line.text }, 'log of the pod'));
  }

  #workload(key: TaskInstanceKey): Workload {
    const { options } = this.#resolved;
    const command = [...(options.cmds ?? []), ...(options.arguments ?? [])];
    const startup = options.startupTimeout;
    return {
      key,
      // The generator puts the operator's own in; this is what the executor tells of the task.
      command: command.length > 0 && command[0] !== '' ? command : ['entrypoint'],
      executorConfig: executorConfigOf(options, this.#baseContainer),
      timeouts: {
        ...(startup === undefined ? {} : { unschedulable: startup, pulling: startup, starting: startup }),
        ...(options.executionTimeout === undefined ? {} : { running: options.executionTimeout }),
      },
    };
  }

  /** Runs the task to its end, and ends the executor in any case. */
  async #run(key: TaskInstanceKey, executor: KubernetesExecutor, signal: AbortSignal | undefined): Promise<Outcome> {
    const { deferrable = false, getLogs = true } = this.#resolved.options;
    const stop = new AbortController();
    let onAbort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    aborted.catch(() => {});
    try {
      const starting = executor.start();
      starting.catch(() => {});
      await Promise.race([starting, aborted]);
      const run = executor.queueTask(this.#workload(key));
      const logs = getLogs && !deferrable ? this.#follow(run, stop.signal) : Promise.resolve();
      const outcome = await Promise.race([run.outcome, aborted]);
      await waitWithin(this.#resolved.options.clock ?? systemClock, LOG_END_LIMIT_MS, logs);
      return outcome;
    } catch (error) {
      // The caller's signal does not reach the cleanup.
      if (signal?.aborted === true && executor.hasTask(key)) await executor.cancel(key, this.#grace());
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      stop.abort(new Error('the step has ended'));
      await (signal?.aborted === true ? executor.terminate() : executor.end());
    }
  }

  #grace(): { readonly grace?: Duration } {
    const { graceMs } = this.#resolved;
    return graceMs === undefined ? {} : { grace: graceMs };
  }

  /** Streams the log; what cannot be read of it does not decide about the step. */
  async #follow(run: TaskRun, signal: AbortSignal): Promise<void> {
    const onLog = this.#onLog();
    const { logger = silentLogger } = this.#resolved.options;
    try {
      for await (const line of run.logs({ signal })) onLog(line);
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'the log of the pod could not be followed');
    }
  }

  #resultOf(
    outcome: Outcome,
    resultLine: string | undefined,
    validate: Awaited<ReturnType<typeof compileSchema>>,
  ): PodOperatorResult {
    const { result: wanted, skipCodes } = this.#resolved;
    const { ranAs: pod, exitCode, launches, warnings } = outcome;
    const base = { pod, exitCode, launches, warnings, outcome };
    if (outcome.state === 'failed') {
      const isSkip = outcome.verdict.kind === 'app_exit' && exitCode !== undefined && skipCodes.has(exitCode);
      if (isSkip) return { ...base, state: 'skipped', result: undefined };
      throw new PodFailedError(outcome);
    }
    if (wanted === undefined) return { ...base, state: 'success', result: undefined };
    const text = wanted.from === 'log' ? resultLine : outcome.result;
    return { ...base, state: 'success', result: parseResult(text, wanted, validate, pod) };
  }
}
