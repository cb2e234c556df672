import { get as httpsGet } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClusterUser, FakeCluster } from '../../src/testing/index.js';
import { call, PODS, pod } from './call.js';

const reader: ClusterUser = {
  name: 'reader',
  token: 'read',
  rules: [{ verbs: ['get', 'list'], resources: ['pods', '*/log'], namespaces: ['default'] }],
};

describe('users and their rights', () => {
  let cluster: FakeCluster | undefined;
  afterEach(() => cluster?.stop());
  const start = async (users: readonly ClusterUser[]) => {
    cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none', users });
    return cluster;
  };

  it('may do what their rules say, and are told what they may not', async () => {
    const { transport } = await start([reader]);
    const own = cluster?.transport({ token: 'read' }) as ReturnType<typeof transport>;
    expect((await call(own, 'GET', PODS)).status).toBe(200);
    expect((await call(own, 'GET', `${PODS}/none/log`)).status).toBe(404);
    const refused = await call(own, 'POST', PODS, pod('p'));
    expect(refused.status).toBe(403);
    expect(refused.json.message).toBe(
      'pods is forbidden: User "reader" cannot create resource "pods" in API group "" in the namespace "default"',
    );
    expect((await call(own, 'GET', '/api/v1/namespaces/other/pods')).status).toBe(403);
    expect((await call(own, 'GET', '/api/v1/pods')).status).toBe(403);
  });

  it('may do everything without rules, and only some objects with names', async () => {
    const named = { verbs: ['get'], resources: ['*'], resourceNames: ['a'] };
    const at = await start([
      { name: 'all', token: 'all' },
      { name: 'some', token: 'some', rules: [named] },
    ]);
    for (const name of ['a', 'b'])
      expect((await call(at.transport({ token: 'all' }), 'POST', PODS, pod(name))).status).toBe(201);
    const some = at.transport({ token: 'some' });
    expect([(await call(some, 'GET', `${PODS}/a`)).status, (await call(some, 'GET', `${PODS}/b`)).status]).toEqual([
      200, 403,
    ]);
  });

  it('answers 401 for a token that nobody has, and lets the cluster itself be the administrator', async () => {
    const at = await start([reader]);
    expect((await call(at.transport({ token: 'wrong' }), 'GET', PODS)).status).toBe(401);
    expect((await call(at.transport(), 'POST', PODS, pod('p'))).status).toBe(201);
  });

  it('lets users impersonate others only where a rule says so', async () => {
    const impersonator = { name: 'boss', token: 'boss', rules: [{ verbs: ['impersonate'], resources: ['users'] }] };
    const at = await start([reader, impersonator]);
    const as = async (token: string, user: string) => {
      const headers = { 'impersonate-user': user };
      return (await at.transport({ token }).request({ method: 'GET', path: PODS, headers })).status;
    };
    expect(await as('boss', 'reader')).toBe(200);
    expect(await as('boss', 'stranger')).toBe(403);
    expect(await as('read', 'boss')).toBe(403);
  });

  it('says who can sign in', async () => {
    cluster = await FakeCluster.start({ kubelet: 'none', users: [reader, { name: 'mute' }] });
    expect(cluster.kubeconfigOf('reader').users).toEqual([{ name: 'reader', user: { token: 'read' } }]);
    expect(() => cluster?.kubeconfigOf('mute')).toThrow('No user "mute" can sign in');
  });
});

describe('TLS', () => {
  let cluster: FakeCluster | undefined;
  afterEach(() => cluster?.stop());

  interface Config {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  }
  /** Sends with what a kubeconfig holds. */
  function ask(url: string, config: Config): Promise<{ status: number; text: string }> {
    const data = (entry: Record<string, string> | undefined, field: string) =>
      entry?.[field] === undefined ? undefined : Buffer.from(entry[field], 'base64');
    const user = config.users[0]?.user;
    const options = {
      agent: false,
      ca: data(config.clusters[0]?.cluster, 'certificate-authority-data'),
      cert: data(user, 'client-certificate-data'),
      key: data(user, 'client-key-data'),
      headers: user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` },
    };
    return new Promise((resolve, reject) => {
      httpsGet(url, options, (response) => {
        let text = '';
        response.on('data', (piece: Buffer) => {
          text += piece.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      }).on('error', reject);
    });
  }

  it('knows users by their client certificates', async () => {
    const rules = [{ verbs: ['list'], resources: ['pods'] }];
    cluster = await FakeCluster.start({ tls: true, kubelet: 'none', users: [{ name: 'test-user', rules }] });
    const admin = cluster.kubeconfig as unknown as Config;
    const user = cluster.kubeconfigOf('test-user') as unknown as Config;
    expect((await ask(`${cluster.url}/api/v1/nodes`, admin)).status).toBe(200);
    expect((await ask(`${cluster.url}/api/v1/pods`, user)).status).toBe(200);
    const refused = await ask(`${cluster.url}/api/v1/nodes`, user);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('User \\"test-user\\" cannot list resource \\"nodes\\"');
    expect((await ask(`${cluster.url}/api/v1/pods`, { ...admin, users: [] })).status).toBe(401);
  });

  it('takes tokens, and is trusted by those only who were given its authority', async () => {
    cluster = await FakeCluster.start({ tls: true, kubelet: 'none', token: 'secret' });
    const config = cluster.kubeconfig as unknown as Config;
    expect((await ask(`${cluster.url}/api/v1/pods`, config)).status).toBe(200);
    await expect(ask(`${cluster.url}/api/v1/pods`, { ...config, clusters: [] })).rejects.toThrow(/certificate/);
  });
});
