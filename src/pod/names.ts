/** Names and label values that Kubernetes accepts, and the key of a pod. */
import { createHash } from 'node:crypto';
import { interned } from '../core/interned.js';
import { keyToString, type TaskInstanceKey, taskInstanceKey } from '../core/task-key.js';
import { ANNOTATIONS, LABELS } from '../wire/names.js';
import type { Pod } from '../wire/types.js';

const MAX_LABEL = 63;
const HASH_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** A short hash in characters that every Kubernetes name allows: 5 bits a character. */
export function shortHash(text: string, length: number): string {
  const digest = createHash('sha256').update(text).digest();
  return Array.from({ length }, (_, index) => HASH_ALPHABET[(digest[index] as number) & 31]).join('');
}

/**
 * A label value from any text: itself where it is one, otherwise shortened, cleaned and given a hash of the original, so that different
 * texts keep different values.
 */
export function makeSafeLabelValue(text: string): string {
  if (text.length <= MAX_LABEL && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(text)) return text;
  const clean = text
    .replace(/[^-A-Za-z0-9_.]+/g, '')
    .slice(0, 52)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  const hash = shortHash(text, 10);
  return clean === '' ? hash : `${clean}-${hash}`;
}

/** A DNS label from any text, at most `maxLength` characters, or an empty string where nothing usable is left. */
export function makeSafeDnsLabel(text: string, maxLength: number): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, maxLength)
    .replace(/-+$/, '');
}

/**
 * The name of the pod of one launch of one try: readable first, then a hash of the whole key. It depends on nothing else, so that a
 * create can be sent again, and a host that was restarted meets its own pod instead of making a second one.
 *
 * At most 63 characters, since a pod's name is also its host name.
 */
export function makeSafePodName(key: TaskInstanceKey, launch: number): string {
  const readable = makeSafeDnsLabel(`${key.dagId}-${key.taskId}`, 46);
  const hash = shortHash(`${keyToString(key)}@${launch}`, 14);
  return readable === '' ? `task-${hash}` : `${readable}-${hash}`;
}

/** The key that a pod's annotations carry, or `undefined` where they carry none that can be read. */
export function annotationsToKey(
  annotations: Readonly<Record<string, string>> | undefined,
): TaskInstanceKey | undefined {
  const text = annotations?.[ANNOTATIONS.key];
  if (text === undefined) return undefined;
  try {
    const key = JSON.parse(text);
    // The tasks of a run are many, and each pod brings the names of both anew.
    return taskInstanceKey({ ...key, dagId: interned(key.dagId), runId: interned(key.runId) });
  } catch {
    // A pod that somebody else labelled or edited must not stop the executor; it is simply not ours.
    return undefined;
  }
}

/** Whether a pod carries the label that says that the outcome of its task was told, for whatever it stays. */
export const isMarkedDone = ({ metadata }: Pod): boolean => metadata?.labels?.[LABELS.done] === 'true';
