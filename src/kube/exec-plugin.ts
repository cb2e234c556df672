/** Runs the exec plugin of a kubeconfig: a program that prints credentials. */
import { execFile } from 'node:child_process';
import { KubeConfigError } from '../errors.js';
import type { ExecPlugin, KubeContext } from './kubeconfig.js';

/** What a plugin gives. */
export interface ExecCredential {
  readonly token: string | undefined;
  /** Client certificate and key, PEM. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** When it ends, in milliseconds since the epoch; `Infinity` where the plugin does not say. */
  readonly expiresAt: number;
}

const PLUGIN_LIMIT_MS = 60_000;
const MAX_PLUGIN_OUTPUT = 1024 * 1024;
/** A credential is renewed a little early, so that no call is sent with one that expires on its way. */
const EARLY_MS = 30_000;

function clusterInfo({ server, tls, proxyUrl }: KubeContext): object {
  return {
    server,
    'tls-server-name': tls.servername,
    'insecure-skip-tls-verify': tls.insecureSkipTlsVerify === true ? true : undefined,
    'certificate-authority-data': tls.ca === undefined ? undefined : Buffer.from(tls.ca).toString('base64'),
    'proxy-url': proxyUrl,
  };
}

function output(
  { command, args, env, apiVersion, provideClusterInfo, installHint }: ExecPlugin,
  context: KubeContext,
): Promise<string> {
  const spec = { interactive: false, cluster: provideClusterInfo ? clusterInfo(context) : undefined };
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  const extra = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  return new Promise((resolve, reject) => {
    const options = {
      env: { ...process.env, ...extra, KUBERNETES_EXEC_INFO: info },
      timeout: PLUGIN_LIMIT_MS,
      maxBuffer: MAX_PLUGIN_OUTPUT,
    };
    execFile(command, [...args], options, (error, stdout) => {
      if (error === null) return resolve(stdout);
      const { code, signal } = error;
      const isMissing = (code as unknown) === 'ENOENT';
      const hint = isMissing
        ? (installHint ?? 'Install it, or put it on the PATH of the host.')
        : 'Run it by hand to see what it says.';
      // Neither its output nor its arguments: both may hold credentials.
      reject(
        new KubeConfigError(`The exec plugin ${command} failed (${String(code ?? signal ?? 'unknown')})`, { hint }),
      );
    });
  });
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

/** Runs a plugin once. @throws KubeConfigError where it fails, or gives nothing of use. */
export async function runExecPlugin(plugin: ExecPlugin, context: KubeContext): Promise<ExecCredential> {
  const printed = await output(plugin, context);
  let status: Record<string, unknown> | undefined;
  try {
    status = (JSON.parse(printed) as { status?: Record<string, unknown> } | null)?.status;
  } catch {
    throw new KubeConfigError(`The exec plugin ${plugin.command} printed no JSON`);
  }
  const token = textOf(status?.token);
  const cert = textOf(status?.clientCertificateData);
  const key = textOf(status?.clientKeyData);
  if (token === undefined && (cert === undefined || key === undefined))
    throw new KubeConfigError(`The exec plugin ${plugin.command} gave neither a token nor a certificate with its key`);
  const expiresAt = Date.parse(textOf(status?.expirationTimestamp) ?? '') - EARLY_MS;
  return { token, cert, key, expiresAt: Number.isNaN(expiresAt) ? Number.POSITIVE_INFINITY : expiresAt };
}
