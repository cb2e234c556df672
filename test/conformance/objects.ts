/** Objects that scenarios create. */
type Json = Record<string, unknown>;

/** The smallest pod, with more metadata and spec where given. */
export function pod(name: string, spec: Json = {}, metadata: Json = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { restartPolicy: 'Never', containers: [{ name: 'base', image: 'busybox:1.36' }], ...spec },
  };
}

/** A config map. */
export function configMap(name: string, data: Json = { a: '1' }, metadata: Json = {}): Json {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}
