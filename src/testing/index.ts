/** The entry `podwright/testing`: the embedded cluster. */

export {
  type ContractCase,
  describeExecutorContract,
  type ExecutorContractOptions,
  executorContract,
  type TestRunner,
} from './contract/executor-contract.js';
export { FakeCluster, type FakeClusterOptions } from './fake-cluster.js';
export { FaultTarget, type ImagePullKind, type PodView } from './fault-target.js';
export { ClusterFaults } from './faults/cluster-faults.js';
export {
  type FaultName,
  type FaultSpec,
  POD_FAULTS,
  REQUEST_FAULTS,
  SERVER_FAULTS,
  WATCH_FAULTS,
} from './faults/spec.js';
export type { NodeOptions, NodeTaint } from './kubelet/node-object.js';
export type { PodScript, ProbeScript } from './kubelet/scripted-runtime.js';
export { PodPlayer, type PodPlayerOptions } from './pod-player.js';
export type { AccessRule, ClusterUser, Prohibition } from './server/access.js';
export type { RequestRecord } from './server/api-server.js';
export type { RequestFault } from './server/faults.js';
export type { SimulatedExecutor, SimulatedHostContext } from './simulation/host.js';
export {
  type SimulatedOperation,
  type SimulationOptions,
  type SimulationResult,
  shrink,
  simulate,
} from './simulation/simulate.js';
export { VirtualClock } from './virtual-clock.js';
