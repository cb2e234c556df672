/** What the API server warns of though it takes the pod. */
import { parseQuantity } from '../../wire/quantity.js';
import { isMap, type JsonMap } from './json.js';
import { mapOf, maps, textOf } from './validate/kit.js';

function portWarnings(ports: JsonMap[], at: string): string[] {
  const texts: string[] = [];
  const seen = new Map<string, number>();
  for (const [index, port] of ports.entries()) {
    const { name = '', hostPort = 0, containerPort = 0, protocol = 'TCP', hostIP = '' } = port;
    if (hostIP !== '' && hostPort === 0)
      texts.push(
        `${at}.ports[${index}]: hostIP set without hostPort: {Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`,
      );
    const id = `${containerPort}/${protocol}/${hostPort}/${hostIP}`;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, index);
    else texts.push(`${at}.ports[${index}]: duplicate port definition with ${at}.ports[${first}]`);
  }
  return texts;
}

function containerWarnings(container: JsonMap, at: string): string[] {
  const texts = portWarnings(maps(container.ports), at);
  const resources = mapOf(container.resources);
  for (const side of ['limits', 'requests']) {
    const value = mapOf(resources[side]).memory;
    if ((parseQuantity(value)?.nano ?? 0n) % 1_000_000_000n !== 0n)
      texts.push(
        `${at}.resources.${side}[memory]: fractional byte value ${JSON.stringify(value)} is invalid, must be an integer`,
      );
  }
  const names = new Set<string>();
  for (const [index, variable] of maps(container.env).entries()) {
    const name = textOf(variable.name);
    if (names.has(name))
      texts.push(
        `${at}.env[${index}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
      );
    names.add(name);
  }
  return texts;
}

/** Warnings about a new pod. */
export function podWarnings(pod: JsonMap): string[] {
  const spec = mapOf(pod.spec);
  const texts: string[] = [];
  const name = textOf(mapOf(pod.metadata).name);
  if (name.includes('.'))
    texts.push(
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
    );
  const secrets = new Set<string>();
  for (const [index, secret] of maps(spec.imagePullSecrets).entries()) {
    const at = `spec.imagePullSecrets[${index}].name`;
    if (textOf(secret.name) === '') texts.push(`${at}: invalid empty name ""`);
    else if (secrets.has(textOf(secret.name))) texts.push(`${at}: duplicate name ${JSON.stringify(secret.name)}`);
    secrets.add(textOf(secret.name));
  }
  for (const volume of maps(spec.volumes))
    if (isMap(volume.projected) && maps(volume.projected.sources).some((source) => Object.keys(source).length === 0))
      texts.push(`volume ${JSON.stringify(volume.name)} (Projected) has no sources provided`);
  for (const field of ['initContainers', 'containers'])
    for (const [index, container] of maps(spec[field]).entries())
      texts.push(...containerWarnings(container, `spec.${field}[${index}]`));
  return texts;
}
