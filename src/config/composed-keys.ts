/** Keys of Airflow's that become a key of ours only together, or in part. */
import type { AirflowImport, Assignment } from './airflow-import.js';

const PREFIX = 'kubernetes.$';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** Replaces the assignments to `kubernetes.$…` by assignments to real keys. */
export function composeKeys({ assignments, notices, problems }: AirflowImport): Assignment[] {
  const result = assignments.filter(({ path }) => !path.startsWith(PREFIX));
  const find = (name: string) => assignments.findLast(({ path }) => path === PREFIX + name);
  const set = (path: string, value: unknown, { source }: Assignment) =>
    void result.push({ path: `kubernetes.${path}`, value, source });
  const ignore = (field: string, message: string, { source }: Assignment) =>
    void notices.push({ kind: 'ignored', field, message, source });
  const wrong = (field: string, value: unknown, rule: string, { source }: Assignment) =>
    void problems.push({ field, value, rule, source });

  const multi = find('multiNamespace');
  const namespaces = find('namespaces');
  if (multi?.value === true)
    set('watchNamespaces', (namespaces?.value as string[] | undefined) ?? '*', namespaces ?? multi);
  else if (namespaces !== undefined)
    ignore('multi_namespace_mode_namespace_list', 'multi_namespace_mode is not True', namespaces);

  // 0 is Airflow's way of saying "as many as a batch".
  const concurrency = find('maxConcurrency');
  if (concurrency !== undefined && concurrency.value !== 0)
    set('podCreationConcurrency', concurrency.value, concurrency);

  const deletion = find('deleteOptions');
  for (const [name, value] of Object.entries((deletion?.value as object | undefined) ?? {})) {
    const field = `delete_option_kwargs.${name}`;
    const at = deletion as Assignment;
    if (name === 'grace_period_seconds') set('terminationGracePeriodSeconds', value, at);
    else if (name === 'propagation_policy') ignore(field, 'nothing depends on a pod that the policy could spare', at);
    else if (['api_version', 'kind', 'dry_run', 'orphan_dependents', 'preconditions'].includes(name))
      ignore(field, 'deletes name the uid of the pod, and nothing else', at);
    else wrong(field, value, 'is not a field of V1DeleteOptions', at);
  }

  const request = find('requestArgs');
  for (const [name, value] of Object.entries((request?.value as object | undefined) ?? {})) {
    const field = `kube_client_request_args.${name}`;
    const at = request as Assignment;
    if (name !== '_request_timeout') {
      ignore(field, 'it is an argument of the Python client', at);
      continue;
    }
    // A pair is the limit for connecting and the one for reading.
    const parts: unknown[] = Array.isArray(value) ? value : [value];
    if (parts.length === 0 || !parts.every(isNumber))
      wrong(field, value, 'must be a number of seconds, or a list of two', at);
    else set('requestTimeout', `${parts.filter(isNumber).reduce((sum, part) => sum + part, 0)}s`, at);
  }

  const retry = find('retryConfiguration');
  for (const [name, value] of Object.entries((retry?.value as object | undefined) ?? {})) {
    const field = `api_client_retry_configuration.${name}`;
    const at = retry as Assignment;
    if (name === 'total') set('requestRetries', value, at);
    else if (name !== 'backoff_factor') ignore(field, 'which calls are repeated is decided by verb and status', at);
    else if (isNumber(value)) set('requestBackoff', `${value}s`, at);
    else wrong(field, value, 'must be a number of seconds', at);
  }
  return result;
}
