/** Requests and limits: amounts that can be, and never more asked for than allowed. */
import { parseQuantity } from '../../wire/quantity.js';
import { below, type Findings, field, isMap, QUALIFIED_NAME } from './findings.js';

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage']);
const NANO = 1_000_000_000n;
const isHuge = (name: string) => name.startsWith('hugepages-');

function checkAmounts(amounts: unknown, path: string, findings: Findings): void {
  if (!isMap(amounts)) return;
  for (const [name, amount] of Object.entries(amounts)) {
    const at = below(path, name);
    const quantity = parseQuantity(amount);
    if (!STANDARD.has(name) && !isHuge(name) && !name.includes('/'))
      findings.add(at, 'is no resource of a container', {
        hint: 'standard ones are cpu, memory, ephemeral-storage and hugepages-<size>; others have a domain, as nvidia.com/gpu has',
      });
    else if (!QUALIFIED_NAME.test(name)) findings.add(at, QUALIFIED_NAME.rule);
    if (quantity === undefined) continue;
    if (quantity.nano < 0n) findings.add(at, 'must not be negative', { value: amount });
    if (!STANDARD.has(name) && quantity.nano % NANO !== 0n)
      findings.add(at, 'must be a whole number', { value: amount });
  }
}

/** Checks `resources` of a container. */
export function checkResources(
  resources: unknown,
  path: string,
  claims: ReadonlySet<string>,
  findings: Findings,
): void {
  if (!isMap(resources)) return;
  const [requests, limits] = [field(resources, 'requests'), field(resources, 'limits')];
  checkAmounts(requests, below(path, 'requests'), findings);
  checkAmounts(limits, below(path, 'limits'), findings);
  for (const [name, amount] of Object.entries(isMap(requests) ? requests : {})) {
    const at = below(below(path, 'requests'), name);
    const limit = field(limits, name);
    const mustBeEqual = name.includes('/') || isHuge(name);
    const [asked, allowed] = [parseQuantity(amount), parseQuantity(limit)];
    if (limit === undefined && mustBeEqual)
      findings.add(at, `needs a limit of the same amount in limits`, { value: amount });
    if (asked === undefined || allowed === undefined) continue;
    const hint = `the limit is ${String(limit)}`;
    if (mustBeEqual && asked.nano !== allowed.nano) findings.add(at, 'must equal its limit', { value: amount, hint });
    else if (asked.nano > allowed.nano) findings.add(at, 'must not be more than its limit', { value: amount, hint });
  }
  const named = field(resources, 'claims');
  for (const [index, claim] of (Array.isArray(named) ? named : []).entries()) {
    const name = field(claim, 'name');
    if (typeof name === 'string' && !claims.has(name))
      findings.add(below(below(below(path, 'claims'), index), 'name'), 'must be one of spec.resourceClaims', {
        value: name,
      });
  }
}
