/** The log endpoint: which container, which lines, and following. */
import { parseTime } from '../../wire/micro-time.js';
import type { Container, ContainerStatus, Pod } from '../../wire/types.js';
import type { ContainerLog, LogLine } from './container-log.js';
import type { Core } from './core.js';
import { isSet, type ResourceRequest } from './request.js';
import { keyOf, PODS } from './resources.js';
import { badRequest, type FieldFault, fault, invalid, notFound } from './status.js';
import { ByteStream } from './stream.js';

interface LogQuery {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly sinceMs: number | undefined;
}

/** Answer of the log endpoint: 204 before a node was chosen, else text. */
export type LogAnswer = { readonly code: 204 } | { readonly code: 200; readonly body: Buffer | ByteStream };

const OPTIONS_DEF = { group: '', resource: 'podlogoptions', kind: 'PodLogOptions' };

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function readQuery(core: Core, request: ResourceRequest): LogQuery {
  const { query } = request;
  const tailLines = integer(query, 'tailLines');
  const limitBytes = integer(query, 'limitBytes');
  const sinceSeconds = integer(query, 'sinceSeconds');
  const sinceTime = query.get('sinceTime') ?? '';
  const sinceTimeMs = sinceTime === '' ? undefined : parseTime(sinceTime);
  if (sinceTime !== '' && sinceTimeMs === undefined)
    throw badRequest(
      `parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(sinceTime)} as "2006"`,
    );
  const faults: FieldFault[] = [];
  if (tailLines !== undefined && tailLines < 0)
    faults.push(fault.invalid('tailLines', tailLines, 'must be greater than or equal to 0'));
  if (limitBytes !== undefined && limitBytes < 1)
    faults.push(fault.invalid('limitBytes', limitBytes, 'must be greater than 0'));
  if (sinceSeconds !== undefined && sinceTime !== '')
    faults.push(fault.forbidden('[]', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else if (sinceSeconds !== undefined && sinceSeconds < 1)
    faults.push(fault.invalid('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  if (query.get('stream') !== null) faults.push(fault.forbidden('stream', 'may not be specified'));
  if (faults.length > 0) throw invalid(OPTIONS_DEF, request.name, faults);
  return {
    container: query.get('container') ?? '',
    follow: isSet(query, 'follow'),
    previous: isSet(query, 'previous'),
    timestamps: isSet(query, 'timestamps'),
    tailLines,
    limitBytes,
    sinceMs: sinceSeconds === undefined ? sinceTimeMs : core.clock.now() - sinceSeconds * 1000,
  };
}

function chooseContainer(pod: Pod, asked: string): string {
  const name = pod.metadata?.name ?? '';
  const init = (pod.spec?.initContainers ?? []).map((container: Container) => container.name);
  const main = (pod.spec?.containers ?? []).map((container: Container) => container.name);
  if (asked !== '') {
    if (![...init, ...main].includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  const chosen = pod.metadata?.annotations?.['kubectl.kubernetes.io/default-container'];
  if (chosen !== undefined && main.includes(chosen)) return chosen;
  if (main.length === 1) return main[0] ?? '';
  throw badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${[...init, ...main].join(' ')}]`,
  );
}

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].find(
    ({ name }) => name === container,
  );
}

function checkStarted(pod: Pod, container: string, previous: boolean): void {
  const where = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata?.name ?? '')}`;
  const status = statusOf(pod, container);
  if (previous) {
    if (status?.lastState?.terminated === undefined) throw badRequest(`previous terminated ${where} not found`);
    return;
  }
  if (status === undefined) throw badRequest(`${where} is not available`);
  const { waiting } = status.state ?? {};
  if (waiting === undefined || status.lastState?.terminated !== undefined) return;
  const reason = waiting.reason ?? '';
  if (reason === 'ImagePullBackOff') throw badRequest(`${where} is waiting to start: trying and failing to pull image`);
  if (reason === 'ErrImagePull') throw badRequest(`${where} is waiting to start: image can't be pulled`);
  throw badRequest(reason === '' ? `${where} is not available` : `${where} is waiting to start: ${reason}`);
}

function render({ at, text }: LogLine, timestamps: boolean): Buffer {
  if (!timestamps) return text;
  return Buffer.concat([Buffer.from(`${new Date(at).toISOString().slice(0, 23)}000000Z `), text]);
}

/** Cuts what goes out at the limit; returns `undefined` when the limit is reached. */
class Limiter {
  #left: number;

  constructor(limit: number | undefined) {
    this.#left = limit ?? Number.POSITIVE_INFINITY;
  }

  get exhausted(): boolean {
    return this.#left <= 0;
  }

  cut(piece: Buffer): Buffer {
    const result = piece.subarray(0, Math.min(piece.length, this.#left));
    this.#left -= result.length;
    return result;
  }
}

function selected(log: ContainerLog, { tailLines, sinceMs }: LogQuery): readonly LogLine[] {
  const since = sinceMs === undefined ? log.lines : log.lines.filter(({ at }) => at >= sinceMs);
  if (tailLines === undefined) return since;
  return tailLines === 0 ? [] : since.slice(-tailLines);
}

function follow(log: ContainerLog, query: LogQuery, limiter: Limiter, first: Buffer): ByteStream {
  const stream = new ByteStream();
  stream.push(first);
  if (limiter.exhausted) {
    stream.end();
    return stream;
  }
  const stop = log.follow(
    (line) => {
      stream.push(limiter.cut(render(line, query.timestamps)));
      if (limiter.exhausted) stream.end();
    },
    () => stream.end(),
  );
  stream.onClose(stop);
  return stream;
}

/** Answers a request for a log. @throws ApiError as API server and kubelet would. */
export function readLog(core: Core, request: ResourceRequest): LogAnswer {
  const query = readQuery(core, request);
  const pod = core.store.get('pods', keyOf(PODS, request.namespace, request.name)) as Pod | undefined;
  if (pod === undefined) throw notFound(PODS, request.name);
  const container = chooseContainer(pod, query.container);
  const node = pod.spec?.nodeName ?? '';
  if (node === '') return { code: 204 };
  const known = core.store.get('nodes', node);
  if (known === undefined) throw notFound(PODS, node);
  checkStarted(pod, container, query.previous);
  const log = core.logs?.containerLog(pod, container, query.previous);
  if (log === undefined) return { code: 200, body: Buffer.alloc(0) };
  const limiter = new Limiter(query.limitBytes);
  const first = limiter.cut(Buffer.concat(selected(log, query).map((line) => render(line, query.timestamps))));
  return { code: 200, body: query.follow && !log.closed ? follow(log, query, limiter, first) : first };
}
