/** Options that lists and watches share: versions, and how they are matched. */
import type { ResourceRequest } from '../request.js';
import { badRequest, type FieldFault, fault, internal, invalidOptions } from '../status.js';

const MATCH = 'resourceVersionMatch';
const MATCHES = ['Exact', 'NotOlderThan'];

interface Given {
  readonly match: string;
  readonly version: string;
  readonly continues: boolean;
  readonly hasInitialEvents: boolean;
}

function watchFaults({ match, continues, hasInitialEvents }: Given): FieldFault[] {
  const faults: FieldFault[] = [];
  if (hasInitialEvents && match !== 'NotOlderThan')
    faults.push(fault.forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match !== '' && !hasInitialEvents)
    faults.push(fault.forbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`));
  if (match !== '' && match !== 'NotOlderThan') faults.push(fault.unsupported(MATCH, match, ['NotOlderThan']));
  if (continues) faults.push(fault.forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
  return faults;
}

function listFaults({ match, version, continues, hasInitialEvents }: Given): FieldFault[] {
  const faults: FieldFault[] = [];
  if (match !== '') {
    if (version === '') faults.push(fault.forbidden(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`));
    if (continues) faults.push(fault.forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
    if (!MATCHES.includes(match)) faults.push(fault.unsupported(MATCH, match, [...MATCHES, '']));
    if (match === 'Exact' && version === '0')
      faults.push(fault.forbidden(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`));
  }
  if (hasInitialEvents) faults.push(fault.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return faults;
}

/** Checks the version options of a list or watch. @throws ApiError 422. */
export function checkVersionOptions({ query }: ResourceRequest, isWatch: boolean): void {
  const given: Given = {
    match: query.get(MATCH) ?? '',
    version: query.get('resourceVersion') ?? '',
    continues: (query.get('continue') ?? '') !== '',
    hasInitialEvents: query.get('sendInitialEvents') !== null,
  };
  const faults = isWatch ? watchFaults(given) : listFaults(given);
  if (faults.length > 0) throw invalidOptions('ListOptions', faults);
}

const UINT64_END = 2n ** 64n;

/** A version as a number. @throws ApiError where it is none: 400 for lists, 500 without a reason for watches and gets. */
export function parseVersion(text: string, code: 400 | 500 = 400): number {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && (text.length < 20 || BigInt(text) < UINT64_END)) return Number(text);
  const quoted = JSON.stringify(text);
  const why = isNumber ? 'value out of range' : 'invalid syntax';
  const message = `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`;
  throw code === 400 ? badRequest(`invalid resource version: ${message}`) : internal(message);
}
