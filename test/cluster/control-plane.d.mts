/** Types of control-plane.mjs. */
export declare function findBinary(name: string): string | undefined;
type Program = 'etcd' | 'kube-apiserver';
export interface ControlPlane {
  /** Kubeconfig of its administrator. */
  readonly kubeconfig: string;
  readonly etcdUrl: string;
  readonly port: number;
  readonly auditFile: string;
  /** Holds everything that it writes; gone after `stop`. */
  readonly folder: string;
  stop(): Promise<void>;
  kill(name: Program): Promise<void>;
  revive(name: Program): void;
  signal(name: Program, which: 'SIGSTOP' | 'SIGCONT'): void;
  isReady(): Promise<boolean>;
  /** Resolves once the server answers. */
  ready(): Promise<void>;
  setTokens(tokens: Readonly<Record<string, string>>): void;
  kubeconfigFor(name: string, user: Readonly<Record<string, string>>, port?: number): string;
}
export declare function startControlPlane(binaries: {
  readonly etcd: string;
  readonly apiserver: string;
}): Promise<ControlPlane>;
