/** Makes the pod of the next launch from the one before, for a task whose workload nobody here knows. */
import type { TaskInstanceKey } from '../core/task-key.js';
import type { SpentLaunches } from '../lifecycle/policy.js';
import { makeSafePodName } from '../pod/names.js';
import { encodeSpent } from '../pod/system-fields.js';
import { ANNOTATIONS, LABELS } from '../wire/names.js';
import type { Container, Pod, PodSpec } from '../wire/types.js';

/** Volumes that the server adds for the service account's token; it adds them to the next pod again. */
const INJECTED_VOLUME = /^kube-api-access-[a-z0-9]+$/;

function withoutInjected({ volumeMounts, ...container }: Container): Container {
  const own = volumeMounts?.filter((mount) => !INJECTED_VOLUME.test(mount.name));
  return own === undefined || own.length === 0 ? container : { ...container, volumeMounts: own };
}

/** The spec as it was sent, as far as can be told: without its node, and without what the server has added to run it. */
function specOf({ nodeName: _node, ephemeralContainers: _debug, volumes, ...spec }: PodSpec): PodSpec {
  const own = volumes?.filter((volume) => !INJECTED_VOLUME.test(volume.name));
  return {
    ...spec,
    containers: spec.containers.map(withoutInjected),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(withoutInjected) }),
    ...(own === undefined || own.length === 0 ? {} : { volumes: own }),
  } as PodSpec;
}

/** The pod of launch number `launch`, made from an earlier one of the same task. */
export function renewPod(
  { metadata = {}, spec }: Pod,
  key: TaskInstanceKey,
  {
    launch,
    spent,
    executorLabel,
  }: { readonly launch: number; readonly spent: SpentLaunches; readonly executorLabel: string },
): Pod {
  const {
    [ANNOTATIONS.verdict]: _verdict,
    [ANNOTATIONS.acknowledged]: _acknowledged,
    ...annotations
  } = metadata.annotations ?? {};
  const { [LABELS.done]: _done, ...labels } = metadata.labels ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: makeSafePodName(key, launch),
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...labels, [LABELS.executorId]: executorLabel },
      annotations: {
        ...annotations,
        [ANNOTATIONS.launch]: String(launch),
        [ANNOTATIONS.spent]: encodeSpent(spent),
      },
    },
    spec: specOf(spec as PodSpec),
  };
}
