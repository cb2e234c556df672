/** Brings the pod of a launch into being, or finds whoever has it. */
import type { QueuedTask } from '../../core/outcome.js';
import { InvalidWorkloadError } from '../../errors.js';
import { adaptLaunch } from '../../launch/adapt-launch.js';
import { launchVerdict } from '../../launch/create-errors.js';
import type { LaunchRequest, LaunchResult } from '../../launch/pod-launcher.js';
import { renewPod } from '../../launch/renew-pod.js';
import { makeSafePodName } from '../../pod/names.js';
import { FINALIZER } from '../../wire/names.js';
import type { Container, EnvVar, Pod, Secret } from '../../wire/types.js';
import { launchOf } from './adoption.js';
import { failedEnd, type LifecycleHands, type PodLifecycleOptions } from './lifecycle-parts.js';
import { claimPod } from './pod-claim.js';
import { podIdOf } from './pod-feed.js';
import type { PodTrack } from './pod-track.js';

/** Identity of the pod that the watch has shown. */
function seenPod({ seen }: PodTrack): Pod | undefined {
  if (seen === undefined) return undefined;
  const { namespace, name, uid } = seen;
  return { metadata: { namespace, name, uid } };
}

/**
 * Where several executors may be given the same task, all launches of it have one name: the server then lets nobody make a second pod, whatever
 * else is lost. Otherwise each launch has its own, so that the next one can be made before the last is removed; unless that is gone already.
 * Then nothing tells a later process of the former launches, and it makes the first one: under the same name the server lets only one of them
 * be, should a create of ours be on its way still.
 */
function namedAsFirst(pod: Pod, { key }: QueuedTask): Pod {
  return { ...pod, metadata: { ...pod.metadata, name: makeSafePodName(key, 1) } };
}

/** The Secret of a pod has its name: what was made under another one refers to that of its own. */
function withItsSecret(pod: Pod, formerName: string | undefined): Pod {
  const name = pod.metadata?.name;
  if (pod.spec === undefined || formerName === undefined || formerName === name) return pod;
  const ofVariable = (variable: EnvVar): EnvVar => {
    const secretKeyRef = variable.valueFrom?.secretKeyRef as { readonly name?: string } | undefined;
    if (secretKeyRef?.name !== formerName) return variable;
    return { ...variable, valueFrom: { ...variable.valueFrom, secretKeyRef: { ...secretKeyRef, name } } };
  };
  const ofContainer = (container: Container): Container =>
    container.env === undefined ? container : { ...container, env: container.env.map(ofVariable) };
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(ofContainer),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(ofContainer) }),
    },
  };
}

/** See the module's text. */
export class PodLaunchFlow {
  readonly #options: PodLifecycleOptions;
  readonly #hands: LifecycleHands;

  constructor(options: PodLifecycleOptions, hands: LifecycleHands) {
    this.#options = options;
    this.#hands = hands;
  }

  /** Launches the current launch of a task; `isNameFree` where nothing stands under the name of its first one any more. */
  async launch(track: PodTrack, isNameFree = false): Promise<void> {
    const { generator, secrets, reports, tracks, fence } = this.#options;
    if (track.isAbandoned) return;
    let pod: Pod;
    let secret: Secret | undefined;
    try {
      pod = this.#podOf(track, isNameFree);
      this.#assertWatched(pod);
      secret = generator.generateSecret?.(track.task, pod);
    } catch (error) {
      const { message, hint } = error as Error & { hint?: string };
      return this.#hands.tell(track, failedEnd(launchVerdict('invalid_workload', message, hint)));
    }
    tracks.bind(track, podIdOf(pod));
    reports.launching(track);
    const request: LaunchRequest = {
      pod,
      signal: track.abort.signal,
      ...(fence === undefined ? {} : { ready: async () => (fence.isHeld ? undefined : fence.confirm()) }),
      isStillWanted: () => reports.isStillWanted(track.task),
      seen: () => seenPod(track),
      isFormer: (uid) => tracks.isFormer(track, uid),
      isLeft: () => track.isAbandoned || tracks.get(track.id) !== track,
      onCreate: (isUnderWay) => {
        track.isCreating = isUnderWay;
        if (isUnderWay) track.creates += 1;
      },
      onAnswerLost: () => {
        track.isAnswerLost = true;
      },
      onWait: (reason) => this.#noteWait(track, reason),
    };
    for (;;) {
      const result = await secrets.launch(secret, request);
      const isLaunched = await this.#launched(track, result);
      track.launchWait = undefined;
      if (isLaunched) return;
    }
  }

  /** A pod that nobody watches would be taken for one that was deleted. */
  #assertWatched({ metadata }: Pod): void {
    const { namespaces } = this.#options;
    const { namespace } = metadata ?? {};
    if (namespace === undefined || (namespaces?.includes(namespace) ?? true)) return;
    const rule = `must be one that the executor watches: ${namespaces?.join(', ')}`;
    throw new InvalidWorkloadError([
      { field: 'pod.metadata.namespace', value: namespace, rule, hint: 'Add it to config.watchNamespaces.' },
    ]);
  }

  #podOf({ task, launch, spent, manifest }: PodTrack, isNameFree: boolean): Pod {
    const { generator, executorId, executorLabel, retry } = this.#options;
    const pod =
      manifest === undefined
        ? generator.generate(task, { launch, spent, executorId })
        : renewPod(manifest, task.key, { launch, spent, executorLabel });
    const launched = adaptLaunch(pod, { ...retry, spent, timeouts: task.timeouts });
    // A generator of the host's own may have names of its own, which nobody changes without need.
    const isNamedHere = launched.metadata?.name === makeSafePodName(task.key, launch);
    const takesFirstName = this.#options.fence !== undefined || (isNameFree && isNamedHere);
    const named = takesFirstName ? namedAsFirst(launched, task) : launched;
    const adapted = withItsSecret(named, (manifest ?? launched).metadata?.name);
    if (!this.#options.tracksWithFinalizer) return adapted;
    return {
      ...adapted,
      metadata: { ...adapted.metadata, finalizers: [...(adapted.metadata?.finalizers ?? []), FINALIZER] },
    };
  }

  /** Takes in how a launch went. Resolves with `false` where it has to be tried again. */
  async #launched(track: PodTrack, result: LaunchResult): Promise<boolean> {
    if (result.type === 'seen') track.isAnswerLost = true;
    if (track.isAbandoned || result.type === 'seen') return true;
    if (result.type === 'failed') {
      await this.#hands.tell(track, failedEnd(result.verdict));
      return true;
    }
    if (result.pod === undefined) {
      const verdict = launchVerdict('cancelled', 'The task was not wanted any more when its pod was to be created');
      // The host may have had its outcome before; whoever meets the pod of the launch before asks it again.
      await this.#hands.tell(track, failedEnd(verdict), { isWrittenDown: track.isStopping });
      return true;
    }
    // What was found under the name may be at work for another executor, also where the task was cancelled meanwhile.
    const pod = result.type === 'created' ? result.pod : await this.#claim(track, result.pod);
    if (track.isAbandoned || track.isTheirs) return true;
    if (pod === undefined) return false;
    if (track.seen !== undefined && track.seen.uid !== pod.metadata?.uid) this.#hands.replace(track, pod);
    // It may have been let go of before the task was handed over anew.
    this.#options.tracks.forgetReleased(pod.metadata?.uid);
    // The watch may have shown a later state while the answer was on its way.
    this.#hands.see(track, pod);
    return true;
  }

  /** A launch waits; a reason is told once. */
  #noteWait(track: PodTrack, reason: string): void {
    if (track.launchWait?.reason === reason) return;
    track.launchWait = { reason, since: track.launchWait?.since ?? this.#options.clock.monotonic() };
    this.#options.reports.pending(track, reason);
  }

  /** Takes in a pod that was there before its create; `undefined` where it has gone meanwhile. */
  async #claim(track: PodTrack, found: Pod): Promise<Pod | undefined> {
    const onWait = (reason: string) => this.#noteWait(track, reason);
    const claimed = await claimPod(track, found, { ...this.#options, onWait });
    if (claimed.type === 'gone' || track.isAbandoned) return undefined;
    if (claimed.type === 'told') track.isTold = true;
    if (claimed.type === 'theirs') track.isTheirs = true;
    if (claimed.type === 'unlisted') this.#options.tracks.unlisted.add(track);
    const { pod } = claimed;
    if (launchOf(pod) !== track.launch) track.found(pod);
    return pod;
  }
}
