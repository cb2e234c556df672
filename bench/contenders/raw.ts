/** The least that a client can be: node's own requests with keep-alive, and JSON.parse. */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Job } from '../job.js';
import type { Measured } from '../measure.js';

/** Does a job. */
export type Contender = (job: Job) => Promise<Measured>;

/** A kubeconfig by way of client-node, which refuses plain HTTP unless certificates go unchecked. */
export function theirConfig({ kubeconfig, isEmbedded }: Pick<Job, 'kubeconfig' | 'isEmbedded'>): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  if (isEmbedded) config.clusters = config.clusters.map((cluster) => ({ ...cluster, skipTLSVerify: true }));
  return config;
}

/** Sends one request and hands over the answer. */
export type RawRequest = (
  method: string,
  path: string,
  body?: string,
  headers?: http.OutgoingHttpHeaders,
) => Promise<http.IncomingMessage>;

/** Requests over one keep-alive pool. */
export function rawRequests(job: Pick<Job, 'kubeconfig' | 'isEmbedded'>): RawRequest {
  const config = theirConfig(job);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const url = new URL(cluster?.server ?? '');
  const material = (data: string | undefined, file: string | undefined) =>
    data !== undefined ? Buffer.from(data, 'base64') : file === undefined ? undefined : readFileSync(file);
  const isTls = url.protocol === 'https:';
  const agent = isTls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  const tls = isTls
    ? {
        ca: material(cluster?.caData, cluster?.caFile),
        cert: material(user?.certData, user?.certFile),
        key: material(user?.keyData, user?.keyFile),
      }
    : {};
  const token = user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
  return (method, path, body, more) =>
    new Promise((resolve, reject) => {
      const length =
        body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const options = { ...tls, host: url.hostname, port: url.port, agent, method, path };
      const request = (isTls ? https : http).request(
        { ...options, headers: { ...token, ...length, ...more } },
        resolve,
      );
      request.on('error', reject);
      request.end(body);
    });
}

/** The whole answer as text. @throws Error where it is no success. */
export async function textOf(response: http.IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk as string;
  if ((response.statusCode ?? 0) >= 300) throw new Error(`the server answered ${response.statusCode}`);
  return text;
}
