/** Ports that pods take of their node. */
import type { Container, Pod } from './types.js';

/** A port of a node. */
export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const ANY = '0.0.0.0';

interface ContainerPort {
  readonly hostPort?: number;
  readonly containerPort?: number;
  readonly hostIP?: string;
  readonly protocol?: string;
}

/** The ports of its node that a pod takes; those of plain init containers are not counted. */
export function hostPortsOf({ spec }: Pod): HostPort[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const all: readonly Container[] = [...(spec?.containers ?? []), ...sidecars];
  const isOnHost = spec?.hostNetwork === true;
  return all.flatMap(({ ports }) =>
    ((ports ?? []) as readonly ContainerPort[]).flatMap(({ hostPort, containerPort, hostIP, protocol = 'TCP' }) => {
      const port = hostPort ?? (isOnHost ? containerPort : undefined);
      return port === undefined || port <= 0 ? [] : [{ port, protocol, ip: hostIP || ANY }];
    }),
  );
}

/** Whether two ports cannot be had on one node. */
export const portsClash = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === ANY || b.ip === ANY);
