/** The virtual scheduler and kubelet on the real API server, which has none of its own. */
import { afterEach, describe, expect, it } from 'vitest';
import { connectTransport } from '../../src/kube/connect.js';
import type { Transport } from '../../src/kube/transport.js';
import { PodPlayer } from '../../src/testing/index.js';
import { REAL_KUBECONFIG, RealKit } from './real-kit.js';

describe.skipIf(REAL_KUBECONFIG === undefined)('the pod player on the real API server', () => {
  const kit = RealKit.use();
  let player: PodPlayer | undefined;
  let node = '';
  afterEach(async () => {
    player?.stop();
    await kit.raw('DELETE', `/api/v1/nodes/${node}`);
  });

  /** Pods of other tests have another scheduler, and nobody else's pods fit the node. */
  async function start(mode: 'process' | 'scripted'): Promise<void> {
    node = `player-${kit.namespace}`;
    const { transport: bare, credentials } = await connectTransport({ kubeconfig: REAL_KUBECONFIG });
    // A transport carries requests; who asks stands in their headers, unless it is a certificate.
    const transport: Transport = {
      request: async (request) =>
        bare.request({ ...request, headers: { ...request.headers, ...(await credentials.headers()) } }),
    };
    const labels = { player: kit.namespace };
    player = await PodPlayer.start({ transport, mode, nodes: [{ name: node, labels }], schedulerName: kit.namespace });
  }
  const create = (spec: object, annotations = {}) =>
    kit.raw('POST', `/api/v1/namespaces/${kit.namespace}/pods`, {
      metadata: { name: 'p', annotations },
      spec: {
        schedulerName: kit.namespace,
        nodeSelector: { player: kit.namespace },
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
        ...spec,
      },
    });
  const phase = async () => (await kit.pods())[0]?.status?.phase;
  const base = (command: string[]) => ({ containers: [{ name: 'base', image: 'x', command }] });

  it('runs a process to its end, with its exit code', async () => {
    await start('process');
    expect((await create(base(['node', '-e', 'process.exit(3)']))).status).toBe(201);
    await expect.poll(phase, { timeout: 20_000 }).toBe('Failed');
    const [pod] = await kit.pods();
    expect(pod?.spec?.nodeName).toBe(node);
    expect(pod?.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
  });

  it('plays a script, and removes a pod that is deleted', async () => {
    await start('scripted');
    await create(base(['any']), { 'testing.podwright.dev/result': 'Hang' });
    await expect.poll(phase, { timeout: 20_000 }).toBe('Running');
    await kit.raw('DELETE', kit.podPath('p'));
    await expect.poll(() => kit.pods(), { timeout: 20_000 }).toEqual([]);
  });

  it('holds a process until its volume can be made, and tells when it is ready', async () => {
    await start('process');
    const volumes = [{ name: 'config', configMap: { name: 'late' } }];
    const program =
      'require("fs").writeFileSync(process.env.PODWRIGHT_MOUNT_WORK + "/up", ""); setInterval(() => {}, 1000)';
    const check = 'process.exit(require("fs").existsSync(process.env.PODWRIGHT_MOUNT_WORK + "/up") ? 0 : 1)';
    const base = {
      name: 'base',
      image: 'x',
      command: ['node', '-e', program],
      readinessProbe: { exec: { command: ['node', '-e', check] }, periodSeconds: 1, timeoutSeconds: 10 },
      volumeMounts: [
        { name: 'config', mountPath: '/config' },
        { name: 'work', mountPath: '/work' },
      ],
    };
    const made = await create({ containers: [base], volumes: [...volumes, { name: 'work', emptyDir: {} }] });
    expect(made.status, made.text).toBe(201);
    const messages = async () => {
      const { text } = await kit.raw('GET', `/api/v1/namespaces/${kit.namespace}/events`);
      return (JSON.parse(text).items as { message: string }[]).map(({ message }) => message);
    };
    const missing = 'MountVolume.SetUp failed for volume "config" : configmap "late" not found';
    await expect.poll(messages, { timeout: 20_000 }).toContain(missing);
    await kit.raw('POST', `/api/v1/namespaces/${kit.namespace}/configmaps`, { metadata: { name: 'late' } });
    const ready = async () => (await kit.pods())[0]?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    await expect.poll(ready, { timeout: 20_000 }).toBe('True');
    await kit.raw('DELETE', kit.podPath('p'));
    await expect.poll(() => kit.pods(), { timeout: 20_000 }).toEqual([]);
  });
});
