/** Options of requests that write: dry runs, the name of the field manager, and how unknown fields are met. */
import { dryRunFaults, type ResourceRequest } from '../request.js';
import { type FieldFault, fault, invalidOptions } from '../status.js';

const FIELD_VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'];
const MAX_MANAGER_BYTES = 128;

/** The name under which a request owns fields: the one it gives, else its client's. */
export function managerOf(headers: Readonly<Record<string, string>>, query: URLSearchParams): string {
  const agent = (headers['user-agent'] ?? '').split('/')[0] ?? '';
  return query.get('fieldManager') || agent.replace(/[^\x20-\x7e]/g, '').slice(0, MAX_MANAGER_BYTES) || 'unknown';
}

function managerFaults(manager: string): FieldFault[] {
  const faults: FieldFault[] = [];
  if (Buffer.byteLength(manager) > MAX_MANAGER_BYTES) faults.push(fault.tooLong('fieldManager', MAX_MANAGER_BYTES));
  for (const [position, char] of [...manager].entries()) {
    if (/[\x20-\x7e\u00a1-\uffff]/.test(char)) continue;
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    faults.push(fault.invalid('fieldManager', manager, `invalid character U+${code} (at position ${position})`));
  }
  return faults;
}

function commonFaults({ query }: ResourceRequest): FieldFault[] {
  const mode = query.get('fieldValidation') ?? '';
  return [
    ...managerFaults(query.get('fieldManager') ?? ''),
    ...dryRunFaults(query.getAll('dryRun')),
    ...(FIELD_VALIDATIONS.includes(mode) ? [] : [fault.unsupported('fieldValidation', mode, FIELD_VALIDATIONS)]),
  ];
}

/** Checks the options of a POST or PUT; all that is wrong is told at once. @throws ApiError 422. */
export function checkWriteOptions(request: ResourceRequest, kind: 'CreateOptions' | 'UpdateOptions'): void {
  const faults = commonFaults(request);
  if (faults.length > 0) throw invalidOptions(kind, faults);
}

/** Checks the options of a PATCH. @throws ApiError 422. */
export function checkPatchOptions(request: ResourceRequest, isApply: boolean): void {
  const { query } = request;
  const faults: FieldFault[] = [];
  if (isApply && (query.get('fieldManager') ?? '') === '')
    faults.push(fault.required('fieldManager', 'is required for apply patch'));
  if (!isApply && query.get('force') !== null)
    faults.push(fault.forbidden('force', 'may not be specified for non-apply patch'));
  faults.push(...commonFaults(request));
  if (faults.length > 0) throw invalidOptions('PatchOptions', faults);
}
