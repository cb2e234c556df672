/**
 * One call through somebody's `CoreV1Api` of @kubernetes/client-node 1.x, in the wire format. Its classes turn times into `Date` and
 * rename fields; a middleware of ours passes the JSON of both directions by them. Nothing of client-node is loaded here.
 */
import http from 'node:http';
import https from 'node:https';
import { KubeApiError } from '../errors.js';
import { connectionError, isUnsent } from './connection-errors.js';
import { errorOfResponse } from './status-errors.js';

/** What client-node hands to a middleware before it sends. */
interface RequestContext {
  getUrl(): string;
  getHeaders(): Record<string, string>;
  getAgent(): http.Agent | https.Agent | undefined;
  setBody(body: string): void;
  setHeaderParam(name: string, value: string): void;
  setQueryParam(name: string, value: string): void;
  setSignal(signal: AbortSignal): void;
}

/** What client-node hands to a middleware when an answer has come. */
interface ResponseContext {
  readonly httpStatusCode: number;
  body: { text(): Promise<string>; binary(): Promise<Buffer> };
}

/** The part of an observable that client-node uses. */
interface Later<T> {
  toPromise(): Promise<T>;
}

const later = <T>(promise: Promise<T>): Later<T> => ({ toPromise: () => promise });

/** One call. */
export interface CoreV1Call {
  /** What it is, for messages. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Sent as it is, instead of what client-node makes of it. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  /** Parameters that client-node's methods leave out. */
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
}

/** A method of the API with its parameters, waiting for options. */
export type CoreV1Method = (options: object) => Promise<unknown>;

/** Ends a call before it is sent. */
class NotSent extends Error {}

function prepare(context: RequestContext, { signal, body, contentType, query = {} }: CoreV1Call): void {
  context.setSignal(signal);
  if (body !== undefined) context.setBody(JSON.stringify(body));
  if (contentType !== undefined) context.setHeaderParam('Content-Type', contentType);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) context.setQueryParam(name, value);
}

/** The error of a call, without client-node's message: it quotes headers and bodies. */
function errorOf(error: unknown, { name, signal }: CoreV1Call): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof KubeApiError) return error;
  const { code, body, headers = {} } = error as { code?: unknown; body?: unknown; headers?: Record<string, string> };
  if (typeof code === 'number') {
    const text = typeof body === 'string' ? body : Buffer.isBuffer(body) ? body.toString('utf8') : JSON.stringify(body);
    return errorOfResponse(name, code, text ?? '', headers);
  }
  const cause = error as NodeJS.ErrnoException;
  const reason = typeof code === 'string' ? code : 'the call failed';
  return connectionError(name, { message: reason, cause, isSent: !isUnsent(cause, false) });
}

/** Makes a call; resolves with what was on the wire. @throws KubeApiError */
export async function callCoreV1<T>(method: CoreV1Method, call: CoreV1Call): Promise<T> {
  let text: string | undefined;
  const middleware = {
    pre(context: RequestContext): Later<RequestContext> {
      prepare(context, call);
      return later(Promise.resolve(context));
    },
    post(response: ResponseContext): Later<ResponseContext> {
      return later(
        response.body.text().then((raw) => {
          if (response.httpStatusCode < 300) text = raw;
          response.body = { text: async () => raw, binary: async () => Buffer.from(raw) };
          return response;
        }),
      );
    },
  };
  let result: unknown;
  try {
    result = await method({ middleware: [middleware], middlewareMergeStrategy: 'append' });
  } catch (error) {
    // An answer that only its classes could not take is an answer all the same.
    if (text === undefined) throw errorOf(error, call);
  }
  try {
    // Whoever calls no middleware, a double in a test for one, has given the object itself.
    return JSON.parse(text ?? JSON.stringify(result)) as T;
  } catch {
    throw new KubeApiError(`${call.name}: the answer is no JSON`, { status: 0, reason: 'BadAnswer' });
  }
}

/** Has client-node prepare and sign a request, and sends it over a connection of its own, since its answers come only whole. */
export async function streamCoreV1(method: CoreV1Method, call: CoreV1Call): Promise<AsyncIterable<Uint8Array>> {
  let prepared: RequestContext | undefined;
  const middleware = {
    pre(context: RequestContext): Later<RequestContext> {
      prepare(context, call);
      prepared = context;
      return later(Promise.reject(new NotSent()));
    },
    post: (response: ResponseContext) => later(Promise.resolve(response)),
  };
  try {
    await method({ middleware: [middleware], middlewareMergeStrategy: 'append' });
  } catch (error) {
    if (!(error instanceof NotSent)) throw errorOf(error, call);
  }
  if (prepared === undefined)
    throw new KubeApiError(`${call.name}: this CoreV1Api calls no middleware, so nothing can be streamed over it`, {
      status: 0,
      reason: 'NoMiddleware',
    });
  return open(prepared, call);
}

const MAX_ERROR_BYTES = 256 * 1024;

async function open(context: RequestContext, call: CoreV1Call): Promise<AsyncIterable<Uint8Array>> {
  const { signal, name } = call;
  signal.throwIfAborted();
  const url = new URL(context.getUrl());
  const agent = context.getAgent();
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    headers: { ...context.getHeaders(), accept: 'application/json' },
    ...(agent === undefined ? {} : { agent }),
  });
  const onAbort = () => request.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  request.once('close', () => signal.removeEventListener('abort', onAbort));
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', (error) => reject(errorOf(error, call)));
    request.end();
  });
  const body = chunksOf(response, call);
  const { statusCode = 0, headers } = response;
  if (statusCode >= 200 && statusCode < 300) return body;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    parts.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_ERROR_BYTES) break;
  }
  const plain = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, value?.toString()]));
  throw errorOfResponse(name, statusCode, Buffer.concat(parts).toString('utf8'), plain);
}

async function* chunksOf(response: http.IncomingMessage, call: CoreV1Call): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    throw connectionError(call.name, { message: 'the answer broke off', cause: error, isSent: true });
  }
}
