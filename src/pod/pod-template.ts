/** Base pods from files and objects. */
import { readFileSync } from 'node:fs';
import { CORE_SCHEMA, dump, load } from 'js-yaml';
import { PodTemplateError } from '../errors.js';
import type { Pod } from '../wire/types.js';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Larger files are no pod templates. */
const MAX_TEMPLATE_CHARS = 1024 * 1024;

function checkPod(value: unknown, file: string | undefined): Pod {
  const where = file === undefined ? 'The pod template' : `The pod template ${file}`;
  const fail = (message: string, hint?: string): never => {
    throw new PodTemplateError(`${where} ${message}`, { file, hint });
  };
  if (!isRecord(value)) return fail('is no object', 'It must be a pod: apiVersion: v1, kind: Pod, with a spec.');
  if (value.kind !== undefined && value.kind !== 'Pod') fail(`has kind ${JSON.stringify(value.kind)}, not Pod`);
  if (value.apiVersion !== undefined && value.apiVersion !== 'v1')
    fail(`has apiVersion ${JSON.stringify(value.apiVersion)}, not v1`);
  const { spec, metadata } = value;
  if (metadata !== undefined && !isRecord(metadata)) fail('has metadata that is no object');
  if (spec !== undefined && !isRecord(spec)) fail('has a spec that is no object');
  const containers = isRecord(spec) ? spec.containers : undefined;
  if (
    containers !== undefined &&
    !(Array.isArray(containers) && containers.every((one) => isRecord(one) && typeof one.name === 'string'))
  )
    fail('has spec.containers that is no list of containers with names');
  return value as Pod;
}

/**
 * A pod from YAML or JSON text.
 * @throws PodTemplateError where the text is no YAML or no pod; `file` names where it came from.
 */
export function deserializePod(text: string, file?: string): Pod {
  if (text.length > MAX_TEMPLATE_CHARS)
    throw new PodTemplateError(`The pod template${file === undefined ? '' : ` ${file}`} is larger than 1 MiB`, {
      file,
    });
  let value: unknown;
  try {
    value = load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    const { mark, reason } = error as { mark?: { line: number; column: number }; reason?: string };
    const at = mark === undefined ? '' : ` (line ${mark.line + 1}, column ${mark.column + 1})`;
    // The parser's own message quotes lines of the template, which may hold secrets: only its reason is passed on.
    throw new PodTemplateError(
      `The pod template${file === undefined ? '' : ` ${file}`} is no valid YAML: ${reason ?? 'unreadable'}${at}`,
      { file },
    );
  }
  return checkPod(value, file);
}

/** A pod as YAML text. */
export function serializePod(pod: Pod): string {
  return dump(pod, { schema: CORE_SCHEMA, noRefs: true, lineWidth: -1 });
}

/**
 * The base pod of a template: a file's path, a pod, or nothing for an empty one.
 * @throws PodTemplateError where the file cannot be read or is no pod. A missing file is an error, never an empty pod.
 */
export function getBasePodFromTemplate(template: string | object | undefined): Pod {
  if (template === undefined) return { apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: { containers: [] } };
  if (typeof template !== 'string') return structuredClone(checkPod(template, undefined));
  let text: string;
  try {
    text = readFileSync(template, 'utf8');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new PodTemplateError(`The pod template ${template} cannot be read: ${code}`, {
      file: template,
      cause: error,
      hint: code === 'ENOENT' ? 'Give its path from the working directory of the host, or an absolute one.' : undefined,
    });
  }
  return deserializePod(text, template);
}
