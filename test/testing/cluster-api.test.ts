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
