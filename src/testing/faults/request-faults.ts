/** Faults of requests by name, as rules of the server. */
import { durationMs } from '../../core/duration.js';
import type { RequestFault } from '../server/faults.js';
import type { FaultSpec } from './spec.js';

const quota = (numbers: string) => `pods "{name}" is forbidden: exceeded quota: quota, ${numbers}`;

/** What each fault is about where the spec does not say it, and what it answers. `revision` is the server's at this moment. */
export function requestFaultOf(spec: FaultSpec, revision: number): RequestFault {
  const { fault, verb, resource, namespace, share, times, message } = spec;
  const aim = { namespace, name: spec.pod, share, times };
  const all = { verb, resource, ...aim };
  const creation = { verb: verb ?? 'create', resource: resource ?? 'pods', ...aim };
  switch (fault) {
    case 'latency':
      return { ...all, latencyMs: durationMs(spec.delay ?? '1s', 'delay') };
    case 'tooManyRequests':
      return {
        ...all,
        status: 429,
        retryAfter: spec.retryAfter ?? 1,
        // An overloaded server turns requests away before it would make a Status; only refusals from behind that have one.
        plainText: message === undefined,
        message: message ?? 'Too many requests, please try again later.',
      };
    case 'serverError':
      return {
        ...all,
        status: spec.status ?? 500,
        message:
          message ??
          (spec.status === 503 ? 'the server is currently unable to handle the request' : 'etcdserver: leader changed'),
      };
    case 'createTimeoutButCreated':
      return { ...creation, applyThenDrop: true };
    case 'quotaFull':
      return {
        ...creation,
        status: 403,
        message: message ?? quota('requested: pods=1, used: pods=10, limited: pods=10'),
      };
    case 'quotaImpossible':
      return {
        ...creation,
        status: 403,
        message:
          message ?? quota('requested: requests.memory=1Ti, used: requests.memory=0, limited: requests.memory=1Gi'),
      };
    case 'quotaConflict':
      return {
        ...creation,
        status: 409,
        details: { name: 'quota', kind: 'resourcequotas' },
        message:
          message ??
          'Operation cannot be fulfilled on resourcequotas "quota": the object has been modified; please apply your changes to the latest version and try again',
      };
    case 'logsError': {
      const status = spec.status ?? 502;
      const text =
        status === 400 ? 'container "base" in pod "{name}" is waiting to start: ContainerCreating' : 'Bad Gateway';
      return { verb: 'get', resource: 'pods/log', ...aim, status, message: message ?? text };
    }
    case 'staleList':
      return { verb: 'list', resource, namespace, share, times, staleRevision: revision };
    default:
      return { ...all, drop: true };
  }
}
