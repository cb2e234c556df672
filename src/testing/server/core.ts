/** What all parts of the embedded server share: storage, time, randomness and the text forms of objects. */
import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import { formatTime } from '../../wire/micro-time.js';
import type { KubeObject, Pod } from '../../wire/types.js';
import type { ContainerLog } from './container-log.js';
import type { FieldLedger } from './fields/managed-fields.js';
import type { Store } from './store.js';

/** Where the server finds containers' logs: the kubelet. */
export interface LogSource {
  /** The log of a container's current or previous run; `undefined` where there is none. */
  containerLog(pod: Pod, container: string, previous: boolean): ContainerLog | undefined;
}

/** State and collaborators of one server. */
export interface Core {
  readonly store: Store;
  readonly fields: FieldLedger;
  readonly clock: Clock;
  readonly random: Random;
  logs: LogSource | undefined;
  /** Whether the server plays the parts of the controller manager that every cluster has: default service accounts, ends of namespaces. */
  readonly controllers: boolean;
  /** Whether pods get a service account and its token volume at admission. */
  readonly serviceAccounts: boolean;
}

/** The present as `metav1.Time`. */
export function nowTime(core: Core): string {
  return formatTime(core.clock.now());
}

const HEX = '0123456789abcdef';

/** A version 4 UUID from the server's own randomness. */
export function newUid(random: Random): string {
  let uid = '';
  for (let i = 0; i < 36; i++) {
    if (i === 8 || i === 13 || i === 18 || i === 23) uid += '-';
    else if (i === 14) uid += '4';
    else if (i === 19) uid += HEX[8 + Math.floor(random.next() * 4)];
    else uid += HEX[Math.floor(random.next() * 16)];
  }
  return uid;
}

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** Five letters as the API server hangs them on generated names. */
export function nameSuffix(random: Random): string {
  let suffix = '';
  for (let i = 0; i < 5; i++) suffix += SUFFIX_LETTERS[Math.floor(random.next() * SUFFIX_LETTERS.length)];
  return suffix;
}

const texts = new WeakMap<object, string>();

/** The JSON text of a stored object, made once. */
export function textOf(object: KubeObject): string {
  let text = texts.get(object);
  if (text === undefined) {
    text = JSON.stringify(object);
    texts.set(object, text);
  }
  return text;
}

/** The JSON text of a stored object as an item of a list: without kind and apiVersion. */
export function itemTextOf(object: KubeObject): string {
  const head = `{"apiVersion":${JSON.stringify(object.apiVersion)},"kind":${JSON.stringify(object.kind)},`;
  const text = textOf(object);
  if (text.startsWith(head)) return `{${text.slice(head.length)}`;
  const { apiVersion: _, kind: _kind, ...rest } = object;
  return JSON.stringify(rest);
}
