/**
 * Scenarios: requests whose answers are compared with what a real API server answered. `recorded/` holds those answers, with
 * uids, times, versions and names made anonymous; `CONFORMANCE_RECORD=1` with a `KUBECONFIG` writes them anew.
 */
import type { Send } from './connect.js';

type Json = Record<string, unknown>;

/** One answer as it is compared. */
export interface Recorded {
  request: string;
  status: number;
  warning?: string;
  body: unknown;
}

/** A named run of requests. */
export interface Scenario {
  name: string;
  run: (client: ScenarioClient) => Promise<void>;
}

/** Declares a scenario. */
export function scenario(name: string, run: Scenario['run']): Scenario {
  return { name, run };
}

/** An answer as scenarios themselves read it. */
export interface Answer {
  status: number;
  // Scenarios look into answers of any shape.
  // biome-ignore lint/suspicious/noExplicitAny: the body is whatever the server sent
  json: any;
  text: string;
}

/** How a request differs from a plain JSON one. */
export interface CallOptions {
  type?: string;
  accept?: string;
  headers?: Record<string, string>;
  raw?: string;
}

/** Sends requests and keeps their answers. */
export class ScenarioClient {
  readonly records: Recorded[] = [];
  readonly ns: string;
  readonly pods: string;
  readonly base: string;
  readonly #send: Send;
  readonly #id: string;

  constructor(send: Send, id: string) {
    this.#send = send;
    this.#id = id;
    this.ns = `conf-${id}`;
    this.base = `/api/v1/namespaces/${this.ns}`;
    this.pods = `${this.base}/pods`;
  }

  /** A name for objects without a namespace. */
  unique(name: string): string {
    return `${name}-${this.#id}`;
  }

  /** Sends without keeping the answer. */
  async quiet(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const payload = options.raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const headers = {
      accept: options.accept ?? 'application/json',
      ...(payload === undefined
        ? {}
        : { 'content-type': options.type ?? 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
      ...options.headers,
    };
    const { status, headers: got, text } = await this.#send({ method, path, headers, body: payload });
    const json = text.startsWith('{') ? JSON.parse(text) : undefined;
    this.#last = { warning: got.warning };
    return { status, json, text };
  }

  #last: { warning: string | undefined } = { warning: undefined };

  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const answer = await this.quiet(method, path, body, options);
    const { warning } = this.#last;
    this.records.push({
      request: `${method} ${path}`,
      status: answer.status,
      ...(warning === undefined ? {} : { warning }),
      body: answer.json ?? answer.text,
    });
    return answer;
  }

  get(path: string, options?: CallOptions): Promise<Answer> {
    return this.call('GET', path, undefined, options);
  }
  post(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('POST', path, body, options);
  }
  put(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('PUT', path, body, options);
  }
  delete(path: string, body?: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('DELETE', path, body, options);
  }
  merge(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('PATCH', path, body, { type: 'application/merge-patch+json', ...options });
  }
  strategic(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('PATCH', path, body, { type: 'application/strategic-merge-patch+json', ...options });
  }
  jsonPatch(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('PATCH', path, body, { type: 'application/json-patch+json', ...options });
  }

  /** Watches until `count` events have come or the stream ends, while `action` runs; keeps the events. */
  async watch(path: string, count: number, action: () => Promise<unknown> = async () => {}): Promise<Json[]> {
    const events: Json[] = [];
    let rest = '';
    const onPiece = (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') events.push(JSON.parse(line) as Json);
      return events.length >= count;
    };
    const stream = this.#send({
      method: 'GET',
      path,
      headers: { accept: 'application/json' },
      body: undefined,
      onPiece,
    });
    await action();
    const answer = await stream;
    const isPlain = answer.status !== 200;
    this.records.push({
      request: `WATCH ${path}`,
      status: answer.status,
      body: isPlain ? JSON.parse(answer.text) : events.slice(0, count),
    });
    return events;
  }
}

const UID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;

/** A cell of a table without the age it may show. */
function ageless(cell: unknown): unknown {
  if (typeof cell !== 'string') return cell;
  return /^(?:\d+[smhdy])+$/.test(cell) ? '<age>' : cell.replace(/\((?:\d+[smhdy])+ ago\)/, '(<age> ago)');
}

/** Makes answers of different servers comparable: versions become ranks, uids and times placeholders. */
export function anonymous(records: readonly Recorded[], id: string): Recorded[] {
  const versions = new Set<number>();
  const collect = (value: unknown, isList: boolean): void => {
    if (Array.isArray(value)) for (const item of value) collect(item, false);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [field, item] of Object.entries(value)) {
      if (field === 'resourceVersion' && typeof item === 'string' && /^\d+$/.test(item) && !isList)
        versions.add(Number(item));
      collect(
        item,
        field === 'metadata' && ('items' in value || 'rows' in value || (value as Json).type === 'BOOKMARK'),
      );
    }
  };
  for (const { body } of records) collect(body, false);
  const ranks = new Map(
    [...versions].sort((a, b) => a - b).map((version, rank) => [String(version), `<version ${rank + 1}>`]),
  );
  const uids = new Map<string, string>();
  const text = (value: string) =>
    value
      .replaceAll(id, '<id>')
      .replace(UID, (uid) => {
        if (!uids.has(uid)) uids.set(uid, `<uid ${uids.size + 1}>`);
        return uids.get(uid) as string;
      })
      .replace(TIME, '<time>')
      .replace(/(resourceVersion: ")\d+/g, '$1<version>')
      .replace(/(resourceVersion\\?":\\?")\d+/g, '$1<version>')
      .replace(/(?<=resource version: |current: |\()\d{3,}\b/g, '<version>');
  const clean = (value: unknown, isList = false): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map((item) => clean(item));
    if (typeof value !== 'object' || value === null) return value;
    const result: Json = {};
    for (const [field, item] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (field === 'resourceVersion' && typeof item === 'string')
        result[field] = isList ? '<list version>' : (ranks.get(item) ?? item);
      else if (field === 'continue' && typeof item === 'string') result[field] = '<token>';
      else if (field === 'cells' && Array.isArray(item)) result[field] = item.map((cell) => ageless(clean(cell)));
      else result[text(field)] = clean(item, field === 'metadata' && ('items' in value || 'rows' in value));
    }
    return result;
  };
  return records.map(({ request, status, warning, body }) => ({
    request: text(request)
      .replace(/continue=[^&]+/, 'continue=<token>')
      .replace(/resourceVersion=\d{3,}/, 'resourceVersion=<version>'),
    status,
    ...(warning === undefined ? {} : { warning: text(warning) }),
    body: clean(body),
  }));
}

/** Runs a scenario in a namespace of its own and gives its comparable answers. */
export async function play(send: Send, { run }: Scenario, id: string): Promise<Recorded[]> {
  const client = new ScenarioClient(send, id);
  await client.quiet('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: client.ns },
  });
  await run(client);
  return anonymous(client.records, id);
}
