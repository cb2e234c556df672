/** The files of volumes that are made from objects of the API: config maps, secrets, and the pod itself. */
import type { KubeObject, Pod } from '../../wire/types.js';
import { fieldValue, type ReadObject, resourceValue } from './environment.js';

/** A file of a volume. */
export interface VolumeFile {
  readonly data: Buffer;
  readonly mode: number;
}

/** Files by their path in the volume. */
export type VolumeFiles = Map<string, VolumeFile>;

/** A volume cannot be made yet; the message is that of the kubelet. */
export class VolumeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VolumeError';
  }
}

interface Item {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

interface ObjectSource {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly Item[];
  readonly optional?: boolean;
  readonly defaultMode?: number;
}

interface FieldFile {
  readonly path: string;
  readonly mode?: number;
  readonly fieldRef?: { readonly fieldPath?: string };
  readonly resourceFieldRef?: {
    readonly containerName?: string;
    readonly resource?: string;
    readonly divisor?: unknown;
  };
}

interface FieldSource {
  readonly items?: readonly FieldFile[];
  readonly defaultMode?: number;
}

/** A source of files, as it stands in a volume or among those of a projected one. */
export interface FileSource {
  readonly configMap?: ObjectSource;
  readonly secret?: ObjectSource;
  readonly downwardAPI?: FieldSource;
  readonly projected?: { readonly sources?: readonly FileSource[]; readonly defaultMode?: number };
}

const DEFAULT_MODE = 0o644;

const KINDS = {
  configMap: { path: 'configmaps', word: 'configmap', noKey: 'configmap references non-existent config key' },
  secret: { path: 'secrets', word: 'secret', noKey: 'references non-existent secret key' },
} as const;

/** All values of a config map or secret, by their keys. */
function valuesOf(object: KubeObject, kind: keyof typeof KINDS): Map<string, Buffer> {
  const { data = {}, binaryData = {} } = object as {
    data?: Record<string, string>;
    binaryData?: Record<string, string>;
  };
  const encoding = kind === 'secret' ? 'base64' : 'utf8';
  return new Map([
    ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text, encoding)] as const),
    ...Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  ]);
}

async function objectFiles(
  pod: Pod,
  kind: keyof typeof KINDS,
  source: ObjectSource,
  mode: number,
  read: ReadObject,
): Promise<VolumeFiles> {
  const { path, word, noKey } = KINDS[kind];
  const name = source.secretName ?? source.name ?? '';
  const found = await read(`/api/v1/namespaces/${pod.metadata?.namespace ?? ''}/${path}/${name}`);
  if (found === undefined && source.optional !== true)
    throw new VolumeError(`${word} ${JSON.stringify(name)} not found`);
  const values = valuesOf(found ?? {}, kind);
  const items = source.items ?? [...values.keys()].map((key): Item => ({ key, path: key }));
  const files: VolumeFiles = new Map();
  for (const item of items) {
    const data = values.get(item.key);
    if (data !== undefined) files.set(item.path, { data, mode: item.mode ?? mode });
    else if (source.optional !== true) throw new VolumeError(`${noKey}: ${item.key}`);
  }
  return files;
}

function fieldFiles(pod: Pod, { items = [] }: FieldSource, mode: number): VolumeFiles {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return new Map(
    items.map(({ path, mode: own = mode, fieldRef, resourceFieldRef }) => {
      const container = containers.find(({ name }) => name === resourceFieldRef?.containerName);
      const text =
        resourceFieldRef === undefined || container === undefined
          ? fieldValue(pod, fieldRef?.fieldPath ?? '')
          : resourceValue(container, resourceFieldRef);
      return [path, { data: Buffer.from(text), mode: own }];
    }),
  );
}

/** Later sources go over earlier ones; all that is missing is told together. Tokens of service accounts are left out. */
async function projectedFiles(
  pod: Pod,
  sources: readonly FileSource[],
  mode: number,
  read: ReadObject,
): Promise<VolumeFiles> {
  const files: VolumeFiles = new Map();
  const problems: string[] = [];
  for (const source of sources) {
    try {
      for (const [path, file] of (await filesOf(pod, source, read, mode)) ?? []) files.set(path, file);
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length === 0) return files;
  throw new VolumeError(problems.length === 1 ? (problems[0] as string) : `[${problems.join(', ')}]`);
}

/** The files of a volume that is made of some; `undefined` for other kinds. @throws VolumeError while something is missing. */
export async function filesOf(
  pod: Pod,
  { configMap, secret, downwardAPI, projected }: FileSource,
  read: ReadObject,
  given: number = DEFAULT_MODE,
): Promise<VolumeFiles | undefined> {
  if (configMap !== undefined) return objectFiles(pod, 'configMap', configMap, configMap.defaultMode ?? given, read);
  if (secret !== undefined) return objectFiles(pod, 'secret', secret, secret.defaultMode ?? given, read);
  if (downwardAPI !== undefined) return fieldFiles(pod, downwardAPI, downwardAPI.defaultMode ?? given);
  if (projected === undefined) return undefined;
  return projectedFiles(pod, projected.sources ?? [], projected.defaultMode ?? given, read);
}
