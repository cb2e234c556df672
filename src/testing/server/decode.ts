/** Decoding by type, as Go's JSON decoder does it: wrong types are refused, unknown fields are dropped and reported. */
import { formatTime, isMicroTime, parseTime } from '../../wire/micro-time.js';
import { parseQuantity } from '../../wire/quantity.js';
import { isMap, type JsonMap } from './json.js';
import { WIRE_SCHEMA } from './wire-schema.js';

/** A value does not fit its type; the message is the decoder's. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

interface Field {
  readonly type: string;
  readonly isRequired: boolean;
}

let types: Map<string, Map<string, Field>> | undefined;

/** The table of types, read when it is first needed. */
function typeTable(): Map<string, Map<string, Field>> {
  types ??= new Map(
    WIRE_SCHEMA.trim()
      .split('\n')
      .map((line) => {
        const [name = '', ...fields] = line.split(' ');
        const entries = fields.map((field): [string, Field] => {
          const at = field.indexOf(':');
          const isRequired = field[at - 1] === '!';
          return [field.slice(0, isRequired ? at - 1 : at), { type: field.slice(at + 1), isRequired }];
        });
        return [name, new Map(entries)] as const;
      }),
  );
  return types;
}

/** The fields of a struct, or `undefined` where there is no such struct. */
export function fieldTypes(struct: string): ReadonlyMap<string, { readonly type: string }> | undefined {
  return typeTable().get(struct);
}

/** The type of a field, or `undefined` where the type has no such field. */
export function fieldOf(struct: string, field: string): string | undefined {
  return typeTable().get(struct)?.get(field)?.type;
}

const SCALARS: Readonly<Record<string, string>> = { s: 'string', b: 'bool', i: 'int32', l: 'int64', n: 'float64' };

/** A type as Go names it. */
function goType(type: string): string {
  if (type.startsWith('[]')) return `[]${goType(type.slice(2))}`;
  if (type.startsWith('{}')) return `map[string]${goType(type.slice(2))}`;
  return SCALARS[type] ?? `v1.${type}`;
}

/** Fields of text that have a type of their own in Go. */
const NAMED_TEXTS: Readonly<Record<string, string>> = {
  'PodStatus.phase': 'v1.PodPhase',
  'PodStatus.qosClass': 'v1.PodQOSClass',
  'PodSpec.restartPolicy': 'v1.RestartPolicy',
  'PodSpec.dnsPolicy': 'v1.DNSPolicy',
  'PodSpec.preemptionPolicy': 'v1.PreemptionPolicy',
  'Container.imagePullPolicy': 'v1.PullPolicy',
  'Container.terminationMessagePolicy': 'v1.TerminationMessagePolicy',
  'ContainerPort.protocol': 'v1.Protocol',
  'PodCondition.type': 'v1.PodConditionType',
  'PodCondition.status': 'v1.ConditionStatus',
  'NodeCondition.type': 'v1.NodeConditionType',
  'NodeCondition.status': 'v1.ConditionStatus',
  'Taint.effect': 'v1.TaintEffect',
  'Toleration.effect': 'v1.TaintEffect',
  'Toleration.operator': 'v1.TolerationOperator',
  'NamespaceStatus.phase': 'v1.NamespacePhase',
  'Secret.type': 'v1.SecretType',
  'ObjectMeta.uid': 'types.UID',
  'Preconditions.uid': 'types.UID',
  'DeleteOptions.propagationPolicy': 'v1.DeletionPropagation',
  'OwnerReference.uid': 'types.UID',
};

/** Fields that hold bytes, written as text. */
const BYTES = new Set(['Secret.data', 'ConfigMap.binaryData']);

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Where the decoder stands: the struct it fills, the path of names from the root, and the path with indices. */
interface Place {
  readonly struct: string;
  readonly names: string;
  readonly path: string;
}

/** Go names the embedded handler of a probe in its paths. */
function goPath(names: string): string {
  return names.replace(/\.(livenessProbe|readinessProbe|startupProbe)\./, '.$1.ProbeHandler.');
}

/** Where the parser of micro times stops reading, as it says it. */
function microTimeProblem(text: string): string {
  const start = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/.exec(text)?.[0];
  const [rest, wanted] = start === undefined ? [text, '2006'] : [text.slice(start.length), '.000000'];
  return `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(wanted)}`;
}

/** The same moment in UTC. The last three digits are below what this platform's times hold, and stay as they are. */
function inUtc(text: string): string {
  return `${new Date(text).toISOString().slice(0, -1)}${text.slice(23, 26)}Z`;
}

class Decoder {
  readonly unknown: string[] = [];

  #mismatch(value: unknown, type: string, { struct, names }: Place): DecodeError {
    return new DecodeError(
      `json: cannot unmarshal ${jsonKind(value)} into Go struct field ${struct}.${names} of type ${NAMED_TEXTS[`${struct}.${names.split('.').at(-1) ?? ''}`] ?? (BYTES.has(`${struct}.${names}`) ? goType(type).replace(/string$/, '[]uint8') : goType(type))}`,
    );
  }

  value(value: unknown, type: string, place: Place): unknown {
    if (type === '*') return value;
    if (type.startsWith('[]')) {
      if (!Array.isArray(value)) throw this.#mismatch(value, type, place);
      const inner = type.slice(2);
      return value.map((item, index) =>
        item === null ? emptyOf(inner) : this.value(item, inner, { ...place, path: `${place.path}[${index}]` }),
      );
    }
    if (type.startsWith('{}')) {
      if (!isMap(value)) throw this.#mismatch(value, type, place);
      const inner = type.slice(2);
      const result: JsonMap = {};
      for (const [key, item] of Object.entries(value))
        result[key] =
          item === null || item === undefined
            ? emptyOf(inner)
            : this.value(item, inner, { ...place, path: `${place.path}.${key}` });
      return result;
    }
    return this.#single(value, type, place);
  }

  #single(value: unknown, type: string, place: Place): unknown {
    switch (type) {
      case 's':
      case 'b':
        if (typeof value !== (type === 's' ? 'string' : 'boolean')) throw this.#mismatch(value, type, place);
        return value;
      case 'i':
      case 'l':
      case 'n':
        if (typeof value !== 'number') throw this.#mismatch(value, type, place);
        if (type !== 'n' && (!Number.isInteger(value) || Math.abs(value) > (type === 'i' ? 2 ** 31 : 2 ** 63)))
          throw new DecodeError(
            `json: cannot unmarshal number ${value} into Go struct field ${place.struct}.${place.names} of type ${goType(type)}`,
          );
        return value;
      case 'q':
        if (parseQuantity(typeof value === 'string' ? value.trim() : value) === undefined)
          throw new DecodeError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
          );
        return typeof value === 'string' ? value.trim() : value;
      case 't': {
        if (typeof value !== 'string')
          throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type string`);
        const ms = parseTime(value);
        if (ms === undefined)
          throw new DecodeError(
            `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
          );
        return formatTime(ms);
      }
      case 'x':
        if (typeof value !== 'string' && typeof value !== 'number')
          throw new DecodeError(
            `json: cannot unmarshal ${jsonKind(value)} into Go struct field ${place.struct}.${goPath(place.names)} of type int32`,
          );
        return value;
      case 'm':
        if (typeof value !== 'string')
          throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type string`);
        if (!isMicroTime(value)) throw new DecodeError(microTimeProblem(value));
        return value.endsWith('Z') ? value : inUtc(value);
      default:
        if (!isMap(value)) throw this.#mismatch(value, type, place);
        return this.struct(value, type, place.names, place.path);
    }
  }

  struct(object: JsonMap, type: string, names: string, path: string): JsonMap {
    const fields = typeTable().get(type);
    const result: JsonMap = {};
    const before = (prefix: string, name: string) => (prefix === '' ? name : `${prefix}.${name}`);
    for (const [name, value] of Object.entries(object)) {
      const field = fields?.get(name);
      if (field === undefined) {
        this.unknown.push(before(path, name));
        continue;
      }
      if (value === null || value === undefined || (value === '' && !field.isRequired)) continue;
      if (!field.isRequired && isOmitted(name, value, field.type)) continue;
      result[name] = this.value(value, field.type, {
        struct: type,
        names: before(names, name),
        path: before(path, name),
      });
    }
    return result;
  }
}

/** Numbers and flags whose zero is the same as their absence. */
const ZERO_IS_ABSENT = new Set([
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'stdin',
  'stdinOnce',
  'tty',
  'readOnly',
  'unschedulable',
  'hostPort',
  'initialDelaySeconds',
  'signal',
  'count',
]);

/** Whether Go's encoder leaves a value out; empty structs stay. */
function isOmitted(name: string, value: unknown, type: string): boolean {
  if (type.startsWith('[]')) return Array.isArray(value) && value.length === 0;
  if (type.startsWith('{}')) return isMap(value) && Object.keys(value).length === 0;
  return (value === 0 || value === false) && ZERO_IS_ABSENT.has(name);
}

function emptyOf(type: string): unknown {
  if (type === 's') return '';
  if (type === 'b') return false;
  if (type === 'i' || type === 'l' || type === 'n') return 0;
  return type.startsWith('[]') ? [] : {};
}

/** An object decoded: a copy that holds known fields only, and the paths of those that were dropped. */
export interface Decoded {
  readonly object: JsonMap;
  readonly unknown: readonly string[];
}

/** Decodes an object of a kind, without its kind and apiVersion. @throws DecodeError */
export function decodeKind(kind: string, body: JsonMap): Decoded {
  const decoder = new Decoder();
  const { apiVersion: _, kind: _kind, ...rest } = body;
  return { object: decoder.struct(rest, kind, '', ''), unknown: decoder.unknown };
}
