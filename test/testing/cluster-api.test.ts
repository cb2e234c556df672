import { expect, it } from 'vitest';
import type { Transport, TransportResponse } from '../../src/kube/transport.js';
import { VirtualClock } from '../../src/testing/index.js';
import { ClusterApi } from '../../src/testing/kubelet/cluster-api.js';

it('takes an object for missing only where the server says so', async () => {
  const clock = new VirtualClock();
  const answers = [500, undefined, 200, 404];
  const transport = {
    request: async () => {
      const status = answers.shift();
      if (status === undefined) throw new Error('the connection is gone');
      const body = (async function* () {
        yield Buffer.from('{"metadata":{"name":"m"}}');
      })();
      return { status, headers: {}, body } as unknown as TransportResponse;
    },
  } as Transport;
  const api = new ClusterApi(transport, clock, new AbortController().signal);
  const found = api.read('/api/v1/namespaces/default/configmaps/m');
  await clock.advance('2s');
  expect(await found).toEqual({ metadata: { name: 'm' } });
  expect(await api.read('/api/v1/namespaces/default/configmaps/m')).toBeUndefined();
});

it('reports and deletes once more where the connection breaks or the server cannot answer, and gives up at the end', async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const sent: string[] = [];
  const answers: (number | undefined)[] = [undefined, 503, 200, undefined, 200];
  const transport = {
    request: async ({ method }: { method: string }) => {
      sent.push(method);
      const status = answers.shift();
      if (status === undefined) throw new Error('the connection is gone');
      return { status, headers: {}, body: (async function* () {})() } as unknown as TransportResponse;
    },
  } as Transport;
  const api = new ClusterApi(transport, clock, stop.signal);
  const reported = api.patchStatus({ metadata: { name: 'a', namespace: 'default' } }, { phase: 'Running' });
  await clock.advance('2s');
  expect(await reported).toBe(true);
  const deleted = api.deletePod({ metadata: { name: 'a', namespace: 'default' } });
  await clock.advance('1s');
  await deleted;
  expect(sent).toEqual(['PATCH', 'PATCH', 'PATCH', 'DELETE', 'DELETE']);
  const last = api.patchStatus({ metadata: { name: 'a', namespace: 'default' } }, {});
  await clock.advance('500ms');
  stop.abort(new Error('the end'));
  expect(await last).toBe(false);
});
