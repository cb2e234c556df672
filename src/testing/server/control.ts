/** Paths below `/_podwright`, by which tests in other processes compact history and set faults. */
import { ClusterError } from '../../errors.js';
import type { TransportRequest } from '../../kube/transport.js';
import type { RequestFault, RequestFaults } from './faults.js';
import { isMap } from './json.js';
import { type Answer, encoded } from './respond.js';
import { badRequest, methodNotAllowed, PlainError } from './status.js';
import type { Store } from './store.js';

/** What these paths act on. */
export interface Controlled {
  readonly store: Store;
  readonly faults: RequestFaults;
  /** Begins faults by name. */
  readonly inject: (given: unknown) => number;
  readonly clearFaults: () => void;
}

/** Faults by name, and rules as {@link RequestFaults.add} takes them. */
function addFaults({ faults, inject }: Controlled, rules: readonly unknown[]): number {
  const byName = rules.filter((rule) => isMap(rule) && rule.fault !== undefined);
  try {
    if (byName.length > 0) inject(byName);
  } catch (error) {
    throw badRequest((error as Error).message);
  }
  for (const rule of rules) if (!byName.includes(rule)) faults.add(rule as RequestFault);
  return rules.length;
}

/** Answers such a path. @throws ApiError 400 or 405, PlainError 404. */
export function control(controlled: Controlled, path: string, request: TransportRequest): Answer {
  if (request.method !== 'POST') throw methodNotAllowed();
  const parsed: unknown = request.body === undefined || request.body === '' ? {} : JSON.parse(request.body);
  const body = isMap(parsed) ? parsed : {};
  if (path === '/_podwright/compact') {
    const version = body.resourceVersion === undefined ? undefined : Number(body.resourceVersion);
    if (Number.isNaN(version)) throw new ClusterError('resourceVersion must be a number');
    controlled.store.compact(version);
    return encoded(200, { compacted: String(controlled.store.floor) }, false);
  }
  if (path === '/_podwright/faults') {
    if (body.clear === true) controlled.clearFaults();
    const rules = Array.isArray(parsed) ? parsed : Array.isArray(body.faults) ? body.faults : [body];
    const isRule = (rule: unknown) => isMap(rule) && Object.keys(rule).some((field) => field !== 'clear');
    return encoded(200, { added: addFaults(controlled, rules.filter(isRule)) }, false);
  }
  throw new PlainError(404, '404 page not found');
}
