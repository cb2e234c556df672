/**
 * The Kubernetes wire format as podwright reads and writes it: plain JSON, times as RFC 3339 strings,
 * exactly as they stand on the wire. Shared by the library and by the embedded cluster.
 *
 * Only what one of the two sides reads is spelled out; everything else passes through unchanged by way of
 * the index signatures.
 */

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined };

/** A reference from an object to the object that owns it. */
export interface OwnerReference {
  /** Group and version of its kind. */
  apiVersion: string;
  /** Kind. */
  kind: string;
  /** Name. */
  name: string;
  /** Unique id, for the life of the object. */
  uid: string;
  /** Whether the owner manages it. */
  controller?: boolean;
  /** Whether it holds up the deletion of its owner. */
  blockOwnerDeletion?: boolean;
}

/** Metadata of every Kubernetes object. */
export interface ObjectMeta {
  /** Name. */
  name?: string;
  /** Prefix of a name that the server completes. */
  generateName?: string;
  /** Namespace. */
  namespace?: string;
  /** Unique id, for the life of the object. */
  uid?: string;
  /** Version of the object; opaque, but ordered. */
  resourceVersion?: string;
  /** Counts changes of the spec. */
  generation?: number;
  /** When it was created, RFC 3339. */
  creationTimestamp?: string | null;
  /** When it is to be gone; set while it is being deleted. */
  deletionTimestamp?: string;
  /** Seconds that its end may take. */
  deletionGracePeriodSeconds?: number;
  /** Labels. */
  labels?: Record<string, string>;
  /** Annotations. */
  annotations?: Record<string, string>;
  /** Who must agree before it goes. */
  finalizers?: string[];
  /** Objects that it belongs to. */
  ownerReferences?: OwnerReference[];
  /** Who set which field. */
  managedFields?: unknown[];
  /** Unused since Kubernetes 1.20. */
  selfLink?: string;
}

/** What every object of the API has. */
export interface KubeObject {
  /** Group and version of its kind. */
  apiVersion?: string;
  /** Kind. */
  kind?: string;
  /** Metadata. */
  metadata?: ObjectMeta;
}

/** One environment variable of a container. */
export interface EnvVar {
  /** Name. */
  name: string;
  /** Value. */
  value?: string;
  /** Where the value comes from. */
  valueFrom?: { [source: string]: unknown };
}

/** Requests and limits by resource name, as Kubernetes quantities (`500m`, `1Gi`). */
export interface ResourceRequirements {
  /** What is set aside, as quantities by resource name. */
  requests?: Record<string, string>;
  /** What may be used at most, as quantities by resource name. */
  limits?: Record<string, string>;
  /** Claims of dynamic resources. */
  claims?: unknown[];
}

/** A mount of a volume into a container. */
export interface VolumeMount {
  /** Name. */
  name: string;
  /** Path in the container. */
  mountPath: string;
  /** Path within the volume. */
  subPath?: string;
  /** Whether it cannot be written to. */
  readOnly?: boolean;
  [field: string]: unknown;
}

/** A volume of a pod; exactly one source field besides its name. */
export interface Volume {
  /** Name. */
  name: string;
  [source: string]: unknown;
}

/** A toleration of a node's taint. */
export interface Toleration {
  /** Key. */
  key?: string;
  /** `Exists` or `Equal`. */
  operator?: string;
  /** Value. */
  value?: string;
  /** `NoSchedule`, `PreferNoSchedule` or `NoExecute`. */
  effect?: string;
  /** Seconds that the taint is tolerated. */
  tolerationSeconds?: number;
}

/** A container of a pod. */
export interface Container {
  /** Name. */
  name: string;
  /** Image. */
  image?: string;
  /** Program and its first arguments, instead of the image's. */
  command?: string[];
  /** Arguments, instead of the image's. */
  args?: string[];
  /** Working directory. */
  workingDir?: string;
  /** Environment variables. */
  env?: EnvVar[];
  /** Secrets and config maps that become environment variables. */
  envFrom?: unknown[];
  /** Ports. */
  ports?: unknown[];
  /** Requests and limits. */
  resources?: ResourceRequirements;
  /** Mounts. */
  volumeMounts?: VolumeMount[];
  /** `Always`, `IfNotPresent` or `Never`. */
  imagePullPolicy?: string;
  /** `Always`, `OnFailure` or `Never`. */
  restartPolicy?: string;
  /** File that the termination message is read from. */
  terminationMessagePath?: string;
  /** `File` or `FallbackToLogsOnError`. */
  terminationMessagePolicy?: string;
  /** Security settings. */
  securityContext?: { [field: string]: unknown };
  [field: string]: unknown;
}

/** What a pod is asked to be. */
export interface PodSpec {
  /** Containers. */
  containers: Container[];
  /** Containers that run before the others, and native sidecars. */
  initContainers?: Container[];
  /** Volumes. */
  volumes?: Volume[];
  /** Node that it is bound to. */
  nodeName?: string;
  /** Labels that its node must have. */
  nodeSelector?: Record<string, string>;
  /** Rules for placing it. */
  affinity?: { [field: string]: unknown };
  /** Taints that it tolerates. */
  tolerations?: Toleration[];
  /** `Always`, `OnFailure` or `Never`. */
  restartPolicy?: string;
  /** Service account. */
  serviceAccountName?: string;
  /** Seconds between SIGTERM and SIGKILL. */
  terminationGracePeriodSeconds?: number;
  /** Seconds that it may run. */
  activeDeadlineSeconds?: number;
  /** Scheduler that places it. */
  schedulerName?: string;
  /** What holds it back from being scheduled. */
  schedulingGates?: {
    /** Name. */
    name: string;
  }[];
  /** Secrets for pulling its images. */
  imagePullSecrets?: {
    /** Name. */
    name?: string;
  }[];
  /** Priority class. */
  priorityClassName?: string;
  /** Security settings. */
  securityContext?: { [field: string]: unknown };
  /** Resources of its runtime, besides those of its containers. */
  overhead?: Record<string, string>;
  [field: string]: unknown;
}

/** A condition of a pod, node or namespace. */
export interface Condition {
  /** Type. */
  type: string;
  /** Status. */
  status: string;
  /** Reason, one word. */
  reason?: string;
  /** Message for people. */
  message?: string;
  /** When it was last probed. */
  lastProbeTime?: string | null;
  /** When its status last changed. */
  lastTransitionTime?: string | null;
  [field: string]: unknown;
}

/** A container that has not started, or waits to start again. */
export interface ContainerStateWaiting {
  /** Reason, one word. */
  reason?: string;
  /** Message for people. */
  message?: string;
}

/** A container that runs. */
export interface ContainerStateRunning {
  /** When it started, RFC 3339. */
  startedAt?: string | null;
}

/** A container that has ended. */
export interface ContainerStateTerminated {
  /** Exit code. */
  exitCode: number;
  /** Signal that ended it. */
  signal?: number;
  /** Reason, one word. */
  reason?: string;
  /** Message for people. */
  message?: string;
  /** When it started, RFC 3339. */
  startedAt?: string | null;
  /** When it ended, RFC 3339. */
  finishedAt?: string | null;
  /** The runtime's id of the container. */
  containerID?: string;
}

/** One of waiting, running, terminated. */
export interface ContainerState {
  /** Set while it waits to start. */
  waiting?: ContainerStateWaiting;
  /** Set while it runs. */
  running?: ContainerStateRunning;
  /** Set once it has ended. */
  terminated?: ContainerStateTerminated;
}

/** The kubelet's report on one container. */
export interface ContainerStatus {
  /** Name. */
  name: string;
  /** State now. */
  state?: ContainerState;
  /** State before its last restart. */
  lastState?: ContainerState;
  /** Whether it takes traffic. */
  ready?: boolean;
  /** Whether its start-up probe has passed. */
  started?: boolean;
  /** How often it was started again. */
  restartCount?: number;
  /** Image. */
  image?: string;
  /** The runtime's id of the image. */
  imageID?: string;
  /** The runtime's id of the container. */
  containerID?: string;
  [field: string]: unknown;
}

/** What the cluster reports of a pod. */
export interface PodStatus {
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  phase?: string;
  /** Reason, one word. */
  reason?: string;
  /** Message for people. */
  message?: string;
  /** Conditions. */
  conditions?: Condition[];
  /** Its containers. */
  containerStatuses?: ContainerStatus[];
  /** Its init containers. */
  initContainerStatuses?: ContainerStatus[];
  /** When the kubelet took it up. */
  startTime?: string;
  /** `Guaranteed`, `Burstable` or `BestEffort`. */
  qosClass?: string;
  /** Its address. */
  podIP?: string;
  /** Its node's address. */
  hostIP?: string;
  /** Node on which room is being made for it. */
  nominatedNodeName?: string;
  [field: string]: unknown;
}

/** A pod, as on the wire. */
export interface Pod extends KubeObject {
  /** What it is asked to be. */
  spec?: PodSpec;
  /** Status. */
  status?: PodStatus;
}

/** A core/v1 Event. */
export interface KubeEvent extends KubeObject {
  /** Object that the event speaks of. */
  involvedObject?: {
    /** Kind. */
    kind?: string;
    /** Namespace. */
    namespace?: string;
    /** Name. */
    name?: string;
    /** Uid. */
    uid?: string;
    /** Part of the object. */
    fieldPath?: string;
  };
  /** Reason, one word. */
  reason?: string;
  /** Message for people. */
  message?: string;
  /** Type. */
  type?: string;
  /** How often it happened. */
  count?: number;
  /** When it first happened. */
  firstTimestamp?: string | null;
  /** When it last happened. */
  lastTimestamp?: string | null;
  /** When it happened, in microseconds. */
  eventTime?: string | null;
  /** Who reports it. */
  source?: {
    /** Component. */
    component?: string;
    /** Host. */
    host?: string;
  };
  /** Who reports it. */
  reportingComponent?: string;
  [field: string]: unknown;
}

/** A node. */
export interface Node extends KubeObject {
  /** What it is asked to be. */
  spec?: {
    /** Whether it takes no new pods (cordoned). */
    unschedulable?: boolean;
    /** Taints that pods must tolerate. */
    taints?: {
      /** Key. */
      key: string;
      /** Value. */
      value?: string;
      /** `NoSchedule`, `PreferNoSchedule` or `NoExecute`. */
      effect: string;
    }[];
    [field: string]: unknown;
  };
  /** Status. */
  status?: {
    /** What there is, as quantities by resource name. */
    capacity?: Record<string, string>;
    /** What pods may use, as quantities by resource name. */
    allocatable?: Record<string, string>;
    /** Conditions. */
    conditions?: Condition[];
    [field: string]: unknown;
  };
}

/** A namespace. */
export interface Namespace extends KubeObject {
  /** What it is asked to be. */
  spec?: {
    /** Who must agree before it goes. */
    finalizers?: string[];
  };
  /** Status. */
  status?: {
    /** `Active` or `Terminating`. */
    phase?: string;
    /** Conditions. */
    conditions?: Condition[];
  };
}

/** A coordination.k8s.io/v1 Lease. */
export interface Lease extends KubeObject {
  /** What it is asked to be. */
  spec?: {
    /** Who holds it. */
    holderIdentity?: string;
    /** Seconds that it holds without being renewed. */
    leaseDurationSeconds?: number;
    /** When it was acquired, with six digits of a second. */
    acquireTime?: string;
    /** When it was last renewed, with six digits of a second. */
    renewTime?: string;
    /** How often its holder changed. */
    leaseTransitions?: number;
    [field: string]: unknown;
  };
}

/** A ResourceQuota: what a namespace may use in all. */
export interface ResourceQuota extends KubeObject {
  /** What it is asked to be. */
  spec?: {
    /** Limits by resource, as quantities. */
    hard?: Record<string, string>;
    [field: string]: unknown;
  };
  /** Status. */
  status?: {
    /** Limits that are in force. */
    hard?: Record<string, string>;
    /** What is used of each. */
    used?: Record<string, string>;
  };
}

/** A Secret. */
export interface Secret extends KubeObject {
  /** Kind of secret, for example `Opaque`. */
  type?: string;
  /** Whether the server refuses changes of its data. */
  immutable?: boolean;
  /** Values in Base64. */
  data?: Record<string, string>;
  /** Values as text; the server stores them in `data`. */
  stringData?: Record<string, string>;
}

/** A page of a list. */
export interface KubeList<T extends KubeObject> {
  /** Group and version of its kind. */
  apiVersion?: string;
  /** Kind. */
  kind?: string;
  /** Metadata. */
  metadata: {
    /** Version of the list: a watch may start there. */
    resourceVersion?: string;
    /** Token of the next page; empty on the last. */
    continue?: string;
    /** Objects that are left, where the server says so. */
    remainingItemCount?: number;
  };
  /** Objects. */
  items: T[];
}

/** One field that an API server objects to. */
export interface StatusCause {
  /** Reason, one word. */
  reason?: string;
  /** Message for people. */
  message?: string;
  field?: string;
}

/** The API server's answer to a failed request, and to some successful ones. */
export interface KubeStatus {
  /** Kind. */
  kind: 'Status';
  /** Group and version of its kind. */
  apiVersion: 'v1';
  /** Metadata. */
  metadata: { [field: string]: unknown };
  /** Status. */
  status?: 'Success' | 'Failure';
  /** Message for people. */
  message?: string;
  /** Reason, one word. */
  reason?: string;
  details?: {
    /** Name. */
    name?: string;
    group?: string;
    /** Kind. */
    kind?: string;
    /** Unique id, for the life of the object. */
    uid?: string;
    causes?: StatusCause[];
    retryAfterSeconds?: number;
  };
  code?: number;
}

/** One line of a watch stream as the server sends it. */
export interface WireWatchEvent<T extends KubeObject = KubeObject> {
  /** Type. */
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T | KubeStatus;
}
