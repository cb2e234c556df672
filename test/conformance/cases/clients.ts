import { configMap, pod } from '../objects.js';
import { type CallOptions, type ScenarioClient, scenario } from '../scenario.js';

type Json = Record<string, unknown>;

const named = (name: string, run: (c: ScenarioClient) => Promise<unknown>) =>
  scenario(name, (c) => run(c).then(() => {}));
const kubectl = (name: string): CallOptions => ({
  headers: { 'user-agent': `kubectl/v1.36.3 (linux/amd64) kubernetes/abc ${name}` },
});
const python: CallOptions = { headers: { 'user-agent': 'OpenAPI-Generator/34.1.0/python' } };
const TABLE =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';

/** A pod as Airflow's executor makes it. */
const airflowPod = (name: string): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: undefined,
    labels: {
      'airflow-worker': '5',
      airflow_version: '3.1.0',
      dag_id: 'example',
      kubernetes_executor: 'True',
      run_id: 'manual__2026-01-01T0000000000-1a2b3c',
      task_id: 'task',
      try_number: '1',
    },
    annotations: { dag_id: 'example', run_id: 'manual__2026-01-01T00:00:00+00:00', task_id: 'task', try_number: '1' },
  },
  spec: {
    affinity: {},
    containers: [
      {
        name: 'base',
        image: 'apache/airflow:3.1.0',
        args: ['python', '-m', 'airflow.sdk.execution_time.execute_workload', '--json-string', '{"a": "b"}'],
        env: [
          { name: 'AIRFLOW_IS_K8S_EXECUTOR_POD', value: 'True' },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } },
        ],
        envFrom: [],
        ports: [],
        resources: { requests: { cpu: '0.5', memory: '512M' }, limits: { memory: '1G' } },
        volumeMounts: [{ name: 'logs', mountPath: '/opt/airflow/logs', subPath: 'a' }],
      },
    ],
    hostNetwork: false,
    imagePullSecrets: [],
    initContainers: [],
    nodeSelector: {},
    restartPolicy: 'Never',
    securityContext: { runAsUser: 50000, fsGroup: 0 },
    serviceAccountName: 'worker',
    tolerations: [],
    volumes: [
      { name: 'logs', emptyDir: {} },
      { name: 'cfg', configMap: { name: 'airflow-config' } },
    ],
  },
});

const started = (name: string, more: Json = {}): Json => ({
  name,
  image: 'busybox:1.36',
  imageID: 'sha256:abc',
  containerID: 'containerd://abc',
  ready: true,
  started: true,
  restartCount: 0,
  state: { running: { startedAt: '2026-01-01T00:00:01Z' } },
  lastState: {},
  ...more,
});
const condition = (type: string, status: string, more: Json = {}): Json => ({
  type,
  status,
  lastProbeTime: null,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...more,
});
const setStatus = (c: ScenarioClient, name: string, status: Json) =>
  c.call('PATCH', `${c.pods}/${name}/status`, { status }, { type: 'application/strategic-merge-patch+json' });
const bind = (c: ScenarioClient, name: string) =>
  c.post(`${c.pods}/${name}/binding`, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name },
    target: { kind: 'Node', name: 'node-a' },
  });

/** Runs of requests as known clients send them. */
export const clients = [
  named('airflow: a pod is created, seen, ended and deleted', async (c) => {
    await c.post(c.pods, airflowPod('p'), python);
    await bind(c, 'p');
    await setStatus(c, 'p', {
      phase: 'Running',
      startTime: '2026-01-01T00:00:00Z',
      containerStatuses: [started('base')],
      conditions: [condition('Ready', 'True'), condition('Initialized', 'True')],
    });
    await c.get(`${c.pods}?labelSelector=kubernetes_executor%3DTrue,airflow-worker%3D5&limit=100`, python);
    await setStatus(c, 'p', {
      phase: 'Succeeded',
      containerStatuses: [
        started('base', {
          ready: false,
          started: false,
          state: {
            terminated: {
              exitCode: 0,
              reason: 'Completed',
              startedAt: '2026-01-01T00:00:01Z',
              finishedAt: '2026-01-01T00:00:09Z',
            },
          },
        }),
      ],
    });
    await c.call(
      'PATCH',
      `${c.pods}/p`,
      { metadata: { labels: { airflow_executor_done: 'True' } } },
      { ...python, type: 'application/strategic-merge-patch+json' },
    );
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 0 }, python);
    await c.get(`${c.pods}/p`, python);
  }),
  named('airflow: pods are adopted', async (c) => {
    for (const name of ['a', 'b']) await c.quiet('POST', c.pods, airflowPod(name));
    const list = await c.get(
      `${c.pods}?fieldSelector=status.phase!%3DSucceeded&labelSelector=kubernetes_executor%3DTrue,airflow-worker%3D5,airflow_executor_done!%3DTrue`,
      python,
    );
    for (const item of list.json.items) {
      item.metadata.labels['airflow-worker'] = '6';
      await c.call('PATCH', `${c.pods}/${item.metadata.name}`, item, {
        ...python,
        type: 'application/strategic-merge-patch+json',
      });
    }
  }),
  named('airflow: a pod whose name is taken', async (c) => {
    await c.post(c.pods, airflowPod('p'), python);
    await c.post(c.pods, airflowPod('p'), python);
  }),
  named('airflow: a completed pod is asked for by field', async (c) => {
    await c.quiet('POST', c.pods, airflowPod('p'));
    await setStatus(c, 'p', { phase: 'Succeeded' });
    await c.get(`${c.pods}?fieldSelector=status.phase%3DSucceeded&labelSelector=kubernetes_executor%3DTrue`, python);
    await c.get(`${c.pods}?fieldSelector=status.phase%3DFailed`, python);
  }),
  named('kubectl run', async (c) => {
    await c.post(
      `${c.pods}?fieldManager=kubectl-run`,
      {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { name: 'web', creationTimestamp: null, labels: { run: 'web' } },
        spec: {
          containers: [{ name: 'web', image: 'nginx', resources: {} }],
          restartPolicy: 'Always',
          dnsPolicy: 'ClusterFirst',
        },
        status: {},
      },
      kubectl('run'),
    );
  }),
  named('kubectl apply, client side', async (c) => {
    const made = pod('p', {}, { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}\n' } });
    await c.post(`${c.pods}?fieldManager=kubectl-client-side-apply&fieldValidation=Strict`, made, kubectl('apply'));
    await c.strategic(
      `${c.pods}/p?fieldManager=kubectl-client-side-apply&fieldValidation=Strict`,
      {
        metadata: {
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"a":1}\n' },
          labels: { x: 'y' },
        },
      },
      kubectl('apply'),
    );
    await c.strategic(
      `${c.pods}/p?fieldManager=kubectl-client-side-apply&fieldValidation=Strict`,
      {
        spec: {
          $setElementOrder: undefined,
          '$setElementOrder/containers': [{ name: 'base' }],
          containers: [{ name: 'base', image: 'busybox:1.37' }],
        },
      },
      kubectl('apply'),
    );
  }),
  named('kubectl apply --server-side', async (c) => {
    const at = `${c.base}/configmaps/a?fieldManager=kubectl&fieldValidation=Strict&force=false`;
    await c.call('PATCH', at, configMap('a', { a: '1', b: '2' }), { type: APPLY });
    await c.call('PATCH', at, configMap('a', { a: '2' }), { type: APPLY });
    await c.call('PATCH', `${c.base}/configmaps/a?fieldManager=kubectl-edit`, { data: { a: '3' } }, { type: MERGE });
    await c.call('PATCH', at, configMap('a', { a: '4' }), { type: APPLY });
    await c.call('PATCH', at.replace('false', 'true'), configMap('a', { a: '4' }), { type: APPLY });
  }),
  named('kubectl label and annotate', async (c) => {
    await c.quiet('POST', c.pods, pod('p', {}, { labels: { a: 'b' } }));
    await c.merge(`${c.pods}/p?fieldManager=kubectl-label`, { metadata: { labels: { c: 'd' } } });
    await c.merge(`${c.pods}/p?fieldManager=kubectl-label`, { metadata: { labels: { a: null } } });
    await c.merge(`${c.pods}/p?fieldManager=kubectl-annotate`, { metadata: { annotations: { 'example.com/x': 'y' } } });
    await c.merge(`${c.pods}/p`, { metadata: { labels: { c: null } } });
    await c.merge(`${c.pods}/p`, { metadata: { annotations: null } });
  }),
  named('kubectl label with a resource version', async (c) => {
    const made = await c.quiet('POST', c.pods, pod('p'));
    const { resourceVersion, uid } = made.json.metadata;
    await c.merge(`${c.pods}/p`, { metadata: { resourceVersion, labels: { a: 'b' } } });
    await c.merge(`${c.pods}/p`, { metadata: { resourceVersion, labels: { a: 'c' } } });
    await c.merge(`${c.pods}/p`, { metadata: { uid, labels: { a: 'd' } } });
    await c.merge(`${c.pods}/p`, { metadata: { uid: '00000000-0000-4000-8000-000000000000' } });
  }),
  named('kubectl get pods in each state', async (c) => {
    for (const name of ['gone', 'new', 'ready', 'crash', 'oom', 'pull', 'evicted', 'unready'])
      await c.quiet('POST', c.pods, pod(name, { restartPolicy: 'OnFailure', nodeName: 'node-a' }));
    const one = (name: string, status: Json) =>
      c.quiet('PATCH', `${c.pods}/${name}/status`, { status }, { type: MERGE });
    await one('ready', {
      phase: 'Running',
      podIP: '10.1.1.1',
      podIPs: [{ ip: '10.1.1.1' }],
      conditions: [condition('Ready', 'True')],
      containerStatuses: [started('base')],
    });
    await one('unready', { phase: 'Running', containerStatuses: [started('base', { ready: false })] });
    await one('crash', {
      phase: 'Running',
      containerStatuses: [
        started('base', { ready: false, restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } }),
      ],
    });
    await one('oom', {
      phase: 'Failed',
      containerStatuses: [
        started('base', { ready: false, state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }),
      ],
    });
    await one('pull', {
      phase: 'Pending',
      containerStatuses: [
        started('base', { ready: false, state: { waiting: { reason: 'ImagePullBackOff', message: 'x' } } }),
      ],
    });
    await one('evicted', { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' });
    await c.quiet('DELETE', `${c.pods}/gone`);
    await c.get(`${c.pods}?limit=500`, { accept: TABLE });
    await c.get(`${c.pods}/ready?includeObject=None`, { accept: TABLE });
  }),
  named('kubectl get pods with init containers', async (c) => {
    const spec = {
      initContainers: [
        { name: 'one', image: 'x' },
        { name: 'two', image: 'x', restartPolicy: 'Always' },
      ],
      nodeName: 'node-a',
    };
    for (const name of ['a', 'b', 'd']) await c.quiet('POST', c.pods, pod(name, spec));
    const one = (name: string, status: Json) =>
      c.quiet('PATCH', `${c.pods}/${name}/status`, { status }, { type: MERGE });
    const done = { terminated: { exitCode: 0, reason: 'Completed' } };
    await one('a', {
      initContainerStatuses: [
        started('one', { ready: false, state: { terminated: { exitCode: 3, reason: 'Error' } } }),
      ],
    });
    await one('b', { initContainerStatuses: [started('one', { state: done }), started('two', { started: false })] });
    await one('d', {
      phase: 'Running',
      initContainerStatuses: [started('one', { state: done }), started('two')],
      containerStatuses: [started('base')],
    });
    await c.get(`${c.pods}?includeObject=None`, { accept: TABLE });
  }),
  named('kubectl get -w', async (c) => {
    const first = await c.quiet('GET', c.pods);
    await c.watch(
      `${c.pods}?watch=true&resourceVersion=${first.json.metadata.resourceVersion}&timeoutSeconds=20`,
      4,
      async () => {
        await c.quiet('POST', c.pods, pod('p', { nodeName: 'node-a' }));
        await c.quiet('PATCH', `${c.pods}/p/status`, { status: { phase: 'Running' } }, { type: MERGE });
        await c.quiet('DELETE', `${c.pods}/p`, { gracePeriodSeconds: 0 });
      },
    );
  }),
  named('kubectl delete, then again', async (c) => {
    await c.quiet('POST', c.pods, pod('p', { nodeName: 'node-a' }));
    await c.delete(`${c.pods}/p`, { propagationPolicy: 'Background' });
    await c.delete(`${c.pods}/p`, { propagationPolicy: 'Background' });
    await c.get(`${c.pods}/p?includeObject=None`, { accept: TABLE });
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
  }),
  named('kubectl delete --dry-run=server', async (c) => {
    await c.quiet('POST', c.pods, pod('p', { nodeName: 'node-a' }));
    await c.delete(`${c.pods}/p`, { dryRun: ['All'] });
    await c.delete(`${c.pods}/p?dryRun=All`);
    await c.get(`${c.pods}/p`);
  }),
  named('kubectl cordon and drain', async (c) => {
    const node = c.unique('n');
    await c.quiet('POST', '/api/v1/nodes', { metadata: { name: node } });
    await c.strategic(`/api/v1/nodes/${node}?fieldManager=kubectl-cordon`, { spec: { unschedulable: true } });
    await c.quiet('POST', c.pods, pod('p', { nodeName: node }));
    await c.get(`/api/v1/pods?fieldSelector=spec.nodeName%3D${node}&limit=500`);
    await c.post(`${c.pods}/p/eviction`, {
      kind: 'Eviction',
      apiVersion: 'policy/v1',
      metadata: { name: 'p', namespace: c.ns },
      deleteOptions: {},
    });
    await c.strategic(`/api/v1/nodes/${node}?fieldManager=kubectl-uncordon`, { spec: { unschedulable: null } });
    await c.quiet('DELETE', `/api/v1/nodes/${node}`);
  }),
  named('kubectl create with a strict, wrong manifest', async (c) => {
    const at = `${c.pods}?fieldManager=kubectl-create&fieldValidation=Strict`;
    await c.post(at, { ...pod('p'), speck: {} });
    await c.post(at, pod('p', { containers: [{ name: 'base', image: 'x', imagePullPolocy: 'Always' }] }));
    await c.post(at.replace('Strict', 'Warn'), pod('p', { containers: [{ name: 'base', image: 'x', enw: [] }] }));
    await c.post(at.replace('Strict', 'Ignore'), pod('q', { containers: [{ name: 'base', image: 'x', enw: [] }] }));
  }),
  named('kubectl create secret, configmap, serviceaccount, quota', async (c) => {
    await c.post(`${c.base}/secrets?fieldManager=kubectl-create`, {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: { name: 's' },
      data: { a: 'YQ==' },
      type: 'Opaque',
    });
    await c.post(`${c.base}/secrets?fieldManager=kubectl-create`, {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: { name: 'reg' },
      data: { '.dockerconfigjson': 'e30=' },
      type: 'kubernetes.io/dockerconfigjson',
    });
    await c.post(`${c.base}/configmaps?fieldManager=kubectl-create`, configMap('m'));
    await c.post(`${c.base}/serviceaccounts?fieldManager=kubectl-create`, {
      kind: 'ServiceAccount',
      apiVersion: 'v1',
      metadata: { name: 'sa' },
    });
    await c.post(`${c.base}/resourcequotas?fieldManager=kubectl-create`, {
      kind: 'ResourceQuota',
      apiVersion: 'v1',
      metadata: { name: 'q' },
      spec: { hard: { cpu: '4', memory: '8Gi', pods: '10' } },
      status: {},
    });
    await c.get(`${c.base}/resourcequotas/q?includeObject=None`, { accept: TABLE });
  }),
  named('client-go: update with a conflict and again', async (c) => {
    const made = await c.quiet('POST', `${c.base}/configmaps`, configMap('a'));
    await c.quiet('PATCH', `${c.base}/configmaps/a`, { data: { b: '2' } }, { type: MERGE });
    made.json.data = { a: '9' };
    await c.put(`${c.base}/configmaps/a`, made.json);
    const now = await c.get(`${c.base}/configmaps/a`);
    now.json.data = { a: '9' };
    await c.put(`${c.base}/configmaps/a`, now.json);
  }),
  named('client-go: informer pages', async (c) => {
    for (const name of ['a', 'b', 'd']) await c.quiet('POST', c.pods, pod(name));
    const first = await c.get(`${c.pods}?limit=2`);
    await c.get(`${c.pods}?limit=2&continue=${encodeURIComponent(first.json.metadata.continue)}`);
    await c.get(`${c.pods}?limit=2&resourceVersion=0`);
    await c.get(`${c.pods}?limit=1&labelSelector=x%3Dy`);
  }),
  named('client-go: watch list with a bookmark', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, configMap('a'));
    await c.watch(
      `${c.base}/configmaps?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=10`,
      2,
    );
  }),
  named('client-go: leader election', async (c) => {
    const at = `/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases`;
    const spec = {
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    };
    await c.get(`${at}/l`);
    const made = await c.post(at, { metadata: { name: 'l', namespace: c.ns, creationTimestamp: null }, spec });
    made.json.spec.renewTime = '2026-01-01T00:00:10.123456Z';
    await c.put(`${at}/l`, made.json);
    made.json.spec.holderIdentity = 'b';
    await c.put(`${at}/l`, made.json);
    await c.get(`${at}?includeObject=None`, { accept: TABLE });
  }),
  named('client-go: an event and its repetition', async (c) => {
    const body = {
      kind: 'Event',
      apiVersion: 'v1',
      metadata: { name: 'p.17abc', namespace: c.ns, creationTimestamp: null },
      involvedObject: {
        kind: 'Pod',
        namespace: c.ns,
        name: 'p',
        uid: '00000000-0000-4000-8000-00000000000a',
        apiVersion: 'v1',
        resourceVersion: '5',
        fieldPath: 'spec.containers{base}',
      },
      reason: 'BackOff',
      message: 'Back-off restarting failed container',
      source: { component: 'kubelet', host: 'node-a' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
      type: 'Warning',
      eventTime: null,
      reportingComponent: '',
      reportingInstance: '',
    };
    await c.post(`${c.base}/events`, body);
    await c.strategic(`${c.base}/events/p.17abc`, { count: 2, lastTimestamp: '2026-01-01T00:01:00Z' });
    await c.get(
      `${c.base}/events?fieldSelector=involvedObject.name%3Dp,involvedObject.uid%3D00000000-0000-4000-8000-00000000000a`,
    );
    await c.get(`${c.base}/events?includeObject=None&fieldSelector=type%3DWarning`, { accept: TABLE });
  }),
  named('a finalizer holds a pod until it is taken away', async (c) => {
    await c.quiet('POST', c.pods, pod('p', {}, { finalizers: ['example.com/wait'] }));
    await c.delete(`${c.pods}/p`);
    await c.merge(`${c.pods}/p`, { metadata: { finalizers: ['example.com/other'] } });
    await c.jsonPatch(`${c.pods}/p`, [{ op: 'remove', path: '/metadata/finalizers' }]);
    await c.get(`${c.pods}/p`);
  }),
  named('owners and their forms', async (c) => {
    const owner = await c.quiet('POST', `${c.base}/configmaps`, configMap('owner'));
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.json.metadata.uid };
    await c.post(
      c.pods,
      pod('p', {}, { ownerReferences: [{ ...reference, controller: true, blockOwnerDeletion: true }] }),
    );
    await c.post(
      c.pods,
      pod(
        'q',
        {},
        {
          ownerReferences: [
            { ...reference, controller: true },
            { ...reference, uid: 'x', controller: true },
          ],
        },
      ),
    );
    await c.post(c.pods, pod('r', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: '' }] }));
    await c.strategic(`${c.pods}/p`, { metadata: { ownerReferences: [{ $patch: 'delete', uid: reference.uid }] } });
  }),
  named('scheduling gates go one by one', async (c) => {
    await c.post(c.pods, pod('p', { schedulingGates: [{ name: 'example.com/a' }, { name: 'example.com/b' }] }));
    await bind(c, 'p');
    await c.jsonPatch(`${c.pods}/p`, [{ op: 'remove', path: '/spec/schedulingGates/0' }]);
    await c.merge(`${c.pods}/p`, { spec: { nodeSelector: { a: 'b' } } });
    await c.merge(`${c.pods}/p`, { spec: { schedulingGates: [] } });
    await c.get(`${c.pods}?includeObject=None`, { accept: TABLE });
  }),
];
