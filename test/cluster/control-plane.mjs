// A real control plane for tests: etcd and kube-apiserver on free loopback ports, from binaries that somebody else has built.
import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const READY_WITHIN_MS = 60_000;
const KILL_AFTER_MS = 5000;

/** The path of a binary in KUBEBUILDER_ASSETS or PATH, or `undefined`. */
export function findBinary(name) {
  const folders = [process.env.KUBEBUILDER_ASSETS, ...(process.env.PATH ?? '').split(delimiter)];
  for (const folder of folders) {
    if (!folder) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/** As many free loopback ports; held together, so that all differ. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          const server = createServer().once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function isReady(port, token) {
  return new Promise((resolve) => {
    const call = request(
      // The serving certificate is the server's own, made a moment ago.
      {
        host: '127.0.0.1',
        port,
        path: '/readyz',
        rejectUnauthorized: false,
        headers: { authorization: `Bearer ${token}` },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    call.on('error', () => resolve(false));
    call.end();
  });
}

/** Ends a child by its pid and waits for it. */
async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  await gone;
  clearTimeout(timer);
}

/** What each request has cost is counted by user: one line for each that has been received. */
const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{ level: Metadata, omitStages: [ResponseStarted, ResponseComplete, Panic] }]
`;

/**
 * Starts a control plane on free loopback ports; resolves with its kubeconfig file, a function that ends it, `kill` and `revive`, which end
 * one of its programs ("etcd" or "kube-apiserver") without a warning and start it again on its data, and `signal`, which stops it for a
 * while. `setTokens` takes effect at the server's next start.
 */
export async function startControlPlane({ etcd, apiserver }) {
  const folder = mkdtempSync(join(tmpdir(), 'podwright-control-plane-'));
  const file = (name) => join(folder, name);
  const [etcdPort, peerPort, port] = await freePorts(3);
  const token = randomBytes(16).toString('hex');
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(file('sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(file('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(file('audit.yaml'), AUDIT_POLICY);
  /** Tokens by user, beside the one of this module's own. */
  const setTokens = (tokens) => {
    const lines = Object.entries({ admin: token, ...tokens }).map(
      ([user, secret]) => `${secret},${user},${user},system:masters`,
    );
    writeFileSync(file('tokens.csv'), `${lines.join('\n')}\n`, { mode: 0o600 });
  };
  setTokens({});
  const programs = new Map();
  const run = (name, path, args) => {
    const log = openSync(file(`${name}.log`), 'a');
    const child = spawn(path, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    programs.set(name, { child, path, args });
  };
  const stop = async () => {
    for (const { child } of [...programs.values()].reverse()) await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const signal = (name, which) => programs.get(name).child.kill(which);
  const kill = async (name) => {
    const gone = new Promise((resolve) => programs.get(name).child.once('exit', resolve));
    signal(name, 'SIGKILL');
    await gone;
  };
  const revive = (name) => {
    const { path, args } = programs.get(name);
    run(name, path, args);
  };
  try {
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    run('etcd', etcd, [
      ...['--name', 'test', '--data-dir', file('etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
      ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `test=${peerUrl}`],
    ]);
    // Without the service account plugin pods need no account, which nobody but a controller manager would create.
    run('kube-apiserver', apiserver, [
      ...['--etcd-servers', etcdUrl, '--cert-dir', folder],
      ...['--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1', '--secure-port', String(port)],
      ...['--endpoint-reconciler-type', 'none', '--service-cluster-ip-range', '10.96.0.0/16'],
      ...['--service-account-issuer', 'https://kubernetes.default.svc.cluster.local'],
      ...['--service-account-signing-key-file', file('sa.key'), '--service-account-key-file', file('sa.pub')],
      ...['--token-auth-file', file('tokens.csv'), '--authorization-mode', 'RBAC', '--allow-privileged=true'],
      ...['--disable-admission-plugins', 'ServiceAccount,TaintNodesByCondition'],
      ...['--audit-policy-file', file('audit.yaml'), '--audit-log-path', file('audit.log')],
    ]);
    const ready = async () => {
      const deadline = Date.now() + READY_WITHIN_MS;
      while (!(await isReady(port, token))) {
        if (programs.get('kube-apiserver').child.exitCode !== null || Date.now() > deadline)
          throw new Error(
            `kube-apiserver did not become ready:\n${readFileSync(file('kube-apiserver.log'), 'utf8').slice(-2000)}`,
          );
        await delay(100);
      }
    };
    /** Writes a kubeconfig for a user: their token or its file, and another port where a proxy stands in between. */
    const kubeconfigFor = (name, user, at = port) => {
      const cluster = { server: `https://127.0.0.1:${at}`, 'insecure-skip-tls-verify': true };
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'test', cluster }],
        users: [{ name, user }],
        contexts: [{ name: 'test', context: { cluster: 'test', user: name, namespace: 'default' } }],
        'current-context': 'test',
      };
      const path = file(`kubeconfig-${name}`);
      writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
      return path;
    };
    await ready();
    const auditFile = file('audit.log');
    const kubeconfig = kubeconfigFor('admin', { token });
    const control = { stop, kill, revive, signal, isReady: () => isReady(port, token), ready };
    return { kubeconfig, ...control, etcdUrl, port, auditFile, folder, setTokens, kubeconfigFor };
  } catch (error) {
    await stop();
    throw error;
  }
}
