/** Serves a host's numbers over HTTP. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError, type ConfigProblem } from '../errors.js';
import { HostMetrics, type ScalableExecutor, type ScalingNumbers } from './host-metrics.js';

/** Options of {@link serveMetrics}. */
export interface ServeMetricsOptions {
  /** What is measured, from now on. */
  readonly executors: readonly ScalableExecutor[];
  /** Port; 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
  /** Address that is listened on. In a pod whose metrics others read it is `0.0.0.0`. @default '127.0.0.1', this machine only */
  readonly host?: string | undefined;
}

/** A running endpoint. */
export interface MetricsEndpoint extends AsyncDisposable {
  /** Its address, such as `http://127.0.0.1:9100`. */
  readonly url: string;
  /** What `/scaling` answers right now. */
  numbers(): ScalingNumbers;
  /** Stops serving and measuring. May be called more than once. */
  close(): Promise<void>;
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

function answer(response: ServerResponse, status: number, type: string, body: string, isHead: boolean): void {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' };
  response.writeHead(status, headers).end(isHead ? '' : body);
}

function check({ executors, port = 0, host = '127.0.0.1' }: ServeMetricsOptions): void {
  const problems: ConfigProblem[] = [];
  if (!Array.isArray(executors) || executors.some((one) => typeof one?.on !== 'function'))
    problems.push({ field: 'executors', rule: 'must be a list of executors' });
  if (!Number.isSafeInteger(port) || port < 0 || port > 65_535)
    problems.push({ field: 'port', value: port, rule: 'must be an integer from 0 to 65535' });
  if (typeof host !== 'string' || host === '')
    problems.push({ field: 'host', value: host, rule: 'must be an address', hint: "'0.0.0.0' for all" });
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'metrics' });
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/**
 * Serves `/metrics` for Prometheus, `/scaling` as JSON for KEDA's metrics-api trigger, and `/healthz`. It keeps no process alive by itself.
 * @throws ConfigError where an option is wrong. Rejects with the system's error where the port is taken.
 * @example
 * await using metrics = await serveMetrics({ executors: [executor], port: 9100 });
 */
export async function serveMetrics(options: ServeMetricsOptions): Promise<MetricsEndpoint> {
  check(options);
  const { executors, port = 0, host = '127.0.0.1' } = options;
  const metrics = new HostMetrics(executors);
  const server = createServer((request, response) => {
    const isHead = request.method === 'HEAD';
    if (!isHead && request.method !== 'GET')
      return answer(response, 405, 'text/plain', 'only GET is answered\n', false);
    const path = (request.url ?? '').split('?')[0];
    if (path === '/metrics') answer(response, 200, TEXT, metrics.text(), isHead);
    else if (path === '/scaling') answer(response, 200, 'application/json', JSON.stringify(metrics.numbers()), isHead);
    else if (path === '/healthz') answer(response, 200, 'text/plain', 'ok\n', isHead);
    else answer(response, 404, 'text/plain', 'there are /metrics, /scaling and /healthz\n', isHead);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    metrics.close();
    throw error;
  }
  server.unref();
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  let closing: Promise<void> | undefined;
  const close = () => {
    metrics.close();
    closing ??= closed(server);
    return closing;
  };
  return {
    url: `http://${name}:${address.port}`,
    numbers: () => metrics.numbers(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
