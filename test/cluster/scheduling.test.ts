/** The cases that the embedded scheduler is tested with, on the real one: what is expected of both is what the real one says. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Pod } from '../../src/wire/types.js';
import { type Send, sendToKubeconfig } from '../conformance/connect.js';
import { SCHEDULING_CASES, type SchedulingCase } from '../testing/scheduling-cases.js';
import { type ControlPlane, startControlPlane } from './control-plane.mjs';
import { BINARIES } from './own-plane.js';
import { RealScheduler } from './real-scheduler.js';

const SCHEDULER = process.env.PODWRIGHT_KUBE_SCHEDULER;
const NAME = 'default-scheduler';

// No other nodes may be there, since they are counted in the messages: the control plane is this file's own.
describe.skipIf(BINARIES === undefined || SCHEDULER === undefined)('the real scheduler', () => {
  let plane: ControlPlane | undefined;
  let scheduler: RealScheduler | undefined;
  let send: Send;
  const made: string[] = [];
  beforeAll(async () => {
    plane = await startControlPlane(BINARIES as NonNullable<typeof BINARIES>);
    send = sendToKubeconfig(plane.kubeconfig);
    scheduler = RealScheduler.start(SCHEDULER as string, plane.kubeconfig, NAME);
  }, 90_000);
  afterAll(async () => {
    await scheduler?.stop();
    await plane?.stop();
  });

  const call = (method: string, path: string, body?: object, type = 'application/json') =>
    send({ method, path, headers: { 'content-type': type }, body: JSON.stringify(body) });
  async function create(path: string, body: { metadata: { name: string } }): Promise<void> {
    const { status, text } = await call('POST', path, body);
    expect(status, text).toBe(201);
    made.push(`${path}/${body.metadata.name}`);
  }
  afterEach(async () => {
    for (const path of made.splice(0).reverse())
      await call('DELETE', path, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
  });

  async function verdict(path: string): Promise<object> {
    for (;;) {
      const pod: Pod = JSON.parse((await call('GET', path)).text);
      if (pod.spec?.nodeName !== undefined) return { node: pod.spec.nodeName };
      const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
      if (condition?.reason === 'Unschedulable') return { message: condition.message };
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  const capacity = { cpu: '64', memory: '256Gi', pods: '1000' };
  const containers = [{ name: 'base', image: 'x' }];

  for (const [index, given] of SCHEDULING_CASES.entries())
    it(`knows ${given.name}`, async () => {
      // The real server does not finish namespaces without its controllers: each case has its own.
      const own = `case-${index}`;
      const nameOf = (namespace: string) => `${own}-${namespace}`;
      await create('/api/v1/namespaces', { metadata: { name: own } });
      for (const [name, node] of Object.entries(given.nodes)) await create('/api/v1/nodes', nodeOf(name, node));
      for (const [name, labels] of Object.entries(given.namespaces ?? {}))
        await create('/api/v1/namespaces', { metadata: { name: nameOf(name), labels } as { name: string } });
      if (given.patient !== undefined)
        await create('/apis/scheduling.k8s.io/v1/priorityclasses', {
          metadata: { name: given.patient },
          ...{ value: 0, preemptionPolicy: 'Never' },
        });
      for (const [number, before] of (given.pods ?? []).entries()) {
        const { node: nodeName, labels = {}, namespace, spec, isDeleting = false } = before;
        const path = `/api/v1/namespaces/${namespace === undefined ? own : nameOf(namespace)}/pods`;
        await create(path, {
          metadata: { name: `before-${number}`, labels } as { name: string },
          ...{ spec: { containers, ...spec, nodeName } },
        });
        if (isDeleting) await call('DELETE', `${path}/before-${number}`, { gracePeriodSeconds: 1000 });
      }
      // The scheduler has to know of all that before it decides: it looks again when a pod that it has seen comes or goes.
      await settled(own);
      const spec = JSON.parse(
        JSON.stringify({ containers, ...given.spec }).replace(
          /"namespaces":\["(\w+)"\]/g,
          `"namespaces":["${own}-$1"]`,
        ),
      );
      const pods = `/api/v1/namespaces/${own}/pods`;
      await create(pods, { metadata: { name: 'a', labels: given.labels } as { name: string }, ...{ spec } });
      expect(await verdict(`${pods}/a`)).toEqual(given.expected);
    });

  /** Its informers are past what was written before: a pod written after all that has been looked at. */
  async function settled(namespace: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const nodeSelector = { nowhere: namespace };
    await create(path, { metadata: { name: 'last' }, ...{ spec: { containers, nodeSelector } } });
    await verdict(`${path}/last`);
  }

  function nodeOf(name: string, { labels, taints, unschedulable, capacity: own }: SchedulingCase['nodes'][string]) {
    const resources = { ...capacity, ...own };
    return {
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      spec: { taints, unschedulable },
      status: { capacity: resources, allocatable: resources },
    };
  }
});
