/**
 * Parses pods from the bytes of a watch no further than they are read: most news of a pod change nothing but its status, and parsing
 * whole objects is what a watch costs. Anything that does not look as an API server writes it is parsed as a whole.
 */
import { KubeApiError } from '../errors.js';
import type { KubeStatus, Pod, PodSpec, WireWatchEvent } from '../wire/types.js';
import type { LineBytes } from './json-lines.js';
import type { PodWatchEvent } from './kube-client.js';

/*
 * Where the parts of a pod begin. None of these can stand inside a JSON string, where each quote has a backslash before it; the names
 * below metadata are prefixed in managedFields, and values of labels and annotations are strings. So the first spec is the pod's; and
 * since its status comes last and holds no other object of that name, so is the last status.
 */
const MANAGED = Buffer.from(',"managedFields":[');
const SPEC = Buffer.from('},"spec":{');
const STATUS = Buffer.from('},"status":{');
const CLOSING_BRACKET = 93;

/** Holds the text of a spec until somebody reads it, and the spec from then on. */
const HELD = Symbol('spec');

type HoldingPod = Pod & { [HELD]: string | PodSpec | undefined };

function readSpec(this: HoldingPod): PodSpec | undefined {
  const held = this[HELD];
  if (typeof held !== 'string') return held;
  let spec: PodSpec;
  try {
    spec = JSON.parse(held) as PodSpec;
  } catch {
    // The parser's message quotes the text.
    throw badLine();
  }
  this[HELD] = spec;
  return spec;
}

function writeSpec(this: HoldingPod, spec: PodSpec | undefined): void {
  this[HELD] = spec;
}

// The same functions for all pods, so that all have one shape; enumerable, so that copies and JSON have the spec.
const SPEC_PROPERTY = { get: readSpec, set: writeSpec, enumerable: true, configurable: true };

/** Gives a pod its spec, to be parsed when it is first read. */
function holdSpec(pod: Pod, text: string): void {
  Object.defineProperty(pod, HELD, { value: text, writable: true, enumerable: false, configurable: true });
  Object.defineProperty(pod, 'spec', SPEC_PROPERTY);
}

function badLine(): KubeApiError {
  return new KubeApiError('GET pods: a line of the watch is no JSON', {
    status: 0,
    reason: 'BadAnswer',
    retryable: true,
  });
}

/**
 * A JSON value with one pod in it, which `podIn` finds; the pod's spec is parsed later. `undefined` where the bytes have another form, or
 * `podIn` finds none.
 */
export function skimPod<T>(
  { source, start, end }: LineBytes,
  omitManagedFields: boolean,
  podIn: (value: T) => Pod | undefined,
): T | undefined {
  const metadataEnd = source.indexOf(SPEC, start);
  if (metadataEnd < 0 || metadataEnd >= end) return undefined;
  const specStart = metadataEnd + SPEC.length - 1;
  const specEnd = source.lastIndexOf(STATUS, end) + 1;
  if (specEnd <= specStart) return undefined;
  // Managed fields come last in metadata, and end with a bracket.
  const mayOmit = omitManagedFields && source[metadataEnd - 1] === CLOSING_BRACKET;
  const managed = mayOmit ? source.indexOf(MANAGED, start) : -1;
  const headEnd = managed >= 0 && managed < metadataEnd ? managed : metadataEnd;
  try {
    const text = `${source.toString('utf8', start, headEnd)}}${source.toString('utf8', specEnd, end)}`;
    const value = JSON.parse(text) as T;
    const pod = podIn(value);
    if (pod === undefined) return undefined;
    holdSpec(pod, source.toString('utf8', specStart, specEnd));
    return value;
  } catch {
    return undefined;
  }
}

/** The pod of an event that is about one. */
function podOf({ type, object }: WireWatchEvent<Pod>): Pod | undefined {
  return type === 'ERROR' || type === 'BOOKMARK' ? undefined : (object as Pod);
}

function parseWhole({ source, start, end }: LineBytes): WireWatchEvent<Pod> {
  try {
    return JSON.parse(source.toString('utf8', start, end)) as WireWatchEvent<Pod>;
  } catch {
    throw badLine();
  }
}

/** One line of a watch. @throws KubeApiError where it is no event; the text never gets into the message. */
export function eventOf(line: LineBytes, omitManagedFields = false): PodWatchEvent {
  const event = skimPod(line, omitManagedFields, podOf) ?? parseWhole(line);
  if (event.type !== 'ERROR') return event as PodWatchEvent;
  const { code = 500, reason = '', message = '', details } = event.object as KubeStatus;
  const retryAfterMs = details?.retryAfterSeconds === undefined ? undefined : details.retryAfterSeconds * 1_000;
  return { type: 'ERROR', status: code, reason, message, retryAfterMs };
}
