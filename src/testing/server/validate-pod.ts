/** Validation of pods, with the API server's fields and messages. */
import { parseQuantity } from '../../wire/quantity.js';
import { isMap, type JsonMap, sameJson } from './json.js';
import { type FieldFault, fault } from './status.js';
import { dnsLabelProblem, labelFaults, subdomainProblem } from './validate-meta.js';

const maps = (value: unknown): JsonMap[] => (Array.isArray(value) ? value.filter(isMap) : []);

function oneOf(faults: FieldFault[], field: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined) return;
  if (!allowed.includes(value as string)) faults.push(fault.unsupported(field, value, allowed));
}

const ENV_FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

function envFaults(faults: FieldFault[], env: unknown, field: string): void {
  for (const [index, variable] of maps(env).entries()) {
    const at = `${field}[${index}]`;
    if (typeof variable.name !== 'string' || variable.name === '') faults.push(fault.required(`${at}.name`));
    if (!isMap(variable.valueFrom)) continue;
    const sources = Object.keys(variable.valueFrom);
    if (variable.value !== undefined && variable.value !== '')
      faults.push(fault.invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    if (sources.length === 0)
      faults.push(
        fault.invalid(
          `${at}.valueFrom`,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        ),
      );
    if (sources.length > 1)
      faults.push(fault.invalid(`${at}.valueFrom`, '', 'may not have more than one field specified at a time'));
    const ref = variable.valueFrom.fieldRef;
    if (isMap(ref)) {
      const path = ref.fieldPath;
      if (typeof path !== 'string' || path === '') faults.push(fault.required(`${at}.valueFrom.fieldRef.fieldPath`));
      else if (!ENV_FIELD_PATHS.includes(path) && !/^metadata\.(labels|annotations)\['.+'\]$/.test(path)) {
        if (/^(metadata|spec|status)\./.test(path) && /^metadata\.(labels|annotations)$/.test(path))
          faults.push(fault.unsupported(`${at}.valueFrom.fieldRef.fieldPath`, path, ENV_FIELD_PATHS));
        else
          faults.push(
            fault.invalid(
              `${at}.valueFrom.fieldRef.fieldPath`,
              path,
              `error converting fieldPath: field label not supported: ${path}`,
            ),
          );
      }
    }
  }
}

function resourceFaults(faults: FieldFault[], resources: unknown, field: string): void {
  if (!isMap(resources)) return;
  const limits = isMap(resources.limits) ? resources.limits : {};
  const requests = isMap(resources.requests) ? resources.requests : {};
  for (const [side, quantities] of [
    ['limits', limits],
    ['requests', requests],
  ] as const) {
    for (const [name, value] of Object.entries(quantities)) {
      const quantity = parseQuantity(value);
      if (quantity !== undefined && quantity.nano < 0n)
        faults.push(fault.invalid(`${field}.${side}[${name}]`, value, 'must be greater than or equal to 0'));
    }
  }
  for (const [name, value] of Object.entries(requests)) {
    const request = parseQuantity(value);
    const limit = parseQuantity(limits[name]);
    if (request !== undefined && limit !== undefined && request.nano > limit.nano)
      faults.push(
        fault.invalid(
          `${field}.requests`,
          value,
          `must be less than or equal to ${name} limit of ${String(limits[name])}`,
        ),
      );
  }
}

function containerFaults(
  faults: FieldFault[],
  container: JsonMap,
  at: string,
  volumes: ReadonlySet<string>,
  names: Set<string>,
): void {
  const { name } = container;
  if (typeof name !== 'string' || name === '') faults.push(fault.required(`${at}.name`));
  else {
    const problem = dnsLabelProblem(name);
    if (problem !== undefined) faults.push(fault.invalid(`${at}.name`, name, problem));
    if (names.has(name)) faults.push(fault.duplicate(`${at}.name`, name));
    names.add(name);
  }
  if (typeof container.image !== 'string' || container.image === '') faults.push(fault.required(`${at}.image`));
  else if (container.image !== container.image.trim())
    faults.push(fault.invalid(`${at}.image`, container.image, 'must not have leading or trailing whitespace'));
  oneOf(faults, `${at}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    'File',
    'FallbackToLogsOnError',
  ]);
  const ports = maps(container.ports);
  for (const [index, port] of ports.entries()) {
    const value = port.containerPort;
    if (value === undefined || value === 0) faults.push(fault.required(`${at}.ports[${index}].containerPort`));
    else if (typeof value === 'number' && (value < 1 || value > 65_535))
      faults.push(
        fault.invalid(`${at}.ports[${index}].containerPort`, value, 'must be between 1 and 65535, inclusive'),
      );
    oneOf(faults, `${at}.ports[${index}].protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
  }
  envFaults(faults, container.env, `${at}.env`);
  const paths = new Set<string>();
  for (const [index, mount] of maps(container.volumeMounts).entries()) {
    const field = `${at}.volumeMounts[${index}]`;
    if (typeof mount.name !== 'string' || mount.name === '') faults.push(fault.required(`${field}.name`));
    else if (!volumes.has(mount.name)) faults.push(fault.notFound(`${field}.name`, mount.name));
    if (typeof mount.mountPath !== 'string' || mount.mountPath === '')
      faults.push(fault.required(`${field}.mountPath`));
    else if (paths.has(mount.mountPath))
      faults.push(fault.invalid(`${field}.mountPath`, mount.mountPath, 'must be unique'));
    else paths.add(mount.mountPath);
  }
  oneOf(faults, `${at}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  resourceFaults(faults, container.resources, `${at}.resources`);
}

function volumeFaults(faults: FieldFault[], volumes: unknown): Set<string> {
  const names = new Set<string>();
  for (const [index, volume] of maps(volumes).entries()) {
    const at = `spec.volumes[${index}]`;
    const sources = Object.keys(volume).filter((field) => field !== 'name');
    for (const source of sources.slice(1))
      faults.push(fault.forbidden(`${at}.${source}`, 'may not specify more than 1 volume type'));
    if (typeof volume.name !== 'string' || volume.name === '') faults.push(fault.required(`${at}.name`));
    else {
      const problem = dnsLabelProblem(volume.name);
      if (problem !== undefined) faults.push(fault.invalid(`${at}.name`, volume.name, problem));
      if (names.has(volume.name)) faults.push(fault.duplicate(`${at}.name`, volume.name));
      names.add(volume.name);
    }
    if (isMap(volume.configMap) && !volume.configMap.name) faults.push(fault.required(`${at}.configMap.name`));
    if (isMap(volume.secret) && !volume.secret.secretName) faults.push(fault.required(`${at}.secret.secretName`));
    if (isMap(volume.hostPath) && !volume.hostPath.path) faults.push(fault.required(`${at}.hostPath.path`));
    if (isMap(volume.persistentVolumeClaim) && !volume.persistentVolumeClaim.claimName)
      faults.push(fault.required(`${at}.persistentVolumeClaim.claimName`));
  }
  return names;
}

/** Faults of a pod's spec after defaulting. */
export function podSpecFaults(spec: JsonMap): FieldFault[] {
  const faults: FieldFault[] = [];
  const volumes = volumeFaults(faults, spec.volumes);
  const names = new Set<string>();
  const containers = maps(spec.containers);
  if (containers.length === 0) faults.push(fault.required('spec.containers'));
  for (const [index, container] of containers.entries())
    containerFaults(faults, container, `spec.containers[${index}]`, volumes, names);
  for (const [index, container] of maps(spec.initContainers).entries())
    containerFaults(faults, container, `spec.initContainers[${index}]`, volumes, names);
  oneOf(faults, 'spec.restartPolicy', spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  oneOf(faults, 'spec.dnsPolicy', spec.dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']);
  faults.push(...labelFaults(spec.nodeSelector, 'spec.nodeSelector'));
  if (typeof spec.serviceAccountName === 'string') {
    const problem = subdomainProblem(spec.serviceAccountName);
    if (problem !== undefined) faults.push(fault.invalid('spec.serviceAccountName', spec.serviceAccountName, problem));
  }
  if (typeof spec.nodeName === 'string' && spec.nodeName !== '') {
    const problem = subdomainProblem(spec.nodeName);
    if (problem !== undefined) faults.push(fault.invalid('spec.nodeName', spec.nodeName, problem));
  }
  const deadline = spec.activeDeadlineSeconds;
  if (typeof deadline === 'number' && (deadline < 1 || deadline > 2 ** 31 - 1))
    faults.push(fault.invalid('spec.activeDeadlineSeconds', deadline, 'must be between 1 and 2147483647, inclusive'));
  for (const [index, toleration] of maps(spec.tolerations).entries()) {
    const at = `spec.tolerations[${index}]`;
    oneOf(faults, `${at}.operator`, toleration.operator === '' ? undefined : toleration.operator, ['Equal', 'Exists']);
    oneOf(faults, `${at}.effect`, toleration.effect === '' ? undefined : toleration.effect, [
      'NoSchedule',
      'PreferNoSchedule',
      'NoExecute',
    ]);
    if (!toleration.key && toleration.operator !== 'Exists')
      faults.push(
        fault.invalid(
          `${at}.operator`,
          toleration.operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
  }
  if (maps(spec.schedulingGates).length > 0 && spec.nodeName)
    faults.push(fault.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return faults;
}

const UPDATE_RULE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Faults of a change of a pod's spec. */
export function podUpdateFaults(spec: JsonMap, old: JsonMap): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const field of ['containers', 'initContainers'] as const) {
    if (maps(spec[field]).length !== maps(old[field]).length) {
      const what = field === 'containers' ? 'containers' : 'init containers';
      faults.push(fault.forbidden(`spec.${field}`, `pod updates may not add or remove ${what}`));
    }
  }
  if (faults.length > 0) return faults;
  const { activeDeadlineSeconds: deadline } = spec;
  const oldDeadline = old.activeDeadlineSeconds;
  if (typeof oldDeadline === 'number') {
    if (deadline === undefined)
      faults.push(
        fault.invalid('spec.activeDeadlineSeconds', null, 'must not update from a positive integer to nil value'),
      );
    else if (typeof deadline === 'number' && deadline > oldDeadline)
      faults.push(
        fault.invalid('spec.activeDeadlineSeconds', deadline, 'must be less than or equal to previous value'),
      );
  }
  const tolerations = maps(spec.tolerations);
  const kept = maps(old.tolerations).every((item) => tolerations.some((other) => sameJson(other, item)));
  if (!kept)
    faults.push(
      fault.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    );
  const oldGates = maps(old.schedulingGates).map((gate) => gate.name);
  for (const [index, gate] of maps(spec.schedulingGates).entries()) {
    if (!oldGates.includes(gate.name))
      faults.push(
        fault.forbidden(
          `spec.schedulingGates[${index}].name`,
          `only deletion is allowed, but found new scheduling gate '${String(gate.name)}'`,
        ),
      );
  }
  const comparable = (value: JsonMap) => {
    const { activeDeadlineSeconds: _, tolerations: _t, schedulingGates: _g, ...rest } = value;
    if (oldGates.length > 0) {
      delete rest.nodeSelector;
      delete rest.affinity;
    }
    const imageless = (list: unknown) => maps(list).map(({ image: _i, ...container }) => container);
    return { ...rest, containers: imageless(value.containers), initContainers: imageless(value.initContainers) };
  };
  if (!sameJson(comparable(spec), comparable(old))) faults.push(fault.forbidden('spec', UPDATE_RULE));
  return faults;
}
