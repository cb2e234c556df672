/** A KubeClient that writes only while a lease is held. */
import type { CallGate, CallOptions, KubeClient } from '../kube/kube-client.js';
import type { LeaseHolder } from './lease-holder.js';

/** Every method that changes something, and where its options stand among its parameters. */
const WRITES: ReadonlyMap<string, number> = new Map([
  ['createPod', 2],
  ['patchPod', 3],
  ['deletePod', 2],
  ['deletePods', 0],
  ['createSecret', 2],
  ['patchSecret', 3],
  ['deleteSecret', 2],
]);

type Holder = Pick<LeaseHolder, 'isHeld' | 'confirm' | 'currentTerm'>;

/** Open while the lease is held in the term of now, and while `other` is. */
function gateOf(lease: Holder, other: CallGate | undefined): CallGate {
  const term = lease.currentTerm;
  const isOurs = () => lease.isHeld && lease.currentTerm === term;
  return {
    get isOpen() {
      return isOurs() && other?.isOpen !== false;
    },
    opened: async () => {
      await lease.confirm(term);
      if (other?.isOpen === false) await other.opened();
    },
  };
}

/**
 * The same client, but its writes wait while the lease is in doubt, and reject with a LeaseLostError where the term in which they were asked
 * for has ended: what was right for the holder then may be wrong now. That goes for each attempt, where the client asks the gate that it is given.
 */
export function fencedClient(client: KubeClient, lease: Holder): KubeClient {
  const bound = new Map<PropertyKey, unknown>();
  const fence =
    (write: (...args: unknown[]) => Promise<unknown>, at: number) =>
    async (...args: unknown[]) => {
      const options = args[at] as CallOptions | undefined;
      const gate = gateOf(lease, options?.gate);
      if (!lease.isHeld) await lease.confirm();
      const gated = [...args];
      gated[at] = { ...options, gate };
      return write(...gated);
    };
  return new Proxy(client, {
    get(target, name) {
      const known = bound.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const own = value.bind(target);
      const at = WRITES.get(String(name));
      const method = at === undefined ? own : fence(own, at);
      bound.set(name, method);
      return method;
    },
  });
}
