/** Pods as the server's encoder writes them: fields in the order of their types. It shows in messages that quote a whole object. */
import { isMap, type JsonMap } from './json.js';

const ORDER: Readonly<Record<string, string>> = {
  metadata:
    'name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields',
  managedFields: 'manager operation apiVersion time fieldsType fieldsV1 subresource',
  spec: 'volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken nodeName hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity schedulerName tolerations hostAliases priorityClassName priority dnsConfig readinessGates runtimeClassName enableServiceLinks preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os hostUsers schedulingGates',
  containers:
    'name image command args workingDir ports envFrom env resources resizePolicy restartPolicy volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty',
  tolerations: 'key operator value effect tolerationSeconds',
  status:
    'observedGeneration phase conditions message reason nominatedNodeName hostIP hostIPs podIP podIPs startTime initContainerStatuses containerStatuses qosClass',
  conditions: 'type observedGeneration status lastProbeTime lastTransitionTime reason message',
};
const SAME_AS: Readonly<Record<string, string>> = { initContainers: 'containers', ephemeralContainers: 'containers' };

function ordered(value: unknown, field: string): unknown {
  if (Array.isArray(value)) return value.map((item) => ordered(item, field));
  if (!isMap(value)) return value;
  const names = (ORDER[SAME_AS[field] ?? field] ?? '').split(' ');
  const rank = (name: string) => {
    const at = names.indexOf(name);
    return at < 0 ? names.length : at;
  };
  const entries = Object.entries(value);
  if (names.length > 1) entries.sort(([a], [b]) => rank(a) - rank(b));
  return Object.fromEntries(entries.map(([name, item]) => [name, ordered(item, name)]));
}

/** Sorts the maps that a patch has gone through: those are decoded and written again, in order of their names. */
function touched(value: unknown, patch: unknown): unknown {
  if (!isMap(value) || !isMap(patch)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, name in patch ? touched(item, patch[name]) : item]));
}

/** The text of a patched object. `patch` has the shape of what was changed. */
export function patchedText(object: JsonMap, patch: unknown): string {
  return JSON.stringify(touched(ordered(object, ''), patch));
}
