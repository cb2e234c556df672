/** Who owns which fields: `metadata.managedFields`, kept on every write as the API server keeps it. */
import { isMap, type JsonMap } from '../json.js';
import { type ApiError, applyConflict, badRequest } from '../status.js';
import { FieldSet, pathText } from './field-set.js';
import { compare, fieldSetOf, merge, prune, shapeOfKind } from './typed.js';

/** Who writes, and through what. */
export interface FieldWriter {
  readonly manager: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly subresource: string;
  readonly now: string;
  /** Fields that this way of writing cannot change, and so does not own. */
  readonly reset: readonly (readonly string[])[];
}

interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  time: string | undefined;
  set: FieldSet;
}

const META_FIELDS = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
];

/** Fields that nobody owns. */
const STRIPPED: FieldSet = (() => {
  const set = new FieldSet();
  for (const path of [['f:apiVersion'], ['f:kind'], ['f:metadata']]) set.insert(path);
  for (const field of META_FIELDS) set.insert(['f:metadata', `f:${field}`]);
  return set;
})();

/** What an object of a kind shows before anything was set: structs that are never absent. */
const BLANK: Readonly<Record<string, JsonMap>> = {
  Pod: { metadata: {}, spec: { containers: null }, status: {} },
  Namespace: { metadata: {}, spec: {}, status: {} },
  Node: { metadata: {}, spec: {}, status: {} },
  ResourceQuota: { metadata: {}, spec: {}, status: {} },
  LimitRange: { metadata: {}, spec: { limits: null } },
  PodDisruptionBudget: { metadata: {}, spec: {}, status: {} },
  Lease: { metadata: {}, spec: {} },
  PriorityClass: { metadata: {}, value: 0 },
  Event: {
    metadata: {},
    involvedObject: {},
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  },
};

function ownersOf(list: unknown): Owner[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isMap).map((entry) => ({
    manager: String(entry.manager ?? ''),
    operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
    apiVersion: String(entry.apiVersion ?? ''),
    subresource: String(entry.subresource ?? ''),
    time: typeof entry.time === 'string' ? entry.time : undefined,
    set: FieldSet.fromJson(entry.fieldsV1),
  }));
}

const order = (a: Owner, b: Owner): number =>
  compareText(a.operation, b.operation) ||
  compareText(a.time ?? '', b.time ?? '') ||
  compareText(a.manager, b.manager) ||
  compareText(a.apiVersion, b.apiVersion) ||
  compareText(a.subresource, b.subresource);

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sets of fields that many objects share are kept once. */
const SHARED_LIMIT = 1000;

/** Writes owners down; equal sets share one object, since thousands of pods are made from one template. */
export class FieldLedger {
  readonly #shared = new Map<string, JsonMap>();

  #share(set: FieldSet): JsonMap {
    const json = set.toJson();
    const text = JSON.stringify(json);
    const known = this.#shared.get(text);
    if (known !== undefined) return known;
    if (this.#shared.size >= SHARED_LIMIT) this.#shared.clear();
    this.#shared.set(text, json);
    return json;
  }

  #written(owners: readonly Owner[]): JsonMap[] | undefined {
    const entries = owners
      .filter(({ set }) => !set.isEmpty)
      .sort(order)
      .map(({ manager, operation, apiVersion, subresource, time, set }) => ({
        ...(manager === '' ? {} : { manager }),
        operation,
        apiVersion,
        ...(time === undefined ? {} : { time }),
        fieldsType: 'FieldsV1',
        fieldsV1: this.#share(set),
        ...(subresource === '' ? {} : { subresource }),
      }));
    return entries.length === 0 ? undefined : entries;
  }

  /**
   * The managed fields after an update. `before` is the stored object, `undefined` on creation; `given` is what the request says of
   * them, which counts where it says something.
   */
  update(writer: FieldWriter, before: JsonMap | undefined, after: JsonMap, given: unknown): JsonMap[] | undefined {
    const stored = isMap(before?.metadata) ? before.metadata.managedFields : undefined;
    const asked = writer.subresource === '' && Array.isArray(given) ? given : [];
    // A single empty entry asks to forget all owners.
    const isReset = asked.length === 1 && isMap(asked[0]) && Object.keys(asked[0]).length === 0;
    if (isReset) return undefined;
    const owners = ownersOf(asked.length > 0 ? asked : stored);
    // What was never tracked since its creation starts to be with the first apply.
    if (before !== undefined && owners.length === 0) return undefined;
    const changes = this.#changes(writer, before ?? BLANK[writer.kind] ?? { metadata: {} }, after);
    const taken = changes.added.union(changes.modified);
    for (const owner of owners) owner.set = owner.set.difference(taken).difference(changes.removed);
    if (!taken.isEmpty) {
      const own = owners.find(
        (owner) =>
          owner.operation === 'Update' &&
          owner.manager === writer.manager &&
          owner.apiVersion === writer.apiVersion &&
          owner.subresource === writer.subresource,
      );
      if (own === undefined)
        owners.push({
          manager: writer.manager,
          operation: 'Update',
          apiVersion: writer.apiVersion,
          subresource: writer.subresource,
          time: writer.now,
          set: taken,
        });
      else {
        own.set = own.set.union(taken);
        own.time = writer.now;
      }
    }
    return this.#written(owners);
  }

  #changes(writer: FieldWriter, before: JsonMap, after: JsonMap) {
    const { added, removed, modified } = compare(shapeOfKind(writer.kind), before, after);
    const clean = (set: FieldSet) => writer.reset.reduce((rest, path) => rest.without(path), set).difference(STRIPPED);
    return { added: clean(added), removed: clean(removed), modified: clean(modified) };
  }

  /**
   * Applies a configuration: merges it, drops what the manager no longer sets, and moves ownership.
   * @throws ApiError 409 where others own a value that it changes, unless forced.
   */
  apply(writer: FieldWriter, before: JsonMap | undefined, config: JsonMap, force: boolean): JsonMap {
    if (isMap(config.metadata) && config.metadata.managedFields !== undefined)
      throw badRequest('metadata.managedFields must be nil');
    const shape = shapeOfKind(writer.kind);
    const live = before ?? BLANK[writer.kind] ?? { metadata: {} };
    const stored = isMap(before?.metadata) ? before.metadata.managedFields : undefined;
    const owners = ownersOf(stored);
    if (before !== undefined && owners.length === 0) owners.push(this.#untracked(writer, before));
    const strip = (set: FieldSet) => writer.reset.reduce((rest, path) => rest.without(path), set).difference(STRIPPED);
    const wanted = strip(fieldSetOf(shape, config));
    const own = owners.find(
      (owner) =>
        owner.operation === 'Apply' && owner.manager === writer.manager && owner.subresource === writer.subresource,
    );
    const others = owners.filter((owner) => owner !== own);
    const dropped = own?.set.difference(wanted) ?? new FieldSet();
    const held = others.reduce((sum, { set }) => sum.union(set), wanted);
    const isGone = (path: readonly string[]) => dropped.at(path)?.isMember === true && (held.at(path)?.isEmpty ?? true);
    const merged = prune(shape, merge(shape, live, config), isGone) as JsonMap;
    const changes = this.#changes(writer, live, merged);
    const touched = changes.added.union(changes.modified);
    const conflicts = others
      .map((owner) => ({ owner, paths: [...owner.set.intersection(touched).paths()] }))
      .filter(({ paths }) => paths.length > 0);
    if (conflicts.length > 0 && !force) throw conflictError(conflicts);
    for (const owner of others) owner.set = owner.set.difference(touched).difference(changes.removed);
    const changesNothing = before !== undefined && touched.isEmpty && changes.removed.isEmpty;
    const applied: Owner = {
      manager: writer.manager,
      operation: 'Apply',
      apiVersion: writer.apiVersion,
      subresource: writer.subresource,
      // Who only comes to own what is there already keeps the time of the last real change.
      time: changesNothing ? own?.time : writer.now,
      set: wanted,
    };
    const entries = this.#written([...others, applied]);
    const metadata: JsonMap = { ...(isMap(merged.metadata) ? merged.metadata : {}) };
    if (entries === undefined) delete metadata.managedFields;
    else metadata.managedFields = entries;
    return { ...merged, metadata };
  }

  /** All that an object without owners sets belongs to one who came before the first apply. */
  #untracked(writer: FieldWriter, before: JsonMap): Owner {
    const { added } = this.#changes(writer, BLANK[writer.kind] ?? { metadata: {} }, before);
    return {
      manager: 'before-first-apply',
      operation: 'Update',
      apiVersion: writer.apiVersion,
      subresource: '',
      time: writer.now,
      set: added,
    };
  }
}

function ownerText({ manager, operation, apiVersion, subresource }: Owner): string {
  const name = `${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Apply' ? name : `${name} using ${apiVersion}`;
}

function conflictError(conflicts: readonly { owner: Owner; paths: (readonly string[])[] }[]): ApiError {
  const ordered = [...conflicts].sort((a, b) => compareText(ownerText(a.owner), ownerText(b.owner)));
  const causes = ordered.flatMap(({ owner, paths }) =>
    paths.map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${ownerText(owner)}`,
      field: pathText(path),
    })),
  );
  const [first] = causes;
  const text =
    causes.length === 1 && first !== undefined
      ? `${first.message}: ${first.field}`
      : ordered
          .map(({ owner, paths }) =>
            [`conflicts with ${ownerText(owner)}:`, ...paths.map((path) => `- ${pathText(path)}`)].join('\n'),
          )
          .join('\n');
  return applyConflict(`Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${text}`, causes);
}
