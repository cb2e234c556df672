/** Validation of what tells the scheduler where a pod may go. */
import { labelValueProblem, qualifiedNameProblems } from '../../../wire/name-rules.js';
import { isMap, type JsonMap } from '../json.js';
import { fault } from '../status.js';
import { type Faults, mapOf, maps, textOf } from './kit.js';

function expressionFaults(faults: Faults, at: string, expression: JsonMap): void {
  const values = Array.isArray(expression.values) ? expression.values : [];
  switch (expression.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        faults.add(fault.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        faults.add(
          fault.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        faults.add(fault.required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      faults.add(fault.invalid(`${at}.operator`, textOf(expression.operator), 'not a valid selector operator'));
  }
  faults.problems(`${at}.key`, textOf(expression.key), qualifiedNameProblems(textOf(expression.key)));
}

function termFaults(faults: Faults, at: string, term: JsonMap): void {
  for (const [index, expression] of maps(term.matchExpressions).entries())
    expressionFaults(faults, `${at}.matchExpressions[${index}]`, expression);
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function nodeAffinityFaults(faults: Faults, at: string, affinity: JsonMap): void {
  const required = affinity[REQUIRED];
  if (isMap(required)) {
    const field = `${at}.${REQUIRED}.nodeSelectorTerms`;
    const terms = maps(required.nodeSelectorTerms);
    if (terms.length === 0) faults.add(fault.required(field, 'must have at least one node selector term'));
    for (const [index, term] of terms.entries()) termFaults(faults, `${field}[${index}]`, term);
  }
  for (const [index, { weight, preference }] of maps(affinity[PREFERRED]).entries()) {
    const field = `${at}.${PREFERRED}[${index}]`;
    weightFaults(faults, field, weight);
    termFaults(faults, `${field}.preference`, mapOf(preference));
  }
}

function weightFaults(faults: Faults, at: string, weight: unknown): void {
  const value = Number(weight ?? 0);
  if (value <= 0 || value > 100) faults.add(fault.invalid(`${at}.weight`, value, 'must be in the range 1-100'));
}

function podTermFaults(faults: Faults, at: string, term: JsonMap): void {
  const key = textOf(term.topologyKey);
  if (key === '') faults.add(fault.required(`${at}.topologyKey`, 'can not be empty'));
  faults.problems(`${at}.topologyKey`, key, qualifiedNameProblems(key));
}

/** Faults of a pod's affinity. */
export function affinityFaults(faults: Faults, affinity: unknown): void {
  if (!isMap(affinity)) return;
  const at = 'spec.affinity';
  if (isMap(affinity.nodeAffinity)) nodeAffinityFaults(faults, `${at}.nodeAffinity`, affinity.nodeAffinity);
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const terms = mapOf(affinity[kind]);
    for (const [index, term] of maps(terms[REQUIRED]).entries())
      podTermFaults(faults, `${at}.${kind}.${REQUIRED}[${index}]`, term);
    for (const [index, { weight, podAffinityTerm }] of maps(terms[PREFERRED]).entries()) {
      const field = `${at}.${kind}.${PREFERRED}[${index}]`;
      weightFaults(faults, field, weight);
      podTermFaults(faults, `${field}.podAffinityTerm`, mapOf(podAffinityTerm));
    }
  }
}

/** Faults of a pod's tolerations. */
export function tolerationFaults(faults: Faults, tolerations: unknown): void {
  for (const [index, toleration] of maps(tolerations).entries()) {
    const at = `spec.tolerations[${index}]`;
    const key = textOf(toleration.key);
    const operator = textOf(toleration.operator);
    if (key !== '') faults.problems(`${at}.key`, key, qualifiedNameProblems(key));
    if (key === '' && operator !== 'Exists')
      faults.add(
        fault.invalid(
          `${at}.operator`,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute')
      faults.add(
        fault.invalid(
          `${at}.effect`,
          textOf(toleration.effect),
          "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
      );
    if (operator === 'Equal' || operator === '')
      faults.problems(`${at}.operator`, textOf(toleration.value), [labelValueProblem(textOf(toleration.value))]);
    else if (operator === 'Exists') {
      if (textOf(toleration.value) !== '')
        faults.add(
          fault.invalid(`${at}.operator`, toleration.value, "value must be empty when `operator` is 'Exists'"),
        );
    } else faults.add(fault.unsupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    if (textOf(toleration.effect) !== '' && !EFFECTS.includes(textOf(toleration.effect)))
      faults.add(fault.unsupported(`${at}.effect`, toleration.effect, EFFECTS));
  }
}

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** Faults of a pod's gates and of how it shall spread. */
export function gateAndSpreadFaults(faults: Faults, spec: JsonMap): void {
  for (const [index, gate] of maps(spec.readinessGates).entries())
    faults.problems(
      `spec.readinessGates[${index}].conditionType`,
      textOf(gate.conditionType),
      qualifiedNameProblems(textOf(gate.conditionType)),
    );
  const seen = new Set<string>();
  for (const [index, gate] of maps(spec.schedulingGates).entries()) {
    const name = textOf(gate.name);
    faults.problems(`spec.schedulingGates[${index}]`, name, qualifiedNameProblems(name));
    if (seen.has(name)) faults.add(fault.duplicate(`spec.schedulingGates[${index}]`, name));
    seen.add(name);
  }
  for (const [index, constraint] of maps(spec.topologySpreadConstraints).entries()) {
    const at = `spec.topologySpreadConstraints[${index}]`;
    if (Number(constraint.maxSkew ?? 0) <= 0)
      faults.add(fault.invalid(`${at}.maxSkew`, Number(constraint.maxSkew ?? 0), 'must be greater than zero'));
    faults.required(`${at}.topologyKey`, constraint.topologyKey, 'can not be empty');
    faults.oneOf(`${at}.whenUnsatisfiable`, textOf(constraint.whenUnsatisfiable), ['DoNotSchedule', 'ScheduleAnyway']);
  }
}
