/** Containers of every kind: what each must have, and what only some may. */
import { checkEnvironment } from './environment.js';
import { below, DNS_LABEL, type Findings, field, isMap, type JsonMap, maps, PORT_NAME, text } from './findings.js';
import { checkResources } from './resources.js';
import { checkMounts } from './volumes.js';

/** What of the pod a container is checked against. */
export interface PodContext {
  readonly volumes: ReadonlyMap<string, JsonMap>;
  readonly resourceClaims: ReadonlySet<string>;
  readonly isHostNetwork: boolean;
  readonly isWindows: boolean;
}

const HANDLERS = ['exec', 'grpc', 'httpGet', 'tcpSocket'];
const MAX_PORT = 65_535;
/** A kernel takes no longer single argument or variable (MAX_ARG_STRLEN, 32 pages), whatever the server accepts. */
const MAX_ARGUMENT_BYTES = 131_071;

const isPort = (port: unknown) => typeof port === 'number' && port >= 1 && port <= MAX_PORT;

function checkHandler(handler: unknown, path: string, kinds: readonly string[], findings: Findings): void {
  if (!isMap(handler)) return;
  const given = kinds.filter((name) => field(handler, name) !== undefined);
  if (given.length !== 1) findings.add(path, `must have exactly one of ${kinds.join(', ')}`);
  for (const name of given) {
    const port = field(handler[name], 'port');
    const at = below(below(path, name), 'port');
    if (typeof port === 'number' && !isPort(port))
      findings.add(at, `must be a port from 1 to ${MAX_PORT}`, { value: port });
    if (typeof port === 'string') findings.shape(at, port, PORT_NAME);
  }
  const command = field(handler.exec, 'command');
  if (isMap(handler.exec) && !(Array.isArray(command) && command.length > 0))
    findings.add(`${path}.exec.command`, 'must have a program');
}

function checkProbe(container: JsonMap, name: string, path: string, findings: Findings): void {
  const probe = field(container, name);
  const at = below(path, name);
  checkHandler(probe, at, HANDLERS, findings);
  for (const number of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ]) {
    const value = field(probe, number);
    if (typeof value === 'number' && value < 0) findings.add(below(at, number), 'must not be negative', { value });
  }
  const grace = field(probe, 'terminationGracePeriodSeconds');
  if (typeof grace === 'number' && grace < 1)
    findings.add(below(at, 'terminationGracePeriodSeconds'), 'must be at least 1', { value: grace });
  const successes = field(probe, 'successThreshold');
  if (name !== 'readinessProbe' && typeof successes === 'number' && successes > 1)
    findings.add(below(at, 'successThreshold'), 'must be 1', { value: successes });
}

function checkPorts(container: JsonMap, path: string, { isHostNetwork }: PodContext, findings: Findings): void {
  const ports = maps(field(container, 'ports'));
  for (const [index, port] of ports.entries()) {
    const at = below(below(path, 'ports'), index);
    const [inner, outer] = [field(port, 'containerPort'), field(port, 'hostPort')];
    const name = text(field(port, 'name'));
    if (name) findings.shape(below(at, 'name'), name, PORT_NAME);
    if (typeof inner === 'number' && !isPort(inner))
      findings.add(below(at, 'containerPort'), `must be a port from 1 to ${MAX_PORT}`, { value: inner });
    if (typeof outer === 'number' && outer !== 0 && !isPort(outer))
      findings.add(below(at, 'hostPort'), `must be a port from 1 to ${MAX_PORT}`, { value: outer });
    else if (isHostNetwork && typeof outer === 'number' && outer !== 0 && outer !== inner)
      findings.add(below(at, 'hostPort'), 'must equal containerPort, since the pod uses the network of its node', {
        value: outer,
      });
  }
  findings.unique(
    below(path, 'ports'),
    ports.map((one) => text(field(one, 'name')) || undefined),
    'name',
    "container's ports",
  );
}

function checkSecurity(container: JsonMap, path: string, findings: Findings): void {
  const context = field(container, 'securityContext');
  const at = below(path, 'securityContext');
  for (const name of ['runAsUser', 'runAsGroup']) {
    const id = field(context, name);
    if (typeof id === 'number' && (id < 0 || id > 2 ** 31 - 1))
      findings.add(below(at, name), 'must be from 0 to 2147483647', { value: id });
  }
  if (field(context, 'allowPrivilegeEscalation') !== false) return;
  const added = field(field(context, 'capabilities'), 'add');
  const hint = 'leave allowPrivilegeEscalation out, or the privilege';
  if (field(context, 'privileged') === true)
    findings.add(below(at, 'allowPrivilegeEscalation'), 'must not be false in a privileged container', { hint });
  if (Array.isArray(added) && (added.includes('CAP_SYS_ADMIN') || added.includes('SYS_ADMIN')))
    findings.add(below(at, 'allowPrivilegeEscalation'), 'must not be false with the capability SYS_ADMIN', { hint });
}

function checkArguments(container: JsonMap, path: string, findings: Findings): void {
  for (const list of ['command', 'args']) {
    const values = field(container, list);
    for (const [index, value] of (Array.isArray(values) ? values : []).entries())
      if (typeof value === 'string' && Buffer.byteLength(value) > MAX_ARGUMENT_BYTES)
        findings.add(
          below(below(path, list), index),
          `must not be longer than ${MAX_ARGUMENT_BYTES} bytes, as Linux starts no program with it`,
          {
            hint: 'pass it as a file, by a volume from a ConfigMap or a Secret',
          },
        );
  }
  for (const [index, variable] of maps(field(container, 'env')).entries()) {
    const value = `${text(field(variable, 'name')) ?? ''}=${text(field(variable, 'value')) ?? ''}`;
    if (Buffer.byteLength(value) > MAX_ARGUMENT_BYTES)
      findings.add(
        below(below(below(path, 'env'), index), 'value'),
        `must not be longer than ${MAX_ARGUMENT_BYTES} bytes with its name, as Linux starts no program with it`,
        {
          hint: 'pass it as a file, by a volume from a ConfigMap or a Secret',
        },
      );
  }
}

/** Checks one container; `kind` is the list that it stands in. */
export function checkContainer(
  container: JsonMap,
  path: string,
  kind: string,
  pod: PodContext,
  findings: Findings,
): void {
  findings.shape(below(path, 'name'), field(container, 'name'), DNS_LABEL);
  const image = field(container, 'image');
  if (image === undefined || image === '')
    findings.add(below(path, 'image'), 'is required', { hint: 'every container needs an image' });
  else if (typeof image === 'string' && image !== image.trim())
    findings.add(below(path, 'image'), 'must not begin or end with blanks', { value: image });
  else if (typeof image === 'string' && !isImage(image))
    findings.add(below(path, 'image'), 'is no reference of an image', {
      value: image,
      hint: 'a reference is [registry/]name[:tag][@digest], the name in lower case',
    });
  checkPorts(container, path, pod, findings);
  checkEnvironment(container, path, findings);
  checkMounts(container, path, pod.volumes, findings);
  checkResources(field(container, 'resources'), below(path, 'resources'), pod.resourceClaims, findings);
  checkSecurity(container, path, findings);
  if (!pod.isWindows) checkArguments(container, path, findings);
  const restart = field(container, 'restartPolicy');
  const isSidecar = kind === 'initContainers' && restart === 'Always';
  const mayProbe = kind === 'containers' || isSidecar;
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (!mayProbe && field(container, probe) !== undefined)
      findings.add(below(path, probe), 'must not be set on this kind of container', {
        hint: 'only containers, and initContainers with restartPolicy: Always, are probed',
      });
    else checkProbe(container, probe, path, findings);
  }
  const lifecycle = field(container, 'lifecycle');
  if (!mayProbe && lifecycle !== undefined)
    findings.add(below(path, 'lifecycle'), 'must not be set on this kind of container');
  for (const hook of ['postStart', 'preStop'])
    checkHandler(
      field(lifecycle, hook),
      `${below(path, 'lifecycle')}.${hook}`,
      ['exec', 'httpGet', 'sleep', 'tcpSocket'],
      findings,
    );
}

const IMAGE =
  /^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?(:\d+)?\/|\[[0-9a-fA-F:]+\](:\d+)?\/)?[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)*(:\w[\w.-]{0,127})?(@[A-Za-z][\w+.-]*:[0-9a-fA-F]{32,})?$/;
/** A server takes any text; the kubelet then fails with InvalidImageName. Templates are rendered before. */
const isImage = (image: string) => IMAGE.test(image);
