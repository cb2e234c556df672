/** What the capacity says of random pods on random nodes, against the answers of the real kube-scheduler. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ClusterResources } from '../../src/capacity/cluster-resources.js';
import { seededRandom } from '../../src/core/random.js';
import type { Node, Pod } from '../../src/wire/types.js';
import { randomNode, randomPod } from './random-cluster.js';
import { REAL_KUBECONFIG, RealKit } from './real-kit.js';
import { RealScheduler } from './real-scheduler.js';

const SCHEDULER = process.env.PODWRIGHT_KUBE_SCHEDULER;
/** Pods of other tests are not this scheduler's. */
const NAME = 'capacity-test';
const PODS = 200;
const SEED = Number(process.env.PODWRIGHT_CAPACITY_SEED ?? 1);

describe.skipIf(REAL_KUBECONFIG === undefined || SCHEDULER === undefined)('the real scheduler', () => {
  const kit = RealKit.use();
  let scheduler: RealScheduler | undefined;
  beforeAll(() => {
    scheduler = RealScheduler.start(SCHEDULER as string, REAL_KUBECONFIG as string, NAME);
  });
  afterAll(() => scheduler?.stop());

  let created: Node[] = [];
  afterEach(async () => {
    for (const { metadata } of created.splice(0)) await kit.raw('DELETE', `/api/v1/nodes/${metadata?.name}`);
  });

  async function create(path: string, object: object): Promise<void> {
    const { status, text } = await kit.raw('POST', path, object);
    expect(status, text).toBe(201);
  }

  /** The node that the scheduler gave a pod, or its message why none. */
  async function verdict(name: string): Promise<{ node?: string; message?: string }> {
    for (;;) {
      const pod = (await kit.client.readPod(kit.namespace, name)) as Pod;
      const node = pod.spec?.nodeName;
      if (node !== undefined) return { node };
      const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
      if (condition?.reason === 'Unschedulable') return { message: condition.message ?? '' };
      await delay(5);
    }
  }

  it.each([200, 25])(
    'agrees on %i random nodes, full and emptied',
    async (nodes) => {
      created = [];
      const random = seededRandom(SEED);
      for (let index = 0; index < nodes; index += 1) {
        const node = randomNode(random, `${kit.namespace}-${index}`);
        // Nodes that are there for others, and have nobody to play them here, must not take these pods.
        node.metadata = { ...node.metadata, labels: { ...node.metadata?.labels, test: kit.namespace } };
        await create('/api/v1/nodes', node);
        created.push(node);
      }
      const pods: Pod[] = [];
      const impossible: Pod[] = [];
      const answers = { yes: 0, later: 0, never: 0 };
      const differences: object[] = [];
      for (let index = 0; index < PODS; index += 1) {
        const pod = randomPod(random, { name: `p${index}`, namespace: kit.namespace, schedulerName: NAME });
        if (pod.spec !== undefined) pod.spec.nodeSelector = { ...pod.spec.nodeSelector, test: kit.namespace };
        const mine = new ClusterResources({ nodes: created, pods, quotas: [] }).canRun(pod);
        answers[mine.answer] += 1;
        await create(`/api/v1/namespaces/${kit.namespace}/pods`, pod);
        const theirs = await verdict(`p${index}`);
        const isRight = theirs.node === undefined ? mine.answer !== 'yes' : mine.nodes.includes(theirs.node);
        if (!isRight) differences.push({ pod: pod.spec, mine, theirs });
        if (theirs.node !== undefined) pods.push((await kit.client.readPod(kit.namespace, `p${index}`)) as Pod);
        else await kit.client.deletePod(kit.namespace, `p${index}`, { gracePeriodSeconds: 0 });
        if (mine.answer === 'never') impossible.push(pod);
      }
      expect(differences).toEqual([]);
      const read = await ClusterResources.read(kit.client);
      const held = new ClusterResources({ nodes: created, pods });
      expect(read.nodes.filter(({ name }) => name.startsWith(kit.namespace)).map(({ requested }) => requested)).toEqual(
        held.nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ requested }) => requested),
      );
      for (const pod of await kit.pods())
        await kit.client.deletePod(kit.namespace, pod.metadata?.name ?? '', { gracePeriodSeconds: 0 });
      for (const pod of impossible) {
        await create(`/api/v1/namespaces/${kit.namespace}/pods`, pod);
        const name = pod.metadata?.name ?? '';
        expect(await verdict(name), JSON.stringify(pod.spec)).not.toHaveProperty('node');
        await kit.client.deletePod(kit.namespace, name, { gracePeriodSeconds: 0 });
      }
      // The cases must not all be of one kind, or nothing was tried.
      for (const count of Object.values(answers)) expect(count).toBeGreaterThan(0);
      console.log(`${nodes} nodes, seed ${SEED}: ${JSON.stringify(answers)}`);
    },
    120_000,
  );
});
