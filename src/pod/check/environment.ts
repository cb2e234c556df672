/** Environment of a container. Values are never shown. */
import { below, CONFIG_KEY, ENV_NAME, type Findings, field, isMap, type JsonMap, maps, text } from './findings.js';

const SOURCES = ['configMapKeyRef', 'fieldRef', 'fileKeyRef', 'resourceFieldRef', 'secretKeyRef'];
const FIELD_PATHS =
  /^(metadata\.(name|namespace|uid)|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?)|metadata\.(labels|annotations)\['[^']+'\])$/;
const RESOURCES = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/;

function checkKeyReference(reference: unknown, path: string, findings: Findings): void {
  if (!isMap(reference)) return;
  if (text(field(reference, 'name')) === '') findings.add(below(path, 'name'), 'must name an object');
  const key = text(field(reference, 'key'));
  if (key === '') findings.add(below(path, 'key'), 'must name a key');
  else findings.shape(below(path, 'key'), key, CONFIG_KEY);
}

function checkValueFrom(variable: JsonMap, path: string, findings: Findings): void {
  const from = field(variable, 'valueFrom');
  if (!isMap(from)) return;
  const at = below(path, 'valueFrom');
  if (text(field(variable, 'value')))
    findings.add(at, 'must not stand beside a value', { hint: 'keep one of the two' });
  const given = SOURCES.filter((name) => field(from, name) !== undefined);
  if (given.length !== 1) findings.add(at, `must have exactly one source, of ${SOURCES.join(', ')}`);
  for (const name of ['configMapKeyRef', 'secretKeyRef'])
    checkKeyReference(field(from, name), below(at, name), findings);
  const fieldPath = text(field(field(from, 'fieldRef'), 'fieldPath'));
  if (fieldPath !== undefined && !FIELD_PATHS.test(fieldPath))
    findings.add(below(below(at, 'fieldRef'), 'fieldPath'), 'is no field that a variable can take', {
      value: fieldPath,
      hint: "for example metadata.name, metadata.labels['app'], spec.nodeName, status.podIP",
    });
  const resource = text(field(field(from, 'resourceFieldRef'), 'resource'));
  if (resource !== undefined && !RESOURCES.test(resource))
    findings.add(below(below(at, 'resourceFieldRef'), 'resource'), 'is no resource that a variable can take', {
      value: resource,
      hint: 'for example limits.memory or requests.cpu',
    });
}

/** Checks `env` and `envFrom` of a container. */
export function checkEnvironment(container: JsonMap, path: string, findings: Findings): void {
  const at = below(path, 'env');
  const env = maps(field(container, 'env'));
  for (const [index, variable] of env.entries()) {
    const name = text(field(variable, 'name'));
    if (name === '') findings.add(below(below(at, index), 'name'), 'must not be empty');
    else findings.shape(below(below(at, index), 'name'), name, ENV_NAME);
    checkValueFrom(variable, below(at, index), findings);
  }
  // A server takes them, and the kubelet the last of them: somebody's value would be lost without a word.
  findings.unique(
    at,
    env.map((one) => text(field(one, 'name'))),
    'name',
    "container's variables",
  );
  for (const [index, source] of maps(field(container, 'envFrom')).entries()) {
    const here = below(below(path, 'envFrom'), index);
    const given = ['configMapRef', 'secretRef'].filter((name) => field(source, name) !== undefined);
    if (given.length !== 1) findings.add(here, 'must have exactly one of configMapRef and secretRef');
    for (const name of given)
      if (!text(field(field(source, name), 'name')))
        findings.add(below(below(here, name), 'name'), 'must name an object');
    const prefix = text(field(source, 'prefix'));
    if (prefix !== '') findings.shape(below(here, 'prefix'), prefix, ENV_NAME);
  }
}
