/** What an executor works with where its host brings nothing of its own. */
import type { ResolvedKubernetesConfig } from '../../config/kubernetes-config.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { Random } from '../../core/random.js';
import { type PodGenerator, TemplatePodGenerator } from '../../pod/pod-generator.js';
import { KubernetesJobWatcher } from '../../watch/job-watcher.js';
import type { Watcher } from '../../watch/watcher.js';
import { LABELS } from '../../wire/names.js';
import type { KubernetesExecutorOptions } from './kubernetes-options.js';

/** Makes pods from template and configuration. */
export function defaultGenerator(
  options: KubernetesExecutorOptions,
  { namespace, image, baseContainer, podTemplateFile, podDefaults }: ResolvedKubernetesConfig,
): PodGenerator {
  return new TemplatePodGenerator({
    ...options.pods,
    secretPatterns: options.secretPatterns,
    template: options.podTemplate ?? podTemplateFile,
    namespace,
    image,
    baseContainer,
    podDefaults,
    mutatePod: options.mutatePod,
  });
}

/** The namespaces in which an executor looks for pods; `undefined` for all. */
export const watchedNamespaces = ({
  namespace,
  watchNamespaces,
}: ResolvedKubernetesConfig): readonly string[] | undefined =>
  watchNamespaces === '*' ? undefined : [...new Set([namespace, ...watchNamespaces])];

/** Watches the executor's own pods that are not done with. */
export function defaultWatcher(
  { kubeClient, resourceVersionStore }: KubernetesExecutorOptions,
  config: ResolvedKubernetesConfig,
  executorLabel: string,
  parts: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): Watcher {
  return new KubernetesJobWatcher({
    ...parts,
    client: kubeClient,
    namespaces: watchedNamespaces(config),
    labelSelector: `${LABELS.executorId}=${executorLabel},${LABELS.done}!=true`,
    store: resourceVersionStore,
  });
}
