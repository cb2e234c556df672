/** Ways to prove who the caller is. Each gives headers, and forgets what the server has refused. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../core/clock.js';
import { KubeConfigError } from '../errors.js';
import type { RequestCredentials } from './http-kube-client.js';
import type { ExecPlugin, KubeUser } from './kubeconfig.js';

type Headers = Readonly<Record<string, string>>;

/** A token that somebody fetches, kept until it expires. Fetched once for all who ask at the same time. */
class CachedToken {
  readonly #fetch: () => Promise<{ readonly token: string; readonly expiresAt: number }>;
  readonly #clock: Clock;
  #current: Promise<{ readonly token: string; readonly expiresAt: number }> | undefined;

  constructor(clock: Clock, fetch: () => Promise<{ readonly token: string; readonly expiresAt: number }>) {
    this.#clock = clock;
    this.#fetch = fetch;
  }

  async get(): Promise<string> {
    const fetching = this.#current ?? this.#start();
    const { token, expiresAt } = await fetching;
    if (this.#clock.now() < expiresAt) return token;
    // Only the first to notice starts anew; the others find the new fetch.
    if (this.#current === fetching) this.#current = undefined;
    return (await (this.#current ?? this.#start())).token;
  }

  forget(): void {
    this.#current = undefined;
  }

  #start(): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const fetching = this.#fetch();
    this.#current = fetching;
    fetching.catch(() => {
      if (this.#current === fetching) this.#current = undefined;
    });
    return fetching;
  }
}

/** Kubernetes swaps projected tokens well before they expire; a minute is often enough to notice. */
const TOKEN_FILE_MS = 60_000;
/** A plugin's credential is renewed a little early, so that no call is sent with one that expires on its way. */
const EARLY_MS = 30_000;
const PLUGIN_LIMIT_MS = 60_000;
const MAX_PLUGIN_OUTPUT = 1024 * 1024;

function tokenFile(file: string, clock: Clock): CachedToken {
  return new CachedToken(clock, async () => {
    const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new KubeConfigError(`The token file ${file} cannot be read: ${error.code}`, { cause: error });
    });
    return { token: content.trim(), expiresAt: clock.now() + TOKEN_FILE_MS };
  });
}

function runPlugin({ command, args, env, apiVersion }: ExecPlugin): Promise<string> {
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec: { interactive: false } });
  const extra = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  return new Promise((resolve, reject) => {
    const options = {
      env: { ...process.env, ...extra, KUBERNETES_EXEC_INFO: info },
      timeout: PLUGIN_LIMIT_MS,
      maxBuffer: MAX_PLUGIN_OUTPUT,
    };
    execFile(command, [...args], options, (error, stdout) => {
      if (error === null) return resolve(stdout);
      const { code } = error as NodeJS.ErrnoException;
      const hint =
        code === 'ENOENT' ? 'Install it, or put it on the PATH of the host.' : 'Run it by hand to see what it says.';
      // Its output may hold credentials and stays out of the message.
      reject(new KubeConfigError(`The exec plugin ${command} failed (${String(code ?? 'unknown')})`, { hint }));
    });
  });
}

function execToken(plugin: ExecPlugin, clock: Clock): CachedToken {
  return new CachedToken(clock, async () => {
    const output = await runPlugin(plugin);
    let status: { token?: unknown; expirationTimestamp?: unknown } | undefined;
    try {
      status = (JSON.parse(output) as { status?: typeof status }).status;
    } catch {
      throw new KubeConfigError(`The exec plugin ${plugin.command} printed no JSON`);
    }
    if (typeof status?.token !== 'string' || status.token === '')
      throw new KubeConfigError(`The exec plugin ${plugin.command} gave no token`, {
        hint: 'Plugins that give client certificates are not supported yet.',
      });
    const expiresAt =
      typeof status.expirationTimestamp === 'string' ? Date.parse(status.expirationTimestamp) - EARLY_MS : Number.NaN;
    return { token: status.token, expiresAt: Number.isNaN(expiresAt) ? Number.POSITIVE_INFINITY : expiresAt };
  });
}

/** Credentials of a user of a kubeconfig. */
export function credentialsOf(user: KubeUser, clock: Clock): RequestCredentials {
  const cached =
    user.exec !== undefined
      ? execToken(user.exec, clock)
      : user.tokenFile !== undefined
        ? tokenFile(user.tokenFile, clock)
        : undefined;
  const fixed: Headers = {
    ...user.impersonate,
    ...(user.token === undefined ? {} : { authorization: `Bearer ${user.token}` }),
    ...(user.basic === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${user.basic.username}:${user.basic.password}`).toString('base64')}` }),
  };
  return {
    async headers() {
      return cached === undefined ? fixed : { ...fixed, authorization: `Bearer ${await cached.get()}` };
    },
    invalidate() {
      cached?.forget();
    },
  };
}
