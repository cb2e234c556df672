/** What the configuration says about every pod, as a pod to be merged. */
import type { PodDefaults } from '../config/kubernetes-config.js';
import type { Container, Pod, PodSpec } from '../wire/types.js';
import { kubernetesConfigOf, podOfConfig } from './executor-config.js';

/** Keys of {@link PodDefaults} that an executor config has, too. */
const SHARED = [
  'imagePullPolicy',
  'serviceAccountName',
  'resources',
  'labels',
  'annotations',
  'env',
  'secrets',
  'nodeSelector',
  'affinity',
  'tolerations',
] as const;

/** The layer of the configuration. An image of the configuration comes before the template's. */
export function podOfDefaults(defaults: PodDefaults, image: string | undefined, baseContainer: string): Pod {
  const shared = Object.fromEntries(
    SHARED.filter((name) => defaults[name] !== undefined).map((name) => [name, defaults[name]]),
  );
  const pod = podOfConfig(kubernetesConfigOf({ ...shared, ...(image === undefined ? {} : { image }) }), baseContainer);
  const { imagePullSecrets, envFromSecrets = [], envFromConfigMaps = [], runAsUser, fsGroup } = defaults;
  const [base] = (pod.spec as PodSpec).containers as [Container];
  const envFrom = [
    ...(base.envFrom ?? []),
    ...envFromSecrets.map((name) => ({ secretRef: { name } })),
    ...envFromConfigMaps.map((name) => ({ configMapRef: { name } })),
  ];
  const securityContext = {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(fsGroup === undefined ? {} : { fsGroup }),
  };
  const spec: PodSpec = {
    ...pod.spec,
    containers: [envFrom.length === 0 ? base : { ...base, envFrom }],
    ...(imagePullSecrets === undefined ? {} : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    ...(Object.keys(securityContext).length === 0 ? {} : { securityContext }),
  };
  return { ...pod, spec };
}
