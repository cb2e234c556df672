/** A manifest for people to read: without what looks like a secret. */
import { REDACTED, redact } from '../core/redact.js';
import type { Pod } from '../wire/types.js';

/** Names of variables and annotations whose plain values are hidden. */
const SECRET_NAME =
  /pass(word|wd|phrase)?|secret|token|credential|private|auth(?!or)|(api|access|fernet|encryption|account|signing)[-_]?key|conn(ection)?([-_]?(str|string|uri|url))?$|dsn/i;

/** Whether a name is one that secrets are usually given. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

function clean(value: unknown, patterns: readonly RegExp[] | undefined): unknown {
  if (typeof value === 'string') return redact(value, patterns);
  if (Array.isArray(value)) return value.map((item) => cleanItem(item, patterns));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, clean(part, patterns)]));
}

/** A variable is hidden by its name; all else only by what its value looks like. */
function cleanItem(item: unknown, patterns: readonly RegExp[] | undefined): unknown {
  const { name, value } = (item ?? {}) as { name?: unknown; value?: unknown };
  if (typeof name === 'string' && typeof value === 'string' && value !== '' && isSecretName(name))
    return { ...(item as object), value: REDACTED };
  return clean(item, patterns);
}

/** A copy of a pod in which values that look like secrets, by their name or their shape, are replaced by a mark. */
export function redactManifest(pod: Pod, patterns?: readonly RegExp[]): Pod {
  return clean(pod, patterns) as Pod;
}
