/** Validation of resource quotas and disruption budgets. */
import { qualifiedNameProblems } from '../../../wire/name-rules.js';
import { parseQuantity } from '../../../wire/quantity.js';
import type { JsonMap } from '../json.js';
import { type FieldFault, fault } from '../status.js';
import { Faults, mapOf, textOf } from './kit.js';

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const COUNTED = [
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const STANDARD = new Set([
  ...COMPUTE,
  ...COUNTED,
  'requests.storage',
  ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
]);

const isStandard = (name: string) => STANDARD.has(name) || /^(?:requests\.)?hugepages-/.test(name);

function resourceNameFaults(faults: Faults, field: string, name: string): void {
  const problems = qualifiedNameProblems(name);
  faults.problems(field, name, problems);
  if (problems.length > 0 || name.includes('/') || isStandard(name)) return;
  faults.problems(field, name, [
    'must be a standard resource type or fully qualified',
    'must be a standard resource for quota',
  ]);
}

/** Faults of a map of resources to quantities, in order of their names. */
function resourceListFaults(faults: Faults, field: string, list: unknown): void {
  for (const name of Object.keys(mapOf(list)).sort()) {
    const at = `${field}[${name}]`;
    const value = mapOf(list)[name];
    resourceNameFaults(faults, at, name);
    const nano = parseQuantity(value)?.nano ?? 0n;
    if (nano < 0n) faults.add(fault.invalid(at, value, 'must be greater than or equal to 0'));
    if (COUNTED.includes(name) && nano % 1_000_000_000n !== 0n)
      faults.add(fault.invalid(at, value, 'must be an integer'));
  }
}

const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];

/** Faults of a quota. */
export function quotaFaults(quota: JsonMap, old: JsonMap | undefined): FieldFault[] {
  const faults = new Faults();
  const spec = mapOf(quota.spec);
  resourceListFaults(faults, 'spec.hard', spec.hard);
  const scopes = Array.isArray(spec.scopes) ? spec.scopes : [];
  for (const scope of scopes)
    if (!SCOPES.includes(String(scope))) faults.add(fault.invalid('spec.scopes', scopes, 'unsupported scope'));
  const names = scopes.map(String);
  for (const [one, other] of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const)
    if (names.includes(one) && names.includes(other))
      faults.add(fault.invalid('spec.scopes', scopes, 'conflicting scopes'));
  const hasOthers = Object.keys(mapOf(spec.hard)).some((name) => name !== 'pods' && name !== 'count/pods');
  if (names.includes('BestEffort') && hasOthers)
    faults.add(fault.invalid('spec.scopes', scopes, 'unsupported scope applied to resource'));
  const before = mapOf(old?.spec).scopes;
  if (old !== undefined && JSON.stringify(before ?? []) !== JSON.stringify(scopes))
    faults.add(fault.invalid('spec.scopes', scopes, 'field is immutable'));
  return faults.list;
}

/** Faults of a quota's status. */
export function quotaStatusFaults(quota: JsonMap): FieldFault[] {
  const faults = new Faults();
  resourceListFaults(faults, 'status.hard', mapOf(quota.status).hard);
  resourceListFaults(faults, 'status.used', mapOf(quota.status).used);
  return faults.list;
}

const PERCENT_RULE =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

function shareFaults(faults: Faults, field: string, value: unknown): void {
  if (typeof value === 'number') {
    faults.notNegative(field, value);
    return;
  }
  if (typeof value !== 'string') return;
  if (!/^[0-9]+%$/.test(value)) faults.add(fault.invalid(field, value, PERCENT_RULE));
  else if (Number.parseInt(value, 10) > 100) faults.add(fault.invalid(field, value, 'must not be greater than 100%'));
}

const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

/** Faults of a disruption budget. */
export function budgetFaults(budget: JsonMap): FieldFault[] {
  const faults = new Faults();
  const spec = mapOf(budget.spec);
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    const shown = {
      MinAvailable: spec.minAvailable,
      Selector: spec.selector ?? null,
      MaxUnavailable: spec.maxUnavailable,
      UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
    };
    faults.add(fault.invalid('spec', shown, 'minAvailable and maxUnavailable cannot be both set'));
  }
  shareFaults(faults, 'spec.minAvailable', spec.minAvailable);
  shareFaults(faults, 'spec.maxUnavailable', spec.maxUnavailable);
  if (
    spec.unhealthyPodEvictionPolicy !== undefined &&
    !EVICTION_POLICIES.includes(textOf(spec.unhealthyPodEvictionPolicy))
  )
    faults.add(
      fault.unsupported('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, EVICTION_POLICIES),
    );
  return faults.list;
}
