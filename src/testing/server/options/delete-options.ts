/** Options of a delete. */
import { readBody } from '../body.js';
import { DecodeError, decodeKind } from '../decode.js';
import { isMap, type JsonMap } from '../json.js';
import { dryRunFaults, intOf, isSet, type ResourceRequest } from '../request.js';
import { badRequest, type FieldFault, fault, invalidOptions } from '../status.js';

/** The options of a delete, from its body or its query. */
export interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly propagationPolicy: string | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly dryRun: boolean;
}

const POLICIES = ['Foreground', 'Background', 'Orphan'];
const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** Reads the options of a request. Where it has a body, its query says nothing. @throws ApiError 400 or 422. */
export function deleteOptions({ body, headers, query }: ResourceRequest): DeleteOptions {
  if (body === '') return optionsOf(fromQuery(query));
  const given = readBody(body, headers['content-type']);
  const { kind, apiVersion = '' } = given;
  if (kind !== undefined && kind !== 'DeleteOptions')
    throw badRequest(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  return optionsOf(given);
}

function fromQuery(query: URLSearchParams): JsonMap {
  const gracePeriodSeconds = intOf(query, 'gracePeriodSeconds');
  const policy = query.get('propagationPolicy');
  const dryRun = query.getAll('dryRun');
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(query.has('orphanDependents') ? { orphanDependents: isSet(query, 'orphanDependents') } : {}),
    ...(dryRun.length === 0 ? {} : { dryRun }),
  };
}

function decoded(given: JsonMap): JsonMap {
  try {
    return decodeKind('DeleteOptions', given).object;
  } catch (error) {
    throw error instanceof DecodeError ? badRequest(error.message) : error;
  }
}

/** Reads delete options from an object. @throws ApiError 400 or 422. */
export function optionsOf(given: JsonMap): DeleteOptions {
  const body = decoded(given);
  const policy = body.propagationPolicy as string | undefined;
  const orphan = body.orphanDependents;
  const dryRun = (body.dryRun as string[] | undefined) ?? [];
  const faults: FieldFault[] = [];
  if (policy !== undefined && orphan !== undefined)
    faults.push(
      fault.invalid('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  if (policy !== undefined && !POLICIES.includes(policy))
    faults.push(fault.unsupported('propagationPolicy', policy, [...POLICIES, 'nil']));
  faults.push(...dryRunFaults(dryRun));
  if (faults.length > 0) throw invalidOptions('DeleteOptions', faults);
  const preconditions = mapOf(body.preconditions);
  return {
    gracePeriodSeconds: body.gracePeriodSeconds as number | undefined,
    propagationPolicy: policy ?? (orphan === true ? 'Orphan' : undefined),
    uid: preconditions.uid as string | undefined,
    resourceVersion: preconditions.resourceVersion as string | undefined,
    dryRun: dryRun.length > 0,
  };
}
