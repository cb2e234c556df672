/** Required affinity and anti-affinity between pods. */
import { type LabelSelectorObject, type SelectorExpression, selectorMatches } from './node-rules.js';
import type { Pod } from './types.js';

/** A term, complete. */
export interface ResolvedTerm {
  readonly topologyKey: string;
  readonly selector: LabelSelectorObject | undefined;
  /** Namespaces that are meant by their names; `undefined` for all. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** Namespaces that are meant by their labels, besides those. */
  readonly namespaceSelector: LabelSelectorObject | undefined;
}

/** The labels of a namespace, where they are known. */
export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

interface Term {
  readonly topologyKey: string;
  readonly labelSelector?: LabelSelectorObject;
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: LabelSelectorObject;
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

const isEmpty = ({ matchLabels = {}, matchExpressions = [] }: LabelSelectorObject) =>
  Object.keys(matchLabels).length + matchExpressions.length === 0;

/** A selector that also asks for a pod's own values of some labels. */
export function withOwnValues(
  selector: LabelSelectorObject | undefined,
  labels: Readonly<Record<string, string>> | undefined,
  keys: readonly string[],
  operator: 'In' | 'NotIn',
): LabelSelectorObject | undefined {
  const own: SelectorExpression[] = keys.flatMap((key) =>
    labels?.[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }],
  );
  if (selector === undefined || own.length === 0) return selector;
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...own] };
}

function resolve(term: Term, { metadata = {} }: Pod): ResolvedTerm {
  const { namespaces = [], namespaceSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  const isAll = namespaceSelector !== undefined && isEmpty(namespaceSelector);
  const own = namespaces.length === 0 && namespaceSelector === undefined ? [metadata.namespace ?? 'default'] : [];
  const selector = withOwnValues(term.labelSelector, metadata.labels, matchLabelKeys, 'In');
  return {
    topologyKey: term.topologyKey,
    selector: withOwnValues(selector, metadata.labels, mismatchLabelKeys, 'NotIn'),
    namespaces: isAll ? undefined : new Set([...namespaces, ...own]),
    namespaceSelector: isAll ? undefined : namespaceSelector,
  };
}

function termsOf(pod: Pod, kind: 'podAffinity' | 'podAntiAffinity'): ResolvedTerm[] {
  const part = pod.spec?.affinity?.[kind] as
    | { readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly Term[] }
    | undefined;
  return (part?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => resolve(term, pod));
}

/** Pods that a pod must be near. */
export const affinityTermsOf = (pod: Pod): ResolvedTerm[] => termsOf(pod, 'podAffinity');
/** Pods that a pod must keep away from. */
export const antiAffinityTermsOf = (pod: Pod): ResolvedTerm[] => termsOf(pod, 'podAntiAffinity');

/** Whether a term means a pod. A namespace without known labels is met by no selector. */
export function termMeans(
  { selector, namespaces, namespaceSelector }: ResolvedTerm,
  pod: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
  namespaceLabels: NamespaceLabels = () => undefined,
): boolean {
  if (!selectorMatches(selector, pod.labels)) return false;
  if (namespaces === undefined || namespaces.has(pod.namespace)) return true;
  if (namespaceSelector === undefined) return false;
  const labels = namespaceLabels(pod.namespace);
  return labels !== undefined && selectorMatches(namespaceSelector, labels);
}
