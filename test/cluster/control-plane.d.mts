/** Types of control-plane.mjs. */
export declare function findBinary(name: string): string | undefined;
export interface ControlPlane {
  readonly kubeconfig: string;
  stop(): Promise<void>;
  kill(name: 'etcd' | 'kube-apiserver'): Promise<void>;
  revive(name: 'etcd' | 'kube-apiserver'): void;
  isReady(): Promise<boolean>;
}
export declare function startControlPlane(binaries: {
  readonly etcd: string;
  readonly apiserver: string;
}): Promise<ControlPlane>;
