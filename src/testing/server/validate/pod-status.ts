/** Validation of changes of a pod's status. */
import { subdomainProblem } from '../../../wire/name-rules.js';
import { isMap, type JsonMap } from '../json.js';
import { type FieldFault, fault } from '../status.js';
import { mapOf, maps, textOf } from './kit.js';
import { ipProblem } from './names.js';

/** Faults of a change of a pod's status. */
export function podStatusFaults(object: JsonMap, old: JsonMap): FieldFault[] {
  const status = mapOf(object.status);
  const oldStatus = mapOf(old.status);
  const faults: FieldFault[] = [];
  if (status.qosClass !== oldStatus.qosClass && oldStatus.qosClass !== undefined)
    faults.push(fault.invalid('status.qosClass', status.qosClass, 'field is immutable'));
  const nominated = textOf(status.nominatedNodeName);
  if (nominated !== '' && nominated !== oldStatus.nominatedNodeName) {
    const problem = subdomainProblem(nominated);
    if (problem !== undefined) faults.push(fault.invalid('status.nominatedNodeName', nominated, problem));
    if (textOf(mapOf(object.spec).nodeName) !== '')
      faults.push(
        fault.forbidden('status.nominatedNodeName', 'may not be set on pods that are already bound to a node'),
      );
  }
  for (const field of ['podIPs', 'hostIPs'] as const)
    for (const [index, { ip }] of maps(status[field]).entries()) {
      const problem = ipProblem(textOf(ip));
      if (problem !== undefined) faults.push(fault.invalid(`status.${field}[${index}]`, ip, problem));
    }
  const restartPolicy = mapOf(object.spec).restartPolicy;
  const lists = [
    ['containerStatuses', restartPolicy] as const,
    ['initContainerStatuses', restartPolicy === 'Always' ? 'OnFailure' : restartPolicy] as const,
  ];
  for (const [field, policy] of lists) {
    if (policy === 'Always') continue;
    const before = Array.isArray(oldStatus[field]) ? oldStatus[field].filter(isMap) : [];
    const after = Array.isArray(status[field]) ? status[field].filter(isMap) : [];
    for (const [index, container] of after.entries()) {
      const previous = mapOf(before.find((item) => item.name === container.name)).state;
      const ended = mapOf(previous).terminated;
      if (!isMap(ended) || isMap(mapOf(container.state).terminated)) continue;
      if (policy === 'OnFailure' && ended.exitCode !== 0) continue;
      if (isSidecar(object, String(container.name))) continue;
      faults.push(
        fault.forbidden(`status.${field}[${index}].state`, 'may not be transitioned to non-terminated state'),
      );
    }
  }
  return faults;
}

function isSidecar(pod: JsonMap, name: string): boolean {
  const list = mapOf(pod.spec).initContainers;
  return (
    Array.isArray(list) &&
    list.some((container) => isMap(container) && container.name === name && container.restartPolicy === 'Always')
  );
}
