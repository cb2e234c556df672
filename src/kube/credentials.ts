/** Ways to prove who the caller is. Each gives headers or a client certificate, and forgets what the server has refused. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../core/clock.js';
import { KubeConfigError } from '../errors.js';
import type { RequestCredentials } from './api-caller.js';
import { CachedValue } from './cached-value.js';
import { runExecPlugin } from './exec-plugin.js';
import type { TlsOptions } from './https-transport.js';
import type { KubeContext } from './kubeconfig.js';

type Headers = Readonly<Record<string, string>>;

/** Credentials that may bring a client certificate too. */
export interface ConnectionCredentials extends RequestCredentials {
  /** TLS material as it is now; the same object as long as nothing has changed. */
  tls(): Promise<TlsOptions>;
}

/** What a source of credentials gives. */
interface Proof {
  readonly authorization: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Kubernetes swaps projected tokens and certificates well before they expire; a minute is often enough to notice. */
const FILE_CHECK_MS = 60_000;

async function readCredentialFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new KubeConfigError(`The credential file ${file} cannot be read: ${error.code}`, { cause: error });
  });
}

function proofOf(context: KubeContext, clock: Clock): CachedValue<Proof> | undefined {
  const { user } = context;
  const { exec, tokenFile } = user;
  if (exec !== undefined)
    return new CachedValue(clock, async () => {
      const { token, cert, key, expiresAt } = await runExecPlugin(exec, context);
      return { value: { authorization: token === undefined ? undefined : `Bearer ${token}`, cert, key }, expiresAt };
    });
  if (tokenFile !== undefined)
    return new CachedValue(clock, async () => {
      const authorization = `Bearer ${(await readCredentialFile(tokenFile)).trim()}`;
      return { value: { authorization, cert: undefined, key: undefined }, expiresAt: clock.now() + FILE_CHECK_MS };
    });
  return undefined;
}

/** TLS material from files that may change. */
function tlsFilesOf({ tls, tlsFiles }: KubeContext, clock: Clock): CachedValue<TlsOptions> | undefined {
  const { ca, cert, key } = tlsFiles;
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  let last = tls;
  const read = (file: string | undefined, fallback: string | undefined) =>
    file === undefined ? fallback : readCredentialFile(file);
  return new CachedValue(clock, async () => {
    const [newCa, newCert, newKey] = await Promise.all([read(ca, tls.ca), read(cert, tls.cert), read(key, tls.key)]);
    if (newCa !== last.ca || newCert !== last.cert || newKey !== last.key)
      last = { ...tls, ca: newCa, cert: newCert, key: newKey };
    return { value: last, expiresAt: clock.now() + FILE_CHECK_MS };
  });
}

/** The fixed part of what a user proves itself by. */
function fixedHeaders({ user: { token, basic, impersonate } }: KubeContext): Headers {
  const secret =
    basic === undefined ? undefined : Buffer.from(`${basic.username}:${basic.password}`).toString('base64');
  return {
    ...impersonate,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(secret === undefined ? {} : { authorization: `Basic ${secret}` }),
  };
}

/** Credentials of a context. Files are read again every minute and after a 401, plugins run again when their credential ends. */
export function credentialsOf(context: KubeContext, clock: Clock): ConnectionCredentials {
  const proof = proofOf(context, clock);
  const files = tlsFilesOf(context, clock);
  const fixed = fixedHeaders(context);
  let withPlugin: { readonly base: TlsOptions; readonly cert: string; readonly tls: TlsOptions } | undefined;
  return {
    async headers() {
      const authorization = (await proof?.get())?.authorization;
      return authorization === undefined ? fixed : { ...fixed, authorization };
    },
    invalidate(refused) {
      // Whoever was refused with something older than what we have now has nothing to say about it.
      if (
        refused === undefined ||
        proof?.known?.authorization === undefined ||
        refused.authorization === proof.known.authorization
      )
        proof?.forget();
      files?.forget();
    },
    async tls() {
      const base = (await files?.get()) ?? context.tls;
      const { cert, key } = (await proof?.get()) ?? {};
      if (cert === undefined) return base;
      if (withPlugin?.base !== base || withPlugin.cert !== cert)
        withPlugin = { base, cert, tls: { ...base, cert, key } };
      return withPlugin.tls;
    },
  };
}
