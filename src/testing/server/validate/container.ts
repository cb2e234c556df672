/** Validation of one container: ports, environment, mounts and probes. */
import { qualifiedNameProblems, subdomainProblem } from '../../../wire/name-rules.js';
import { isMap, type JsonMap } from '../json.js';
import { type FieldFault, fault } from '../status.js';
import { Faults, mapOf, maps, textOf } from './kit.js';
import { dnsLabelProblem, ipProblem, portNameProblems, variableNameProblem } from './names.js';
import { resourceFaults } from './resources.js';
import { securityFaults } from './security.js';
import { keyRefFaults, relativePath } from './volumes.js';

/** What the validation of a container has to know of its pod. */
export interface ContainerContext {
  readonly spec: JsonMap;
  readonly volumes: ReadonlySet<string>;
  readonly names: Set<string>;
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
const RESOURCE_FIELDS = ['cpu', 'ephemeral-storage', 'memory'].flatMap((name) => [
  `limits.${name}`,
  `requests.${name}`,
]);

function portFaults(faults: Faults, at: string, ports: JsonMap[], hostNetwork: boolean): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const field = `${at}[${index}]`;
    const name = textOf(port.name);
    if (name !== '') {
      const problems = portNameProblems(name);
      faults.problems(`${field}.name`, name, problems);
      if (problems.length === 0 && names.has(name)) faults.add(fault.duplicate(`${field}.name`, name));
      names.add(name);
    }
    if (port.containerPort === undefined || port.containerPort === 0)
      faults.add(fault.required(`${field}.containerPort`));
    else faults.between(`${field}.containerPort`, port.containerPort, 1, 65_535);
    if (port.hostPort !== 0) faults.between(`${field}.hostPort`, port.hostPort, 1, 65_535);
    faults.oneOf(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    const { hostPort } = port;
    if (hostNetwork && typeof hostPort === 'number' && hostPort !== 0 && hostPort !== port.containerPort)
      faults.add(fault.invalid(`${field}.hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
  }
}

function fieldRefFaults(faults: Faults, at: string, ref: JsonMap): void {
  const path = textOf(ref.fieldPath);
  const field = `${at}.fieldPath`;
  if (textOf(ref.apiVersion) === '') {
    faults.add(fault.required(`${at}.apiVersion`));
    return;
  }
  if (path === '') {
    faults.add(fault.required(field));
    return;
  }
  const convert = (why: string) => faults.add(fault.invalid(field, path, `error converting fieldPath: ${why}`));
  if (ref.apiVersion !== 'v1') {
    convert(`unsupported pod version: ${String(ref.apiVersion)}`);
    return;
  }
  const subscript = /^(.+)\['(.+)'\]$/.exec(path);
  if (subscript !== null) {
    if (!/^metadata\.(labels|annotations)$/.test(subscript[1] ?? '')) {
      convert(`field label does not support subscript: ${path}`);
      return;
    }
    const key = subscript[1] === 'metadata.annotations' ? (subscript[2] ?? '').toLowerCase() : (subscript[2] ?? '');
    faults.problems(at, key, qualifiedNameProblems(key));
    return;
  }
  if (/^metadata\.(labels|annotations)$/.test(path)) faults.oneOf(field, path, ENV_FIELD_PATHS);
  else if (!ENV_FIELD_PATHS.includes(path)) convert(`field label not supported: ${path}`);
}

function resourceFieldFaults(faults: Faults, at: string, ref: JsonMap): void {
  const resource = textOf(ref.resource);
  if (resource === '') {
    faults.add(fault.required(`${at}.resource`));
    return;
  }
  if (!RESOURCE_FIELDS.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    faults.oneOf(`${at}.resource`, resource, RESOURCE_FIELDS);
    return;
  }
  if (resource.endsWith('.cpu') && !['0', '1', '1m'].includes(String(ref.divisor ?? '0')))
    faults.add(
      fault.invalid(`${at}.divisor`, resource, "only divisor's values 1m and 1 are supported with the cpu resource"),
    );
}

function envFaults(faults: Faults, at: string, container: JsonMap): void {
  for (const [index, variable] of maps(container.env).entries()) {
    const field = `${at}.env[${index}]`;
    const name = textOf(variable.name);
    if (name === '') faults.add(fault.required(`${field}.name`));
    else faults.problems(`${field}.name`, name, [variableNameProblem(name)]);
    if (!isMap(variable.valueFrom)) continue;
    const from = variable.valueFrom;
    if (isMap(from.fieldRef)) fieldRefFaults(faults, `${field}.valueFrom.fieldRef`, from.fieldRef);
    if (isMap(from.resourceFieldRef))
      resourceFieldFaults(faults, `${field}.valueFrom.resourceFieldRef`, from.resourceFieldRef);
    keyRefFaults(faults, `${field}.valueFrom.configMapKeyRef`, from.configMapKeyRef, subdomainProblem);
    keyRefFaults(faults, `${field}.valueFrom.secretKeyRef`, from.secretKeyRef, subdomainProblem);
    const sources = Object.keys(from).length;
    const whole = (why: string) => faults.add(fault.invalid(`${field}.valueFrom`, '', why));
    if (sources === 0)
      whole('must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`');
    if (textOf(variable.value) !== '') {
      if (sources !== 0) whole('may not be specified when `value` is not empty');
    } else if (sources > 1) whole('may not have more than one field specified at a time');
  }
  for (const [index, source] of maps(container.envFrom).entries()) {
    const field = `${at}.envFrom[${index}]`;
    const prefix = textOf(source.prefix);
    if (prefix !== '') faults.problems(`${field}.prefix`, prefix, [variableNameProblem(prefix)]);
    const kinds = (['configMapRef', 'secretRef'] as const).filter((kind) => isMap(source[kind]));
    for (const kind of kinds) faults.required(`${field}.${kind}.name`, mapOf(source[kind]).name);
    if (kinds.length === 0)
      faults.add(fault.invalid(`${at}.envFrom`, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (kinds.length > 1)
      faults.add(fault.invalid(`${at}.envFrom`, '', 'may not have more than one field specified at a time'));
  }
}

function mountFaults(faults: Faults, at: string, container: JsonMap, volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  for (const [index, mount] of maps(container.volumeMounts).entries()) {
    const field = `${at}.volumeMounts[${index}]`;
    const name = textOf(mount.name);
    if (name === '') faults.add(fault.required(`${field}.name`));
    if (!volumes.has(name)) faults.add(fault.notFound(`${field}.name`, name));
    const path = textOf(mount.mountPath);
    if (path === '') faults.add(fault.required(`${field}.mountPath`));
    if (paths.has(path)) faults.add(fault.invalid(`${field}.mountPath`, path, 'must be unique'));
    paths.add(path);
    if (textOf(mount.subPath) !== '') relativePath(faults, `${at}.volumeMounts.subPath`, textOf(mount.subPath));
    if (textOf(mount.subPathExpr) !== '') {
      if (textOf(mount.subPath) !== '')
        faults.add(
          fault.invalid(`${field}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
        );
      relativePath(faults, `${at}.volumeMounts.subPathExpr`, textOf(mount.subPathExpr));
    }
    const propagation = mount.mountPropagation;
    faults.oneOf(`${at}.volumeMounts.mountPropagation`, propagation, ['Bidirectional', 'HostToContainer', 'None']);
    if (propagation === 'Bidirectional' && mapOf(container.securityContext).privileged !== true)
      faults.add(
        fault.forbidden(
          `${at}.volumeMounts.mountPropagation`,
          'Bidirectional mount propagation is available only to privileged containers',
        ),
      );
  }
  for (const [index, device] of maps(container.volumeDevices).entries()) {
    const field = `${at}.volumeDevices[${index}]`;
    faults.required(`${field}.name`, device.name);
    if (!volumes.has(textOf(device.name))) faults.add(fault.notFound(`${field}.name`, textOf(device.name)));
    faults.required(`${field}.devicePath`, device.devicePath);
  }
}

function portValueFaults(faults: Faults, field: string, port: unknown): void {
  if (typeof port === 'string') faults.problems(field, port, portNameProblems(port));
  else faults.between(field, port ?? 0, 1, 65_535);
}

function handlerFaults(faults: Faults, at: string, handler: JsonMap, grace: number): void {
  const kinds = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'].filter((kind) => isMap(handler[kind]));
  for (const [index, kind] of kinds.entries()) {
    const field = `${at}.${kind}`;
    const body = mapOf(handler[kind]);
    if (index > 0) {
      faults.add(fault.forbidden(field, 'may not specify more than 1 handler type'));
      continue;
    }
    if (kind === 'exec' && (!Array.isArray(body.command) || body.command.length === 0))
      faults.add(fault.required(`${field}.command`));
    if (kind === 'httpGet') {
      faults.required(`${field}.path`, body.path);
      portValueFaults(faults, `${field}.port`, body.port);
      faults.oneOf(`${field}.scheme`, body.scheme, ['HTTP', 'HTTPS']);
      for (const header of maps(body.httpHeaders))
        if (!/^[-A-Za-z0-9]+$/.test(textOf(header.name)))
          faults.add(
            fault.invalid(
              `${field}.httpHeaders`,
              textOf(header.name),
              "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
            ),
          );
    }
    if (kind === 'tcpSocket' || kind === 'grpc') portValueFaults(faults, `${field}.port`, body.port);
    if (kind === 'sleep' && Number(body.seconds ?? 0) > grace)
      faults.add(
        fault.invalid(
          field,
          body.seconds,
          `must be non-negative and less than terminationGracePeriodSeconds (${grace})`,
        ),
      );
  }
  if (kinds.length === 0) faults.add(fault.required(at, 'must specify a handler type'));
}

/** Faults of a container's hooks and probes. */
export function probeFaults(faults: Faults, at: string, container: JsonMap, spec: JsonMap): void {
  const grace = Number(spec.terminationGracePeriodSeconds ?? 30);
  if (isMap(container.lifecycle))
    for (const hook of ['postStart', 'preStop'])
      if (isMap(container.lifecycle[hook]))
        handlerFaults(faults, `${at}.lifecycle.${hook}`, container.lifecycle[hook] as JsonMap, grace);
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[kind];
    if (!isMap(probe)) continue;
    const field = `${at}.${kind}`;
    handlerFaults(faults, field, probe, grace);
    for (const number of [
      'initialDelaySeconds',
      'timeoutSeconds',
      'periodSeconds',
      'successThreshold',
      'failureThreshold',
    ])
      faults.notNegative(`${field}.${number}`, probe[number]);
    if (kind === 'readinessProbe') {
      if (probe.terminationGracePeriodSeconds !== undefined)
        faults.add(
          fault.invalid(
            `${field}.terminationGracePeriodSeconds`,
            probe.terminationGracePeriodSeconds,
            'must not be set for readinessProbes',
          ),
        );
    } else if (probe.successThreshold !== 1)
      faults.add(fault.invalid(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
}

function resizeFaults(faults: Faults, at: string, container: JsonMap, spec: JsonMap): void {
  for (const policy of maps(container.resizePolicy)) {
    faults.oneOf(at, policy.resourceName, ['cpu', 'memory']);
    faults.oneOf(at, policy.restartPolicy, ['NotRequired', 'RestartContainer']);
    if (spec.restartPolicy === 'Never' && policy.restartPolicy !== 'NotRequired')
      faults.add(fault.invalid(at, policy.restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  }
}

const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];

/** Faults that containers of every sort can have. */
export function containerFaults(faults: Faults, container: JsonMap, at: string, context: ContainerContext): void {
  const { spec, names } = context;
  const name = textOf(container.name);
  if (name === '') faults.add(fault.required(`${at}.name`));
  else faults.problems(`${at}.name`, name, [dnsLabelProblem(name)]);
  const image = textOf(container.image);
  if (image === '') faults.add(fault.required(`${at}.image`));
  else if (image !== image.trim())
    faults.add(fault.invalid(`${at}.image`, image, 'must not have leading or trailing whitespace'));
  if (!MESSAGE_POLICIES.includes(textOf(container.terminationMessagePolicy)))
    faults.add(
      fault.unsupported(`${at}.terminationMessagePolicy`, container.terminationMessagePolicy, MESSAGE_POLICIES),
    );
  portFaults(faults, `${at}.ports`, maps(container.ports), spec.hostNetwork === true);
  envFaults(faults, at, container);
  mountFaults(faults, at, container, context.volumes);
  faults.oneOf(`${at}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  resourceFaults(faults, container.resources, `${at}.resources`);
  resizeFaults(faults, `${at}.resizePolicy`, container, spec);
  securityFaults(faults, container.securityContext, `${at}.securityContext`);
  if (name === '') return;
  if (names.has(name)) faults.add(fault.duplicate(`${at}.name`, name));
  names.add(name);
}

/** Host ports that several containers of a list ask for. */
export function hostPortFaults(list: readonly JsonMap[], at: string): FieldFault[] {
  const faults = new Faults();
  const taken = new Set<string>();
  for (const [index, container] of list.entries())
    for (const [number, port] of maps(container.ports).entries()) {
      if (typeof port.hostPort !== 'number' || port.hostPort === 0) continue;
      const id = `${textOf(port.protocol)}/${textOf(port.hostIP)}/${port.hostPort}`;
      if (taken.has(id)) faults.add(fault.duplicate(`${at}[${index}].ports[${number}].hostPort`, id));
      taken.add(id);
    }
  return faults.list;
}

/** What is wrong with an address, as an alias or a name server. */
export function addressFaults(faults: Faults, field: string, address: unknown): void {
  faults.problems(field, textOf(address), [ipProblem(textOf(address))]);
}
