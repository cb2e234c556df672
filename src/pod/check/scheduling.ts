/** Where a pod may run: selectors, tolerations, affinity, spreading. */
import {
  below,
  type Findings,
  field,
  isMap,
  type JsonMap,
  LABEL_VALUE,
  maps,
  QUALIFIED_NAME,
  text,
} from './findings.js';

/** Checks keys and values of labels, or of something like them. */
export function checkLabels(labels: unknown, path: string, findings: Findings): void {
  for (const [key, value] of Object.entries(isMap(labels) ? labels : {})) {
    if (!QUALIFIED_NAME.test(key)) findings.add(below(path, key), `has a key that ${QUALIFIED_NAME.rule}`);
    findings.shape(below(path, key), value, LABEL_VALUE);
  }
}

/** Operators, with how many values each takes: none, exactly one, or at least one. */
const VALUES: Readonly<Record<string, 'none' | 'one' | 'some'>> = {
  In: 'some',
  NotIn: 'some',
  Exists: 'none',
  DoesNotExist: 'none',
  Gt: 'one',
  Lt: 'one',
};

function checkRequirements(list: unknown, path: string, operators: readonly string[], findings: Findings): void {
  for (const [index, requirement] of maps(list).entries()) {
    const at = below(path, index);
    findings.shape(below(at, 'key'), field(requirement, 'key'), QUALIFIED_NAME);
    const operator = text(field(requirement, 'operator'));
    const values = field(requirement, 'values');
    const count = Array.isArray(values) ? values.length : 0;
    if (operator !== undefined && !operators.includes(operator))
      findings.add(below(at, 'operator'), `must be one of ${operators.join(', ')}`, { value: operator });
    const wanted = VALUES[operator ?? ''];
    if (wanted === 'none' && count > 0)
      findings.add(below(at, 'values'), `must be empty with the operator ${operator}`);
    if (wanted === 'one' && (count !== 1 || !/^-?\d+$/.test(String((values as unknown[])[0]))))
      findings.add(below(at, 'values'), `must be one integer in quotes with the operator ${operator}`);
    if (wanted === 'some' && count === 0)
      findings.add(below(at, 'values'), `must have a value with the operator ${operator}`);
    if (wanted === 'some' && Array.isArray(values))
      for (const [place, value] of values.entries())
        findings.shape(below(below(at, 'values'), place), value, LABEL_VALUE);
  }
}

const NODE_OPERATORS = Object.keys(VALUES);
const LABEL_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

function checkSelector(selector: unknown, path: string, findings: Findings): void {
  checkLabels(field(selector, 'matchLabels'), below(path, 'matchLabels'), findings);
  checkRequirements(field(selector, 'matchExpressions'), below(path, 'matchExpressions'), LABEL_OPERATORS, findings);
}

function checkWeight(item: unknown, path: string, findings: Findings): void {
  const weight = field(item, 'weight');
  if (typeof weight === 'number' && (weight < 1 || weight > 100))
    findings.add(below(path, 'weight'), 'must be from 1 to 100', { value: weight });
}

function checkNodeTerm(term: unknown, path: string, findings: Findings): void {
  checkRequirements(field(term, 'matchExpressions'), below(path, 'matchExpressions'), NODE_OPERATORS, findings);
}

function checkPodTerm(term: unknown, path: string, findings: Findings): void {
  const topology = text(field(term, 'topologyKey'));
  if (topology === '')
    findings.add(below(path, 'topologyKey'), 'must not be empty', { hint: 'for example kubernetes.io/hostname' });
  else findings.shape(below(path, 'topologyKey'), topology, QUALIFIED_NAME);
  checkSelector(field(term, 'labelSelector'), below(path, 'labelSelector'), findings);
}

function checkAffinity(affinity: unknown, findings: Findings): void {
  const [REQUIRED, PREFERRED] = [
    'requiredDuringSchedulingIgnoredDuringExecution',
    'preferredDuringSchedulingIgnoredDuringExecution',
  ];
  const node = field(affinity, 'nodeAffinity');
  const path = 'spec.affinity.nodeAffinity';
  const terms = field(field(node, REQUIRED), 'nodeSelectorTerms');
  if (Array.isArray(terms) && terms.length === 0)
    findings.add(`${path}.${REQUIRED}.nodeSelectorTerms`, 'must have a term, as no node fits none');
  for (const [index, term] of maps(terms).entries())
    checkNodeTerm(term, below(`${path}.${REQUIRED}.nodeSelectorTerms`, index), findings);
  for (const [index, item] of maps(field(node, PREFERRED)).entries()) {
    const at = below(`${path}.${PREFERRED}`, index);
    checkWeight(item, at, findings);
    checkNodeTerm(field(item, 'preference'), below(at, 'preference'), findings);
  }
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const part = field(affinity, kind);
    for (const [index, term] of maps(field(part, REQUIRED)).entries())
      checkPodTerm(term, below(`spec.affinity.${kind}.${REQUIRED}`, index), findings);
    for (const [index, item] of maps(field(part, PREFERRED)).entries()) {
      const at = below(`spec.affinity.${kind}.${PREFERRED}`, index);
      checkWeight(item, at, findings);
      checkPodTerm(field(item, 'podAffinityTerm'), below(at, 'podAffinityTerm'), findings);
    }
  }
}

function checkToleration(toleration: JsonMap, at: string, findings: Findings): void {
  const [key, operator, value] = ['key', 'operator', 'value'].map((name) => text(field(toleration, name)));
  if (key) findings.shape(below(at, 'key'), key, QUALIFIED_NAME);
  if (!key && operator !== 'Exists')
    findings.add(below(at, 'operator'), 'must be "Exists" where there is no key', { value: operator ?? '' });
  if (operator === 'Exists' && value)
    findings.add(below(at, 'value'), 'must be empty with the operator Exists', { value });
  else if ((operator === undefined || operator === '' || operator === 'Equal') && value)
    findings.shape(below(at, 'value'), value, LABEL_VALUE);
  if (field(toleration, 'tolerationSeconds') !== undefined && field(toleration, 'effect') !== 'NoExecute')
    findings.add(below(at, 'effect'), 'must be "NoExecute" where there are tolerationSeconds', {
      value: field(toleration, 'effect') ?? '',
    });
}

/** Checks what decides on a node. */
export function checkScheduling(spec: JsonMap, findings: Findings): void {
  checkLabels(spec.nodeSelector, 'spec.nodeSelector', findings);
  checkAffinity(spec.affinity, findings);
  for (const [index, toleration] of maps(spec.tolerations).entries())
    checkToleration(toleration, below('spec.tolerations', index), findings);
  const spreads = maps(spec.topologySpreadConstraints);
  for (const [index, spread] of spreads.entries()) {
    const at = below('spec.topologySpreadConstraints', index);
    const skew = field(spread, 'maxSkew');
    if (typeof skew === 'number' && skew < 1) findings.add(below(at, 'maxSkew'), 'must be at least 1', { value: skew });
    const domains = field(spread, 'minDomains');
    if (typeof domains === 'number' && domains < 1)
      findings.add(below(at, 'minDomains'), 'must be at least 1', { value: domains });
    if (domains !== undefined && field(spread, 'whenUnsatisfiable') !== 'DoNotSchedule')
      findings.add(below(at, 'minDomains'), 'needs whenUnsatisfiable: DoNotSchedule');
    checkPodTerm(spread, at, findings);
  }
  findings.unique(
    'spec.topologySpreadConstraints',
    spreads.map((one) => `${String(field(one, 'topologyKey'))} ${String(field(one, 'whenUnsatisfiable'))}`),
    '',
    "pod's spread constraints",
  );
}
