/** What is used of the APIs of @kubernetes/client-node, so that nothing of it needs to be loaded for their types. */

/** The methods of a `CoreV1Api` that are used: any object of this shape will do. */
export interface CoreV1ApiLike {
  /** See CoreV1Api. */
  createNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  readNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listPodForAllNamespaces(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  patchNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  deleteNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  deleteCollectionNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  readNamespacedPodLog(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNamespacedEvent(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listEventForAllNamespaces(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNode(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  readNamespace(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNamespacedResourceQuota(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listResourceQuotaForAllNamespaces(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api; without the methods for secrets the client makes none. */
  createNamespacedSecret?(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNamespacedSecret?(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listSecretForAllNamespaces?(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  patchNamespacedSecret?(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  deleteNamespacedSecret?(param: object, options?: object): Promise<unknown>;
}

/** The methods of an `AuthorizationV1Api` that are used. */
export interface AuthorizationV1ApiLike {
  /** See AuthorizationV1Api. */
  createSelfSubjectAccessReview(param: object, options?: object): Promise<unknown>;
}

/** The methods of a `CoordinationV1Api` that are used. */
export interface CoordinationV1ApiLike {
  /** See CoordinationV1Api. */
  readNamespacedLease(param: object, options?: object): Promise<unknown>;
  /** See CoordinationV1Api. */
  listNamespacedLease(param: object, options?: object): Promise<unknown>;
  /** See CoordinationV1Api. */
  listLeaseForAllNamespaces(param?: object, options?: object): Promise<unknown>;
  /** See CoordinationV1Api. */
  createNamespacedLease(param: object, options?: object): Promise<unknown>;
  /** See CoordinationV1Api. */
  replaceNamespacedLease(param: object, options?: object): Promise<unknown>;
  /** See CoordinationV1Api. */
  deleteNamespacedLease(param: object, options?: object): Promise<unknown>;
}
