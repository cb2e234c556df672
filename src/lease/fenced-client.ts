/** A KubeClient that writes only while a lease is held. */
import type { KubeClient } from '../kube/kube-client.js';
import type { LeaseHolder } from './lease-holder.js';

/** Every method that changes something. */
const WRITES: ReadonlySet<string> = new Set([
  'createPod',
  'patchPod',
  'deletePod',
  'deletePods',
  'createSecret',
  'patchSecret',
  'deleteSecret',
]);

/**
 * The same client, but its writes wait while the lease is in doubt, and reject with a LeaseLostError where the term in which they were asked
 * for has ended: what was right for the holder then may be wrong now.
 */
export function fencedClient(client: KubeClient, lease: Pick<LeaseHolder, 'isHeld' | 'confirm'>): KubeClient {
  const bound = new Map<PropertyKey, unknown>();
  const fence =
    (write: (...args: unknown[]) => Promise<unknown>) =>
    async (...args: unknown[]) => {
      if (!lease.isHeld) await lease.confirm();
      return write(...args);
    };
  return new Proxy(client, {
    get(target, name) {
      const known = bound.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const own = value.bind(target);
      const method = WRITES.has(String(name)) ? fence(own) : own;
      bound.set(name, method);
      return method;
    },
  });
}
