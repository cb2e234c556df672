/** Validation of ephemeral containers. */
import { type JsonMap, sameJson } from '../json.js';
import { type FieldFault, fault } from '../status.js';
import { Faults, maps, textOf } from './kit.js';
import { dnsLabelProblem } from './names.js';
import { ephemeralDiff } from './spec-dump.js';

/** Fields of containers that those for debugging cannot have. */
const FORBIDDEN = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resizePolicy'];

/** Faults of a change of the ephemeral containers: new ones may come, the others stay as they are. */
export function ephemeralFaults(spec: JsonMap, old: JsonMap): FieldFault[] {
  const faults = new Faults();
  const taken = new Set([...maps(spec.initContainers), ...maps(spec.containers)].map(({ name }) => name));
  const mains = new Set(maps(spec.containers).map(({ name }) => name));
  const given = maps(spec.ephemeralContainers);
  for (const [index, container] of given.entries()) {
    const at = `spec.ephemeralContainers[${index}]`;
    const name = textOf(container.name);
    if (name === '') faults.add(fault.required(`${at}.name`));
    else faults.problems(`${at}.name`, name, [dnsLabelProblem(name)]);
    if (taken.has(name)) faults.add(fault.duplicate(`${at}.name`, name));
    taken.add(name);
    faults.required(`${at}.image`, container.image);
    const target = textOf(container.targetContainerName);
    if (target !== '' && !mains.has(target)) faults.add(fault.notFound(`${at}.targetContainerName`, target));
    for (const field of FORBIDDEN)
      if (container[field] !== undefined)
        faults.add(fault.forbidden(`${at}.${field}`, 'cannot be set for an Ephemeral Container'));
  }
  for (const before of maps(old.ephemeralContainers)) {
    const now = given.find(({ name }) => name === before.name);
    if (now !== undefined && sameJson(now, before)) continue;
    const what = now === undefined ? 'removed\n' : `changed\n${ephemeralDiff(now, before)}`;
    faults.add(
      fault.forbidden(
        'spec.ephemeralContainers',
        `existing ephemeral containers ${JSON.stringify(before.name)} may not be ${what}`,
      ),
    );
  }
  return faults.list;
}
