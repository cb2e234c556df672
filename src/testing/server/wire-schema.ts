/**
 * Names and types of the fields of Kubernetes v1.36's objects, one type a line, as its OpenAPI document gives them: `s` string,
 * `b` bool, `i` int32, `l` int64, `n` float64, `q` quantity, `t` time, `m` micro time, `x` int or string, `*` anything, `[]` list of,
 * `{}` map of, else the name of a type; `!` marks fields that are always written.
 */
export const WIRE_SCHEMA = `
Pod metadata:ObjectMeta spec:PodSpec status:PodStatus
Event action:s count:i eventTime:m firstTimestamp:t involvedObject!:ObjectReference lastTimestamp:t message:s metadata!:ObjectMeta reason:s related:ObjectReference reportingComponent:s reportingInstance:s series:EventSeries source:EventSource type:s
Namespace metadata:ObjectMeta spec:NamespaceSpec status:NamespaceStatus
Node metadata:ObjectMeta spec:NodeSpec status:NodeStatus
ConfigMap binaryData:{}s data:{}s immutable:b metadata:ObjectMeta
Secret data:{}s immutable:b metadata:ObjectMeta stringData:{}s type:s
ServiceAccount automountServiceAccountToken:b imagePullSecrets:[]LocalObjectReference metadata:ObjectMeta secrets:[]ObjectReference
ResourceQuota metadata:ObjectMeta spec:ResourceQuotaSpec status:ResourceQuotaStatus
Lease metadata:ObjectMeta spec:LeaseSpec
PodDisruptionBudget metadata:ObjectMeta spec:PodDisruptionBudgetSpec status:PodDisruptionBudgetStatus
PriorityClass description:s globalDefault:b metadata:ObjectMeta preemptionPolicy:s value:i
Eviction deleteOptions:DeleteOptions metadata:ObjectMeta
Binding metadata:ObjectMeta target!:ObjectReference
DeleteOptions dryRun:[]s gracePeriodSeconds:l ignoreStoreReadErrorWithClusterBreakingPotential:b orphanDependents:b preconditions:Preconditions propagationPolicy:s
Preconditions resourceVersion:s uid:s
ObjectMeta annotations:{}s creationTimestamp:t deletionGracePeriodSeconds:l deletionTimestamp:t finalizers:[]s generateName:s generation:l labels:{}s managedFields:[]ManagedFieldsEntry name:s namespace:s ownerReferences:[]OwnerReference resourceVersion:s selfLink:s uid:s
PodSpec activeDeadlineSeconds:l affinity:Affinity automountServiceAccountToken:b containers!:[]Container dnsConfig:PodDNSConfig dnsPolicy:s enableServiceLinks:b ephemeralContainers:[]EphemeralContainer hostAliases:[]HostAlias hostIPC:b hostNetwork:b hostPID:b hostUsers:b hostname:s hostnameOverride:s imagePullSecrets:[]LocalObjectReference initContainers:[]Container nodeName:s nodeSelector:{}s os:PodOS overhead:{}q preemptionPolicy:s priority:i priorityClassName:s readinessGates:[]PodReadinessGate resourceClaims:[]PodResourceClaim resources:ResourceRequirements restartPolicy:s runtimeClassName:s schedulerName:s schedulingGates:[]PodSchedulingGate schedulingGroup:PodSchedulingGroup securityContext:PodSecurityContext serviceAccount:s serviceAccountName:s setHostnameAsFQDN:b shareProcessNamespace:b subdomain:s terminationGracePeriodSeconds:l tolerations:[]Toleration topologySpreadConstraints:[]TopologySpreadConstraint volumes:[]Volume
PodStatus allocatedResources:{}q conditions:[]PodCondition containerStatuses:[]ContainerStatus ephemeralContainerStatuses:[]ContainerStatus extendedResourceClaimStatus:PodExtendedResourceClaimStatus hostIP:s hostIPs:[]HostIP initContainerStatuses:[]ContainerStatus message:s nodeAllocatableResourceClaimStatuses:[]NodeAllocatableResourceClaimStatus nominatedNodeName:s observedGeneration:l phase:s podIP:s podIPs:[]PodIP qosClass:s reason:s resize:s resourceClaimStatuses:[]PodResourceClaimStatus resources:ResourceRequirements startTime:t
ObjectReference apiVersion:s fieldPath:s kind:s name:s namespace:s resourceVersion:s uid:s
EventSeries count:i lastObservedTime:m
EventSource component:s host:s
NamespaceSpec finalizers:[]s
NamespaceStatus conditions:[]NamespaceCondition phase:s
NodeSpec configSource:NodeConfigSource externalID:s podCIDR:s podCIDRs:[]s providerID:s taints:[]Taint unschedulable:b
NodeStatus addresses:[]NodeAddress allocatable:{}q capacity:{}q conditions:[]NodeCondition config:NodeConfigStatus daemonEndpoints:NodeDaemonEndpoints declaredFeatures:[]s features:NodeFeatures images:[]ContainerImage nodeInfo:NodeSystemInfo phase:s runtimeHandlers:[]NodeRuntimeHandler volumesAttached:[]AttachedVolume volumesInUse:[]s
LocalObjectReference name:s
ResourceQuotaSpec hard:{}q scopeSelector:ScopeSelector scopes:[]s
ResourceQuotaStatus hard:{}q used:{}q
LeaseSpec acquireTime:m holderIdentity!:s leaseDurationSeconds:i leaseTransitions:i preferredHolder:s renewTime:m strategy:s
PodDisruptionBudgetSpec maxUnavailable:x minAvailable:x selector:LabelSelector unhealthyPodEvictionPolicy:s
PodDisruptionBudgetStatus conditions:[]Condition currentHealthy:i desiredHealthy:i disruptedPods:{}t disruptionsAllowed:i expectedPods:i observedGeneration:l
ManagedFieldsEntry apiVersion:s fieldsType:s fieldsV1:* manager:s operation:s subresource:s time:t
OwnerReference apiVersion!:s blockOwnerDeletion:b controller:b kind!:s name!:s uid!:s
Affinity nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAntiAffinity
Container args:[]s command:[]s env:[]EnvVar envFrom:[]EnvFromSource image:s imagePullPolicy:s lifecycle:Lifecycle livenessProbe:Probe name!:s ports:[]ContainerPort readinessProbe:Probe resizePolicy:[]ContainerResizePolicy resources:ResourceRequirements restartPolicy:s restartPolicyRules:[]ContainerRestartRule securityContext:SecurityContext startupProbe:Probe stdin:b stdinOnce:b terminationMessagePath:s terminationMessagePolicy:s tty:b volumeDevices:[]VolumeDevice volumeMounts:[]VolumeMount workingDir:s
PodDNSConfig nameservers:[]s options:[]PodDNSConfigOption searches:[]s
EphemeralContainer args:[]s command:[]s env:[]EnvVar envFrom:[]EnvFromSource image:s imagePullPolicy:s lifecycle:Lifecycle livenessProbe:Probe name!:s ports:[]ContainerPort readinessProbe:Probe resizePolicy:[]ContainerResizePolicy resources:ResourceRequirements restartPolicy:s restartPolicyRules:[]ContainerRestartRule securityContext:SecurityContext startupProbe:Probe stdin:b stdinOnce:b targetContainerName:s terminationMessagePath:s terminationMessagePolicy:s tty:b volumeDevices:[]VolumeDevice volumeMounts:[]VolumeMount workingDir:s
HostAlias hostnames:[]s ip!:s
PodOS name!:s
PodReadinessGate conditionType!:s
PodResourceClaim name!:s resourceClaimName:s resourceClaimTemplateName:s
ResourceRequirements claims:[]ResourceClaim limits:{}q requests:{}q
PodSchedulingGate name!:s
PodSchedulingGroup podGroupName:s
PodSecurityContext appArmorProfile:AppArmorProfile fsGroup:l fsGroupChangePolicy:s runAsGroup:l runAsNonRoot:b runAsUser:l seLinuxChangePolicy:s seLinuxOptions:SELinuxOptions seccompProfile:SeccompProfile supplementalGroups:[]l supplementalGroupsPolicy:s sysctls:[]Sysctl windowsOptions:WindowsSecurityContextOptions
Toleration effect:s key:s operator:s tolerationSeconds:l value:s
TopologySpreadConstraint labelSelector:LabelSelector matchLabelKeys:[]s maxSkew!:i minDomains:i nodeAffinityPolicy:s nodeTaintsPolicy:s topologyKey!:s whenUnsatisfiable!:s
Volume awsElasticBlockStore:AWSElasticBlockStoreVolumeSource azureDisk:AzureDiskVolumeSource azureFile:AzureFileVolumeSource cephfs:CephFSVolumeSource cinder:CinderVolumeSource configMap:ConfigMapVolumeSource csi:CSIVolumeSource downwardAPI:DownwardAPIVolumeSource emptyDir:EmptyDirVolumeSource ephemeral:EphemeralVolumeSource fc:FCVolumeSource flexVolume:FlexVolumeSource flocker:FlockerVolumeSource gcePersistentDisk:GCEPersistentDiskVolumeSource gitRepo:GitRepoVolumeSource glusterfs:GlusterfsVolumeSource hostPath:HostPathVolumeSource image:ImageVolumeSource iscsi:ISCSIVolumeSource name!:s nfs:NFSVolumeSource persistentVolumeClaim:PersistentVolumeClaimVolumeSource photonPersistentDisk:PhotonPersistentDiskVolumeSource portworxVolume:PortworxVolumeSource projected:ProjectedVolumeSource quobyte:QuobyteVolumeSource rbd:RBDVolumeSource scaleIO:ScaleIOVolumeSource secret:SecretVolumeSource storageos:StorageOSVolumeSource vsphereVolume:VsphereVirtualDiskVolumeSource
PodCondition lastProbeTime:t lastTransitionTime:t message:s observedGeneration:l reason:s status!:s type!:s
ContainerStatus allocatedResources:{}q allocatedResourcesStatus:[]ResourceStatus containerID:s image!:s imageID!:s lastState:ContainerState name!:s ready!:b resources:ResourceRequirements restartCount!:i started:b state:ContainerState stopSignal:s user:ContainerUser volumeMounts:[]VolumeMountStatus
PodExtendedResourceClaimStatus requestMappings!:[]ContainerExtendedResourceRequest resourceClaimName!:s
HostIP ip!:s
NodeAllocatableResourceClaimStatus containers:[]s resourceClaimName!:s resources!:{}q
PodIP ip!:s
PodResourceClaimStatus name!:s resourceClaimName:s
NamespaceCondition lastTransitionTime:t message:s reason:s status!:s type!:s
NodeConfigSource configMap:ConfigMapNodeConfigSource
Taint effect!:s key!:s timeAdded:t value:s
NodeAddress address!:s type!:s
NodeCondition lastHeartbeatTime:t lastTransitionTime:t message:s reason:s status!:s type!:s
NodeConfigStatus active:NodeConfigSource assigned:NodeConfigSource error:s lastKnownGood:NodeConfigSource
NodeDaemonEndpoints kubeletEndpoint:DaemonEndpoint
NodeFeatures supplementalGroupsPolicy:b
ContainerImage names:[]s sizeBytes:l
NodeSystemInfo architecture!:s bootID!:s containerRuntimeVersion!:s kernelVersion!:s kubeProxyVersion!:s kubeletVersion!:s machineID!:s operatingSystem!:s osImage!:s swap:NodeSwapStatus systemUUID!:s
NodeRuntimeHandler features:NodeRuntimeHandlerFeatures name:s
AttachedVolume devicePath!:s name!:s
ScopeSelector matchExpressions:[]ScopedResourceSelectorRequirement
LabelSelector matchExpressions:[]LabelSelectorRequirement matchLabels:{}s
Condition lastTransitionTime!:t message!:s observedGeneration:l reason!:s status!:s type!:s
NodeAffinity preferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm requiredDuringSchedulingIgnoredDuringExecution:NodeSelector
PodAffinity preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
PodAntiAffinity preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
EnvVar name!:s value:s valueFrom:EnvVarSource
EnvFromSource configMapRef:ConfigMapEnvSource prefix:s secretRef:SecretEnvSource
Lifecycle postStart:LifecycleHandler preStop:LifecycleHandler stopSignal:s
Probe exec:ExecAction failureThreshold:i grpc:GRPCAction httpGet:HTTPGetAction initialDelaySeconds:i periodSeconds:i successThreshold:i tcpSocket:TCPSocketAction terminationGracePeriodSeconds:l timeoutSeconds:i
ContainerPort containerPort!:i hostIP:s hostPort:i name:s protocol:s
ContainerResizePolicy resourceName!:s restartPolicy!:s
ContainerRestartRule action!:s exitCodes:ContainerRestartRuleOnExitCodes
SecurityContext allowPrivilegeEscalation:b appArmorProfile:AppArmorProfile capabilities:Capabilities privileged:b procMount:s readOnlyRootFilesystem:b runAsGroup:l runAsNonRoot:b runAsUser:l seLinuxOptions:SELinuxOptions seccompProfile:SeccompProfile windowsOptions:WindowsSecurityContextOptions
VolumeDevice devicePath!:s name!:s
VolumeMount mountPath!:s mountPropagation:s name!:s readOnly:b recursiveReadOnly:s subPath:s subPathExpr:s
PodDNSConfigOption name:s value:s
ResourceClaim name!:s request:s
AppArmorProfile localhostProfile:s type!:s
SELinuxOptions level:s role:s type:s user:s
SeccompProfile localhostProfile:s type!:s
Sysctl name!:s value!:s
WindowsSecurityContextOptions gmsaCredentialSpec:s gmsaCredentialSpecName:s hostProcess:b runAsUserName:s
AWSElasticBlockStoreVolumeSource fsType:s partition:i readOnly:b volumeID!:s
AzureDiskVolumeSource cachingMode:s diskName!:s diskURI!:s fsType:s kind:s readOnly:b
AzureFileVolumeSource readOnly:b secretName!:s shareName!:s
CephFSVolumeSource monitors!:[]s path:s readOnly:b secretFile:s secretRef:LocalObjectReference user:s
CinderVolumeSource fsType:s readOnly:b secretRef:LocalObjectReference volumeID!:s
ConfigMapVolumeSource defaultMode:i items:[]KeyToPath name:s optional:b
CSIVolumeSource driver!:s fsType:s nodePublishSecretRef:LocalObjectReference readOnly:b volumeAttributes:{}s
DownwardAPIVolumeSource defaultMode:i items:[]DownwardAPIVolumeFile
EmptyDirVolumeSource medium:s sizeLimit:q
EphemeralVolumeSource volumeClaimTemplate:PersistentVolumeClaimTemplate
FCVolumeSource fsType:s lun:i readOnly:b targetWWNs:[]s wwids:[]s
FlexVolumeSource driver!:s fsType:s options:{}s readOnly:b secretRef:LocalObjectReference
FlockerVolumeSource datasetName:s datasetUUID:s
GCEPersistentDiskVolumeSource fsType:s partition:i pdName!:s readOnly:b
GitRepoVolumeSource directory:s repository!:s revision:s
GlusterfsVolumeSource endpoints!:s path!:s readOnly:b
HostPathVolumeSource path!:s type:s
ImageVolumeSource pullPolicy:s reference:s
ISCSIVolumeSource chapAuthDiscovery:b chapAuthSession:b fsType:s initiatorName:s iqn!:s iscsiInterface:s lun!:i portals:[]s readOnly:b secretRef:LocalObjectReference targetPortal!:s
NFSVolumeSource path!:s readOnly:b server!:s
PersistentVolumeClaimVolumeSource claimName!:s readOnly:b
PhotonPersistentDiskVolumeSource fsType:s pdID!:s
PortworxVolumeSource fsType:s readOnly:b volumeID!:s
ProjectedVolumeSource defaultMode:i sources:[]VolumeProjection
QuobyteVolumeSource group:s readOnly:b registry!:s tenant:s user:s volume!:s
RBDVolumeSource fsType:s image!:s keyring:s monitors!:[]s pool:s readOnly:b secretRef:LocalObjectReference user:s
ScaleIOVolumeSource fsType:s gateway!:s protectionDomain:s readOnly:b secretRef!:LocalObjectReference sslEnabled:b storageMode:s storagePool:s system!:s volumeName:s
SecretVolumeSource defaultMode:i items:[]KeyToPath optional:b secretName:s
StorageOSVolumeSource fsType:s readOnly:b secretRef:LocalObjectReference volumeName:s volumeNamespace:s
VsphereVirtualDiskVolumeSource fsType:s storagePolicyID:s storagePolicyName:s volumePath!:s
ResourceStatus name!:s resources:[]ResourceHealth
ContainerState running:ContainerStateRunning terminated:ContainerStateTerminated waiting:ContainerStateWaiting
ContainerUser linux:LinuxContainerUser
VolumeMountStatus mountPath!:s name!:s readOnly:b recursiveReadOnly:s volumeStatus:VolumeStatus
ContainerExtendedResourceRequest containerName!:s requestName!:s resourceName!:s
ConfigMapNodeConfigSource kubeletConfigKey!:s name!:s namespace!:s resourceVersion:s uid:s
DaemonEndpoint Port!:i
NodeSwapStatus capacity:l
NodeRuntimeHandlerFeatures recursiveReadOnlyMounts:b userNamespaces:b
ScopedResourceSelectorRequirement operator!:s scopeName!:s values:[]s
LabelSelectorRequirement key!:s operator!:s values:[]s
PreferredSchedulingTerm preference!:NodeSelectorTerm weight!:i
NodeSelector nodeSelectorTerms!:[]NodeSelectorTerm
WeightedPodAffinityTerm podAffinityTerm!:PodAffinityTerm weight!:i
PodAffinityTerm labelSelector:LabelSelector matchLabelKeys:[]s mismatchLabelKeys:[]s namespaceSelector:LabelSelector namespaces:[]s topologyKey!:s
EnvVarSource configMapKeyRef:ConfigMapKeySelector fieldRef:ObjectFieldSelector fileKeyRef:FileKeySelector resourceFieldRef:ResourceFieldSelector secretKeyRef:SecretKeySelector
ConfigMapEnvSource name:s optional:b
SecretEnvSource name:s optional:b
LifecycleHandler exec:ExecAction httpGet:HTTPGetAction sleep:SleepAction tcpSocket:TCPSocketAction
ExecAction command:[]s
GRPCAction port!:i service:s
HTTPGetAction host:s httpHeaders:[]HTTPHeader path:s port!:x scheme:s
TCPSocketAction host:s port!:x
ContainerRestartRuleOnExitCodes operator!:s values:[]i
Capabilities add:[]s drop:[]s
KeyToPath key!:s mode:i path!:s
DownwardAPIVolumeFile fieldRef:ObjectFieldSelector mode:i path!:s resourceFieldRef:ResourceFieldSelector
PersistentVolumeClaimTemplate metadata:ObjectMeta spec!:PersistentVolumeClaimSpec
VolumeProjection clusterTrustBundle:ClusterTrustBundleProjection configMap:ConfigMapProjection downwardAPI:DownwardAPIProjection podCertificate:PodCertificateProjection secret:SecretProjection serviceAccountToken:ServiceAccountTokenProjection
ResourceHealth health:s message:s resourceID!:s
ContainerStateRunning startedAt:t
ContainerStateTerminated containerID:s exitCode!:i finishedAt:t message:s reason:s signal:i startedAt:t
ContainerStateWaiting message:s reason:s
LinuxContainerUser gid!:l supplementalGroups:[]l uid!:l
VolumeStatus image:ImageVolumeStatus
NodeSelectorTerm matchExpressions:[]NodeSelectorRequirement matchFields:[]NodeSelectorRequirement
ConfigMapKeySelector key!:s name:s optional:b
ObjectFieldSelector apiVersion:s fieldPath!:s
FileKeySelector key!:s optional:b path!:s volumeName!:s
ResourceFieldSelector containerName:s divisor:q resource!:s
SecretKeySelector key!:s name:s optional:b
SleepAction seconds!:l
HTTPHeader name!:s value!:s
PersistentVolumeClaimSpec accessModes:[]s dataSource:TypedLocalObjectReference dataSourceRef:TypedObjectReference resources:VolumeResourceRequirements selector:LabelSelector storageClassName:s volumeAttributesClassName:s volumeMode:s volumeName:s
ClusterTrustBundleProjection labelSelector:LabelSelector name:s optional:b path!:s signerName:s
ConfigMapProjection items:[]KeyToPath name:s optional:b
DownwardAPIProjection items:[]DownwardAPIVolumeFile
PodCertificateProjection certificateChainPath:s credentialBundlePath:s keyPath:s keyType!:s maxExpirationSeconds:i signerName!:s userAnnotations:{}s
SecretProjection items:[]KeyToPath name:s optional:b
ServiceAccountTokenProjection audience:s expirationSeconds:l path!:s
ImageVolumeStatus imageRef!:s
NodeSelectorRequirement key!:s operator!:s values:[]s
TypedLocalObjectReference apiGroup:s kind!:s name!:s
TypedObjectReference apiGroup:s kind!:s name!:s namespace:s
VolumeResourceRequirements limits:{}q requests:{}q
`;
