/**
 * Defaults by which a pod meets the level "restricted" of the Pod Security Standards
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/). What a pod sets itself is not changed: a pod that asks for more is
 * refused by the cluster, with its reason.
 */
import type { Container, Pod, PodSpec } from '../../wire/types.js';

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

function restrictedContainer(container: Container): Container {
  const given = (container.securityContext ?? {}) as Readonly<Record<string, unknown>>;
  const capabilities = (given.capabilities ?? {}) as Readonly<Record<string, unknown>>;
  return {
    ...container,
    securityContext: {
      ...given,
      allowPrivilegeEscalation: given.allowPrivilegeEscalation ?? false,
      capabilities: { ...capabilities, drop: capabilities.drop ?? ['ALL'] },
    },
  };
}

/**
 * A pod with `runAsNonRoot`, the runtime's seccomp profile, no escalation of privileges and all capabilities dropped, wherever it says nothing
 * else. The pod given is not changed. An image that starts as root needs `runAsUser` beside it.
 */
export function withRestrictedDefaults(pod: Pod): Pod {
  const spec = pod.spec as PodSpec;
  const security = (spec.securityContext ?? {}) as Readonly<Record<string, unknown>>;
  const all = (containers: readonly Container[]) => containers.map(restrictedContainer);
  return {
    ...pod,
    spec: {
      ...spec,
      securityContext: {
        ...security,
        runAsNonRoot: security.runAsNonRoot ?? true,
        seccompProfile: isSet(security.seccompProfile) ? security.seccompProfile : { type: 'RuntimeDefault' },
      },
      containers: all(spec.containers),
      ...(spec.initContainers === undefined ? {} : { initContainers: all(spec.initContainers) }),
    } as PodSpec,
  };
}
