/** The variables of a container: literal ones, those of the pod itself, and those from config maps and secrets. */
import { quantityValue } from '../../wire/quantity.js';
import type { Container, KubeObject, Pod } from '../../wire/types.js';
import { ContainerConfigError } from './runtime.js';

/** Reads an object of the core group by its path; `undefined` where there is none. */
export type ReadObject = (path: string) => Promise<KubeObject | undefined>;

interface KeyRef {
  readonly name?: string;
  readonly key?: string;
  readonly optional?: boolean;
}

const SOURCES = {
  configMap: { path: 'configmaps', word: 'configmap', kind: 'ConfigMap' },
  secret: { path: 'secrets', word: 'secret', kind: 'Secret' },
} as const;
type Source = keyof typeof SOURCES;

/** Labels or annotations as a file has them: one a line, in the order of their keys. */
const asLines = (map: Readonly<Record<string, string>> = {}) =>
  Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');

/** A field of the pod, as its containers may see it. */
export function fieldValue(pod: Pod, path: string): string {
  const { metadata = {}, spec, status } = pod;
  const named: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'metadata.labels': asLines(metadata.labels),
    'metadata.annotations': asLines(metadata.annotations),
    'spec.nodeName': spec?.nodeName,
    'spec.serviceAccountName': spec?.serviceAccountName,
    'status.podIP': status?.podIP,
    'status.hostIP': status?.hostIP,
  };
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed !== null) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? '';
  return named[path] ?? '';
}

/** A request or limit of a container, in units of the divisor, rounded up. */
export function resourceValue(container: Container, ref: { resource?: string; divisor?: unknown }): string {
  const [side = '', name = ''] = (ref.resource ?? '').split(/\.(.*)/);
  const amounts = container.resources?.[side as 'limits' | 'requests'] as Record<string, unknown> | undefined;
  const divisor = quantityValue(ref.divisor) || 1;
  return String(Math.ceil((quantityValue(amounts?.[name]) ?? 0) / divisor));
}

/** Replaces `$(NAME)` by values already known; `$$` is a dollar sign. */
export function expanded(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([A-Za-z_.][-A-Za-z0-9_.]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? whole),
  );
}

/** The texts of a config map or secret. @throws ContainerConfigError where it is missing and not optional. */
async function textsOf(
  pod: Pod,
  source: Source,
  ref: KeyRef,
  read: ReadObject,
): Promise<Record<string, string> | undefined> {
  const { path, word } = SOURCES[source];
  const found = await read(`/api/v1/namespaces/${pod.metadata?.namespace ?? ''}/${path}/${ref.name ?? ''}`);
  if (found === undefined) {
    if (ref.optional === true) return undefined;
    throw new ContainerConfigError(`${word} ${JSON.stringify(ref.name ?? '')} not found`);
  }
  const { data = {} } = found as { data?: Record<string, string> };
  if (source === 'configMap') return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]),
  );
}

async function keyValue(pod: Pod, source: Source, ref: KeyRef, read: ReadObject): Promise<string | undefined> {
  const value = (await textsOf(pod, source, ref, read))?.[ref.key ?? ''];
  if (value !== undefined || ref.optional === true) return value;
  throw new ContainerConfigError(
    `couldn't find key ${ref.key ?? ''} in ${SOURCES[source].kind} ${pod.metadata?.namespace ?? ''}/${ref.name ?? ''}`,
  );
}

/**
 * The variables of a container, as a kubelet works them out, on top of those that are `given`.
 * @throws ContainerConfigError for what is missing
 */
export async function environmentOf(
  pod: Pod,
  container: Container,
  read: ReadObject,
  given: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const env: Record<string, string> = { ...given };
  for (const from of (container.envFrom ?? []) as { prefix?: string; configMapRef?: KeyRef; secretRef?: KeyRef }[]) {
    const texts =
      from.configMapRef === undefined
        ? await textsOf(pod, 'secret', from.secretRef ?? {}, read)
        : await textsOf(pod, 'configMap', from.configMapRef, read);
    for (const [key, text] of Object.entries(texts ?? {})) env[`${from.prefix ?? ''}${key}`] = text;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const from = valueFrom as
      | {
          fieldRef?: { fieldPath?: string };
          resourceFieldRef?: object;
          configMapKeyRef?: KeyRef;
          secretKeyRef?: KeyRef;
        }
      | undefined;
    let text: string | undefined = expanded(value ?? '', env);
    if (from?.fieldRef !== undefined) text = fieldValue(pod, from.fieldRef.fieldPath ?? '');
    else if (from?.resourceFieldRef !== undefined) text = resourceValue(container, from.resourceFieldRef);
    else if (from?.configMapKeyRef !== undefined) text = await keyValue(pod, 'configMap', from.configMapKeyRef, read);
    else if (from?.secretKeyRef !== undefined) text = await keyValue(pod, 'secret', from.secretKeyRef, read);
    if (text !== undefined) env[name] = text;
  }
  return env;
}
