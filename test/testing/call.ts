/** Requests to an embedded cluster, for its own tests. */
import type { Transport, TransportRequest } from '../../src/kube/transport.js';

/** What came back. */
export interface Called {
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: the body is whatever the server sent
  json: any;
  text: string;
}

/** Sends one request and reads its whole answer. */
export async function call(
  transport: Transport,
  method: TransportRequest['method'],
  path: string,
  body?: unknown,
  type = 'application/json',
): Promise<Called> {
  const response = await transport.request({
    method,
    path,
    headers: body === undefined ? {} : { 'content-type': type },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  return {
    status: response.status,
    headers: response.headers,
    json: text.startsWith('{') ? JSON.parse(text) : undefined,
    text,
  };
}

/** Path of the pods of the namespace default. */
export const PODS = '/api/v1/namespaces/default/pods';

/** A pod that runs once. */
export function pod(name: string, spec: object = {}, annotations: Record<string, string> = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations },
    spec: { restartPolicy: 'Never', containers: [{ name: 'base', image: 'busybox' }], ...spec },
  };
}

/** A container of a given command. */
export function running(...command: string[]) {
  return { containers: [{ name: 'base', image: 'busybox', command }] };
}

/** The annotation of a pod that never ends by itself. */
export const HANG = { 'testing.podwright.dev/result': 'Hang' };
