/** Base pods from files and objects. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { PodTemplateError } from '../errors.js';
import type { Pod } from '../wire/types.js';
import { formatYaml, parseYaml, YamlError } from '../wire/yaml.js';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Larger files are no pod templates. */
const MAX_TEMPLATE_BYTES = 1024 * 1024;
type LineOf = (path: readonly (string | number)[]) => number | undefined;

/** Refuses what is no pod by its outer shape; the finished pod is checked as a whole. */
function checkPod(value: unknown, file: string | undefined, lineOf: LineOf = () => undefined): Pod {
  const fail = (path: readonly (string | number)[], rule: string, hint?: string): never => {
    const line = lineOf(path);
    const where = file === undefined ? 'The pod template' : `The pod template ${file}`;
    throw new PodTemplateError(`${where}${line === undefined ? '' : ` (line ${line})`} ${rule}`, { file, hint });
  };
  if (!isRecord(value)) return fail([], 'is no object', 'It must be a pod: apiVersion: v1, kind: Pod, with a spec.');
  const { kind, apiVersion, metadata, spec } = value;
  if (kind !== undefined && kind !== 'Pod') fail(['kind'], `has kind ${JSON.stringify(kind)}, not Pod`);
  if (apiVersion !== undefined && apiVersion !== 'v1')
    fail(['apiVersion'], `has apiVersion ${JSON.stringify(apiVersion)}, not v1`);
  if (metadata !== undefined && metadata !== null && !isRecord(metadata))
    fail(['metadata'], 'has metadata that is no object');
  if (spec !== undefined && spec !== null && !isRecord(spec)) fail(['spec'], 'has a spec that is no object');
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    const containers = isRecord(spec) ? spec[list] : undefined;
    if (containers === undefined || containers === null) continue;
    if (!Array.isArray(containers)) return fail(['spec', list], `has spec.${list} that is no list of containers`);
    const wrong = containers.findIndex((one) => !isRecord(one) || typeof one.name !== 'string' || one.name === '');
    if (wrong >= 0) fail(['spec', list, wrong], `has spec.${list}[${wrong}] that is no container with a name`);
  }
  return value as Pod;
}

/**
 * A pod from YAML or JSON text, read as kubectl reads it: `0644` is octal, `yes` a boolean.
 * @throws PodTemplateError where the text is no YAML or no pod; `file` names where it came from.
 */
export function deserializePod(text: string, file?: string): Pod {
  try {
    const { value, lineOf } = parseYaml(text);
    return checkPod(value, file, lineOf);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const where = file === undefined ? '' : ` ${file}`;
    throw new PodTemplateError(`The pod template${where} is no valid YAML: ${error.message}`, { file });
  }
}

/** A pod as YAML text. */
export function serializePod(pod: Pod): string {
  return formatYaml(JSON.parse(JSON.stringify(pod)));
}

/**
 * The path of a template that a task names. It must not climb (`..`), and stays below `templateDir` where one is set, links included.
 * @throws PodTemplateError
 */
function safePath(file: string, templateDir: string | undefined): string {
  const refuse = (rule: string, hint: string): never => {
    throw new PodTemplateError(`The pod template ${JSON.stringify(file)} ${rule}`, { file, hint });
  };
  if (file === '' || file.includes('\0')) refuse('is no path', 'Give the path of a YAML file.');
  if (file.split(/[\\/]/).includes('..'))
    refuse('climbs out of its folder with ..', 'Give its path from the folder of templates, or an absolute one.');
  if (templateDir === undefined) return file;
  const root = realpathSync(templateDir);
  const path = resolve(root, file);
  let real = path;
  try {
    real = realpathSync(path);
  } catch {
    // What does not exist is reported by the reader; its folder is checked all the same.
  }
  const inside = relative(root, real);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    refuse(
      `is not below the folder of templates ${templateDir}`,
      'Put it there, or set templateDir to another folder.',
    );
  return path;
}

/**
 * The base pod of a template: a file's path, a pod, or nothing for an empty one.
 * @param template - path of a YAML or JSON file, or a pod, which is copied
 * @param templateDir - folder that files must be in, and relative paths start from; left out, any folder
 * @throws PodTemplateError where the file cannot be read, is larger than 1 MiB, or is no pod. A missing file is an error, never an empty pod.
 */
export function getBasePodFromTemplate(template: string | object | undefined, templateDir?: string): Pod {
  if (template === undefined) return { apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: { containers: [] } };
  if (typeof template !== 'string') return structuredClone(checkPod(template, undefined));
  const path = safePath(template, templateDir);
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_TEMPLATE_BYTES)
      throw new PodTemplateError(`The pod template ${template} is larger than 1 MiB`, { file: template });
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof PodTemplateError) throw error;
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new PodTemplateError(`The pod template ${template} cannot be read: ${code}`, {
      file: template,
      cause: error,
      hint: code === 'ENOENT' ? 'Give its path from the working directory of the host, or an absolute one.' : undefined,
    });
  }
  return deserializePod(text, template);
}
