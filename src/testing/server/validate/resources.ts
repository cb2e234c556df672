/** Validation of the resources that a container asks for. */
import { qualifiedNameProblems } from '../../../wire/name-rules.js';
import { parseQuantity } from '../../../wire/quantity.js';
import { isMap, type JsonMap } from '../json.js';
import { fault } from '../status.js';
import { type Faults, mapOf } from './kit.js';

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage']);
const BILLION = 1_000_000_000n;

const isHuge = (name: string) => name.startsWith('hugepages-');
const isExtended = (name: string) =>
  name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');

function nameFaults(faults: Faults, field: string, name: string): void {
  const problems = qualifiedNameProblems(name);
  faults.problems(field, name, problems);
  if (name.includes('/') || STANDARD.has(name) || isHuge(name)) return;
  if (problems.length === 0)
    faults.add(fault.invalid(field, name, 'must be a standard resource type or fully qualified'));
  faults.add(fault.invalid(field, name, 'must be a standard resource for containers'));
}

function quantityFaults(faults: Faults, field: string, name: string, value: unknown): void {
  const nano = parseQuantity(value)?.nano;
  if (nano === undefined) return;
  if (nano < 0n) faults.add(fault.invalid(field, value, 'must be greater than or equal to 0'));
  if (isExtended(name) && nano % BILLION !== 0n) faults.add(fault.invalid(field, value, 'must be an integer'));
}

/** Faults of a container's requests and limits. */
export function resourceFaults(faults: Faults, resources: unknown, at: string): void {
  if (!isMap(resources)) return;
  const limits: JsonMap = mapOf(resources.limits);
  const requests: JsonMap = mapOf(resources.requests);
  for (const name of Object.keys(limits).sort()) {
    nameFaults(faults, `${at}.limits[${name}]`, name);
    quantityFaults(faults, `${at}.limits[${name}]`, name, limits[name]);
  }
  for (const name of Object.keys(requests).sort()) {
    nameFaults(faults, `${at}.requests[${name}]`, name);
    quantityFaults(faults, `${at}.requests[${name}]`, name, requests[name]);
    const request = parseQuantity(requests[name]);
    const limit = parseQuantity(limits[name]);
    const isFixed = isExtended(name) || isHuge(name);
    if (limit === undefined) {
      if (isFixed) faults.add(fault.required(`${at}.limits`, 'Limit must be set for non overcommitable resources'));
      continue;
    }
    if (request === undefined) continue;
    if (isFixed && request.nano !== limit.nano)
      faults.add(
        fault.invalid(`${at}.requests`, requests[name], `must be equal to ${name} limit of ${String(limits[name])}`),
      );
    else if (request.nano > limit.nano)
      faults.add(
        fault.invalid(
          `${at}.requests`,
          requests[name],
          `must be less than or equal to ${name} limit of ${String(limits[name])}`,
        ),
      );
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHuge) && !names.some((name) => name === 'cpu' || name === 'memory'))
    faults.add(fault.forbidden(at, 'HugePages require cpu or memory'));
}
