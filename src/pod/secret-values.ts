/** Takes `secret('…')` values out of executor configs and makes the Kubernetes Secret that holds them. */
import { isSecret, revealSecret } from '../core/secret.js';
import { type ConfigProblem, InvalidWorkloadError } from '../errors.js';
import { ANNOTATIONS } from '../wire/names.js';
import type { Pod, Secret } from '../wire/types.js';
import { below } from './check/findings.js';

/** An executor config without secret values, and the values by their keys. */
export interface ExtractedSecrets {
  readonly executorConfig: object | undefined;
  readonly values: Readonly<Record<string, string>>;
}

const ENV_MAPS = new Set(['env', 'env_vars', 'envVars']);
/** Parts for other executors; they do not concern a pod. */
const FOREIGN = 'executorConfig.LocalExecutor';
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isSecret(value);

/** Keys of one Secret: the variable's name where it can be a key and is free. */
class Keys {
  readonly values: Record<string, string> = {};
  #count = 0;

  add(variable: string, value: string): string {
    let key = /^[A-Za-z0-9_][-._A-Za-z0-9]{0,200}$/.test(variable) ? variable : 'variable';
    while (Object.hasOwn(this.values, key) && this.values[key] !== value)
      key = `${variable.replace(/[^-._A-Za-z0-9]/g, '_')}.${++this.#count}`;
    this.values[key] = value;
    return key;
  }
}

function hasSecret(value: unknown): boolean {
  if (isSecret(value)) return true;
  if (Array.isArray(value)) return value.some(hasSecret);
  return isMap(value) && Object.values(value).some(hasSecret);
}

/**
 * Puts references in the place of secret values.
 * @throws InvalidWorkloadError (`ERR_PODWRIGHT_EXECUTOR_CONFIG`) where one stands for anything but a variable.
 */
export function extractSecrets(executorConfig: object | undefined, secretName: string): ExtractedSecrets {
  if (!hasSecret(executorConfig)) return { executorConfig, values: {} };
  const keys = new Keys();
  const problems: ConfigProblem[] = [];
  const reference = (name: string, value: unknown) => ({
    name,
    valueFrom: { secretKeyRef: { name: secretName, key: keys.add(name, revealSecret(value as never)) } },
  });
  const walk = (value: unknown, path: string): unknown => {
    if (path === FOREIGN) return value;
    if (isSecret(value)) {
      problems.push({
        field: path,
        rule: 'must not be a secret()',
        hint: 'only variables of containers can be secret',
      });
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item, index) => walk(item, below(path, index)));
    if (!isMap(value)) return value;
    if (typeof value.name === 'string' && isSecret(value.value)) return reference(value.name, value.value);
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => {
        const at = below(path, name);
        if (!ENV_MAPS.has(name) || !isMap(part)) return [name, walk(part, at)];
        // A reference needs the form of a list.
        const list = Object.entries(part).map(([variable, text]) =>
          isSecret(text) ? reference(variable, text) : { name: variable, value: walk(text, below(at, variable)) },
        );
        return [name, list];
      }),
    );
  };
  const plain = walk(executorConfig, 'executorConfig') as object;
  if (problems.length > 0) throw new InvalidWorkloadError(problems, { code: 'ERR_PODWRIGHT_EXECUTOR_CONFIG' });
  return { executorConfig: plain, values: keys.values };
}

/** The Secret of a pod: of its name, with its labels and identity. */
export function secretOfPod(pod: Pod, values: Readonly<Record<string, string>>): Secret | undefined {
  if (Object.keys(values).length === 0) return undefined;
  const { name, namespace, labels, annotations = {} } = pod.metadata ?? {};
  const identity = [ANNOTATIONS.schema, ANNOTATIONS.key, ANNOTATIONS.launch].flatMap((key) =>
    annotations[key] === undefined ? [] : [[key, annotations[key]]],
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      annotations: Object.fromEntries(identity),
    },
    stringData: { ...values },
  };
}
