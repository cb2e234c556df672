/** A PostgreSQL for trials: one instance on one volume. */
import type { KubeObject } from '../wire/types.js';
import { RESTRICTED_CONTAINER, restrictedPod } from './host-deployment.js';
import { labelsOf, type ResolvedManifests } from './manifests.js';

/** User and group of the official image on Debian. */
const POSTGRES_USER = 999;
const DATA = '/var/lib/postgresql/data';

/** A headless Service and a StatefulSet; the password comes from the Secret. */
export function databaseManifests({ name, namespace, databaseSecret }: ResolvedManifests): KubeObject[] {
  const own = `${name}-db`;
  const labels = labelsOf(name, 'database');
  const selector = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'database' };
  const ready = { exec: { command: ['pg_isready', '-U', 'postgres'] }, periodSeconds: 5, timeoutSeconds: 5 };
  const container = {
    name: 'postgres',
    image: 'postgres:17',
    env: [
      { name: 'POSTGRES_PASSWORD', valueFrom: { secretKeyRef: { name: databaseSecret, key: 'password' } } },
      // A volume's root has a folder of its own in it, which the database would not accept.
      { name: 'PGDATA', value: `${DATA}/pgdata` },
    ],
    ports: [{ name: 'postgres', containerPort: 5_432 }],
    readinessProbe: ready,
    livenessProbe: { ...ready, initialDelaySeconds: 30, failureThreshold: 6 },
    resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { memory: '512Mi' } },
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [
      { name: 'data', mountPath: DATA },
      { name: 'run', mountPath: '/var/run/postgresql' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
  const objects: (KubeObject & { readonly spec: object })[] = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: own, namespace, labels },
      spec: { clusterIP: 'None', selector, ports: [{ name: 'postgres', port: 5_432, targetPort: 'postgres' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: own, namespace, labels },
      spec: {
        serviceName: own,
        replicas: 1,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 60,
            securityContext: restrictedPod(POSTGRES_USER),
            containers: [container],
            volumes: [
              { name: 'run', emptyDir: {} },
              { name: 'tmp', emptyDir: {} },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '8Gi' } } },
          },
        ],
      },
    },
  ];
  return objects;
}
