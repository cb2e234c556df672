/** Reads kubeconfig files and the service account of a pod: plain data, nothing connected yet. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { CORE_SCHEMA, load } from 'js-yaml';
import { KubeConfigError } from '../errors.js';
import type { TlsOptions } from './https-transport.js';

/** An exec plugin, as a kubeconfig names it. */
export interface ExecPlugin {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly apiVersion: string;
  readonly provideClusterInfo: boolean;
  /** What a user is told when the command is not there. */
  readonly installHint?: string | undefined;
}

/** How a user of a kubeconfig proves who they are; at most one of the first four. */
export interface KubeUser {
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly basic?: { readonly username: string; readonly password: string } | undefined;
  readonly exec?: ExecPlugin | undefined;
  /** Whether it needs an auth provider, which only @kubernetes/client-node knows. */
  readonly hasAuthProvider: boolean;
  /** Impersonation headers. */
  readonly impersonate: Readonly<Record<string, string>>;
}

/** One context of a kubeconfig, resolved. */
export interface KubeContext {
  readonly name: string;
  readonly server: string;
  readonly namespace: string | undefined;
  /** TLS material as it stood in the kubeconfig; see also `tlsFiles`. */
  readonly tls: TlsOptions;
  /** Files that `tls` was read from: they may change while we run. */
  readonly tlsFiles: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
  /** Proxy in front of the server, from the kubeconfig. */
  readonly proxyUrl: string | undefined;
  readonly user: KubeUser;
}

type Dict = Record<string, unknown>;
const isDict = (value: unknown): value is Dict => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new KubeConfigError(
      `${what} ${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`,
      { cause: error },
    );
  }
}

/** Parsed entries of one file, with relative paths resolved against it. */
interface Entries {
  readonly clusters: Map<string, Dict>;
  readonly users: Map<string, Dict>;
  readonly contexts: Map<string, Dict>;
  readonly current: string | undefined;
}

function parseEntries(content: string, folder: string, source: string): Entries {
  let root: unknown;
  try {
    root = load(content, { schema: CORE_SCHEMA });
  } catch (error) {
    // The parser's message quotes the file, which holds credentials: only its reason is passed on.
    throw new KubeConfigError(`${source} is no valid YAML: ${(error as { reason?: string }).reason ?? 'unreadable'}`);
  }
  if (!isDict(root))
    throw new KubeConfigError(`${source} is no kubeconfig`, { hint: 'It should hold clusters, users and contexts.' });
  const named = (list: unknown, inner: string) =>
    new Map(
      (Array.isArray(list) ? list : [])
        .filter(isDict)
        .map((entry): [string, Dict] => [
          String(entry.name ?? ''),
          { ...(isDict(entry[inner]) ? (entry[inner] as Dict) : {}), folder },
        ]),
    );
  return {
    clusters: named(root.clusters, 'cluster'),
    users: named(root.users, 'user'),
    contexts: named(root.contexts, 'context'),
    current: text(root['current-context']),
  };
}

/** Entries of several files, the first mention of a name wins, as kubectl does it. */
function merge(all: readonly Entries[]): Entries {
  const join = (pick: (entries: Entries) => Map<string, Dict>) =>
    new Map([...all].reverse().flatMap((entries) => [...pick(entries)]));
  return {
    clusters: join((e) => e.clusters),
    users: join((e) => e.users),
    contexts: join((e) => e.contexts),
    current: all.find((e) => e.current !== undefined)?.current,
  };
}

/** Path of a file that an entry names, where the same is not given as data. */
function fileOf(entry: Dict, name: string): string | undefined {
  const file = text(entry[`${name}-data`]) === undefined ? text(entry[name]) : undefined;
  return file === undefined ? undefined : resolve(String(entry.folder), file);
}

function pem(entry: Dict, name: string): string | undefined {
  const data = text(entry[`${name}-data`]);
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  const file = fileOf(entry, name);
  return file === undefined ? undefined : readText(file, `The ${name} file`);
}

/** A comma may stand in a group's name, as it does in those of LDAP: what is joined by commas would be split into groups of others. */
function onePerLine(field: string, values: readonly string[]): string {
  if (values.some((value) => /[\r\n]/.test(value)))
    throw new KubeConfigError(`A value of ${field} has a line break, which no header can hold`, {
      hint: `Take the line break out of ${field} in the kubeconfig.`,
    });
  return values.join('\n');
}

function userOf(entry: Dict): KubeUser {
  const exec = isDict(entry.exec) ? entry.exec : undefined;
  const username = text(entry.username);
  const tokenFile = text(entry.tokenFile);
  const groups = Array.isArray(entry['as-groups']) ? (entry['as-groups'] as unknown[]).map(String) : [];
  const impersonate: Record<string, string> = {};
  if (text(entry.as) !== undefined) impersonate['impersonate-user'] = String(entry.as);
  if (text(entry['as-uid']) !== undefined) impersonate['impersonate-uid'] = String(entry['as-uid']);
  if (groups.length > 0) impersonate['impersonate-group'] = onePerLine('as-groups', groups);
  const extra = isDict(entry['as-user-extra']) ? entry['as-user-extra'] : {};
  // Names are percent-encoded where a header cannot hold them; of several values the server takes one header each.
  for (const [key, values] of Object.entries(extra))
    if (Array.isArray(values) && values.length > 0)
      impersonate[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = onePerLine(
        `as-user-extra.${key}`,
        values.map(String),
      );
  return {
    token: text(entry.token),
    tokenFile: tokenFile === undefined ? undefined : resolve(String(entry.folder), tokenFile),
    basic: username === undefined ? undefined : { username, password: String(entry.password ?? '') },
    exec: exec === undefined ? undefined : execOf(exec, String(entry.folder)),
    hasAuthProvider: isDict(entry['auth-provider']),
    impersonate,
  };
}

function execOf(exec: Dict, folder: string): ExecPlugin {
  const command = text(exec.command);
  if (command === undefined) throw new KubeConfigError('The exec plugin of the kubeconfig names no command');
  const env = (Array.isArray(exec.env) ? exec.env : [])
    .filter(isDict)
    .map((one) => ({ name: String(one.name), value: String(one.value ?? '') }));
  return {
    // As kubectl does: a path with a slash is relative to the file, a bare name is looked up on the PATH.
    command: command.includes('/') && !isAbsolute(command) ? resolve(folder, command) : command,
    args: (Array.isArray(exec.args) ? exec.args : []).map(String),
    env,
    apiVersion: text(exec.apiVersion) ?? 'client.authentication.k8s.io/v1',
    provideClusterInfo: exec.provideClusterInfo === true,
    installHint: text(exec.installHint),
  };
}

/**
 * One context of a kubeconfig.
 * @param files - paths of kubeconfig files, in order of precedence
 * @param contextName - the context; left out, the current one
 * @throws KubeConfigError
 */
export function readKubeconfig(files: readonly string[], contextName?: string): KubeContext {
  const existing = files.filter((file) => files.length === 1 || existsSync(file));
  const source = `The kubeconfig ${existing.join(', ')}`;
  const entries = merge(
    existing.map((file) =>
      parseEntries(readText(file, 'The kubeconfig'), dirname(resolve(file)), `The kubeconfig ${file}`),
    ),
  );
  const name = contextName ?? entries.current;
  const known = [...entries.contexts.keys()].join(', ') || 'none';
  if (name === undefined)
    throw new KubeConfigError(`${source} has no current context`, { hint: `Name one; it has ${known}.` });
  const context = entries.contexts.get(name);
  if (context === undefined)
    throw new KubeConfigError(`${source} has no context ${JSON.stringify(name)}`, { hint: `It has ${known}.` });
  const cluster = entries.clusters.get(String(context.cluster));
  const server = cluster === undefined ? undefined : text(cluster.server);
  if (cluster === undefined || server === undefined)
    throw new KubeConfigError(`Context ${name} of the kubeconfig names a cluster without a server`);
  const user = entries.users.get(String(context.user)) ?? {};
  return {
    name,
    server,
    namespace: text(context.namespace),
    tls: {
      ca: pem(cluster, 'certificate-authority'),
      cert: pem(user, 'client-certificate'),
      key: pem(user, 'client-key'),
      servername: text(cluster['tls-server-name']),
      insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
    },
    tlsFiles: {
      ca: fileOf(cluster, 'certificate-authority'),
      cert: fileOf(user, 'client-certificate'),
      key: fileOf(user, 'client-key'),
    },
    proxyUrl: text(cluster['proxy-url']),
    user: userOf(user),
  };
}

/** The service account of the pod that this process runs in, or `undefined` outside a pod. */
export function inClusterContext(env: NodeJS.ProcessEnv, folder = SERVICE_ACCOUNT): KubeContext | undefined {
  const host = env.KUBERNETES_SERVICE_HOST;
  const tokenFile = join(folder, 'token');
  if (host === undefined || host === '' || !existsSync(tokenFile)) return undefined;
  const ca = join(folder, 'ca.crt');
  const namespace = join(folder, 'namespace');
  return {
    name: 'in-cluster',
    server: `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`,
    namespace: existsSync(namespace) ? readText(namespace, 'The namespace file').trim() : undefined,
    tls: { ca: existsSync(ca) ? readText(ca, 'The CA file') : undefined },
    tlsFiles: { ca: existsSync(ca) ? ca : undefined },
    proxyUrl: undefined,
    user: { tokenFile, hasAuthProvider: false, impersonate: {} },
  };
}

/** The kubeconfig files that the environment names. */
export function defaultKubeconfigFiles(env: NodeJS.ProcessEnv): string[] {
  const named = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  return named.length > 0 ? named : [join(homedir(), '.kube', 'config')];
}
