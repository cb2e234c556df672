/** Whether a pod's own rules allow a node: taints, node selector, node affinity. By the scheduler's rules. */
import { type LabelRequirement, matchesLabels } from './selectors.js';
import type { Node, Pod, Toleration } from './types.js';

/** A taint of a node. */
export interface Taint {
  /** Key. */
  readonly key: string;
  /** Value. */
  readonly value?: string | undefined;
  /** `NoSchedule`, `PreferNoSchedule` or `NoExecute`. */
  readonly effect: string;
}

/** What stands for a node that takes no new pods; its controller writes it as a taint a moment later. */
export const CORDON: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** The taints that stand on a node and keep pods away, rather than being only disliked. */
export const hardTaintsOf = (node: Node | undefined): readonly Taint[] =>
  (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');

/** One requirement of a selector in an object. */
export interface SelectorExpression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

/** A label selector in an object; absent it matches nothing, empty it matches all. */
export interface LabelSelectorObject {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?: readonly SelectorExpression[] | undefined;
}

const OPERATORS: Readonly<Record<string, LabelRequirement['operator']>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

/** Requirements of a list of expressions. */
export const requirementsOf = (expressions: readonly SelectorExpression[] | undefined): LabelRequirement[] =>
  (expressions ?? []).map(({ key, operator, values }) => ({
    key,
    operator: OPERATORS[operator] ?? 'in',
    values: values ?? [],
  }));

/** Whether labels meet a selector. */
export function selectorMatches(
  selector: LabelSelectorObject | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (selector === undefined) return false;
  const exact = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels?.[key] === value);
  return exact && matchesLabels(requirementsOf(selector.matchExpressions), labels);
}

function valueTolerated({ operator, value = '' }: Toleration, given: string): boolean {
  if (operator === 'Exists') return true;
  if (operator !== 'Gt' && operator !== 'Lt') return value === given;
  if (!/^-?\d+$/.test(value) || !/^-?\d+$/.test(given)) return false;
  return operator === 'Gt' ? BigInt(given) > BigInt(value) : BigInt(given) < BigInt(value);
}

/** Whether one of the tolerations is for the taint. */
export function isTolerated(taint: Taint, tolerations: readonly Toleration[] | undefined): boolean {
  return (tolerations ?? []).some((toleration) => {
    if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
    if (toleration.key !== undefined && toleration.key !== '' && toleration.key !== taint.key) return false;
    return valueTolerated(toleration, taint.value ?? '');
  });
}

interface NodeTerm {
  readonly matchExpressions?: readonly SelectorExpression[];
  readonly matchFields?: readonly SelectorExpression[];
}

/** A term without any requirement selects no node. */
function termMatches({ matchExpressions = [], matchFields = [] }: NodeTerm, { metadata }: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchesLabels(requirementsOf(matchExpressions), metadata?.labels) &&
    matchesLabels(requirementsOf(matchFields), { 'metadata.name': metadata?.name ?? '' })
  );
}

/** Whether a pod's node selector and required node affinity allow a node. */
export function nodeAffinityMatches({ spec }: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  if (!Object.entries(spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const affinity = spec?.affinity?.nodeAffinity as
    | { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: NodeTerm[] } }
    | undefined;
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || (required.nodeSelectorTerms ?? []).some((term) => termMatches(term, node));
}
