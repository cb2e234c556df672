/** Watches: changes as a stream, judged by the selector before and after each change. */
import type { KubeObject, KubeStatus } from '../../wire/types.js';
import { type Core, textOf } from './core.js';
import { FUTURE_WAIT_MS, selectorOf } from './list.js';
import { checkVersionOptions, parseVersion } from './options/list-options.js';
import { intOf, isSet, type ResourceRequest } from './request.js';
import { apiVersionOf } from './resources.js';
import { failure, tooLargeVersion } from './status.js';
import type { Change } from './store.js';
import { ByteStream } from './stream.js';

const BOOKMARK_EVERY_MS = 60_000;
const BOOKMARK_BEFORE_END_MS = 2000;

/** Renders one object of an event; `isFirst` holds for the first event of the stream. */
export type EventRenderer = (object: KubeObject, isFirst: boolean) => string;

/** What a fault may do to watches while they stream. */
export interface WatchControl {
  /** Whether events are held back, as on a connection that has gone silent. */
  isSilent(): boolean;
  /** Whether the version that is asked for is said to be too old. */
  isGone(): boolean;
  /** How often the event of an object is sent. */
  copiesOf(object: KubeObject): number;
  /** Registers a stream, so that it can be broken off. */
  register(stream: ByteStream, request: ResourceRequest): void;
}

const lines = new WeakMap<object, Map<string, string>>();

/** The line of an event, made once for all watchers. */
function sharedLine(type: string, object: KubeObject): string {
  let byType = lines.get(object);
  if (byType === undefined) {
    byType = new Map();
    lines.set(object, byType);
  }
  let line = byType.get(type);
  if (line === undefined) {
    line = `{"type":"${type}","object":${textOf(object)}}\n`;
    byType.set(type, line);
  }
  return line;
}

function errorLine(status: KubeStatus): string {
  return `${JSON.stringify({ type: 'ERROR', object: status })}\n`;
}

function atRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** Opens a watch. @throws ApiError for faults in the options, before the stream. */
export function watch(core: Core, request: ResourceRequest, control: WatchControl, render?: EventRenderer): ByteStream {
  const { def, query } = request;
  checkVersionOptions(request, true);
  const matches = selectorOf(request);
  intOf(query, 'limit');
  const timeoutSeconds = intOf(query, 'timeoutSeconds');
  const text = query.get('resourceVersion') ?? '';
  const version = text === '' ? 0 : parseVersion(text, 500);
  const sendInitial = query.get('sendInitialEvents');
  const wantsBookmarks = isSet(query, 'allowWatchBookmarks');
  const stream = new ByteStream();
  control.register(stream, request);
  const prefix = request.namespace === '' ? '' : `${request.namespace}/`;
  let isFirst = true;
  let lastRevision = version;
  const push = (line: string) => {
    if (!control.isSilent()) stream.push(line);
  };
  const send = (type: string, object: KubeObject) => {
    for (let copies = control.copiesOf(object); copies > 0; copies--) {
      if (render === undefined) push(sharedLine(type, object));
      else push(`{"type":"${type}","object":${render(object, isFirst)}}\n`);
      isFirst = false;
    }
  };
  const bookmark = (annotations?: Record<string, string>) => {
    const kindFields = def.resource === 'pods' ? { spec: { containers: null }, status: {} } : {};
    const object = {
      kind: def.kind,
      apiVersion: apiVersionOf(def),
      metadata: {
        resourceVersion: String(Math.max(lastRevision, core.store.revision)),
        ...(annotations === undefined ? {} : { annotations }),
      },
      ...kindFields,
    };
    push(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  };
  const deliver = (change: Change) => {
    if (!change.key.startsWith(prefix)) return;
    lastRevision = change.revision;
    const wasIn = change.before !== undefined && matches(change.before);
    const isIn = change.after !== undefined && matches(change.after);
    if (isIn) send(wasIn ? 'MODIFIED' : 'ADDED', change.after as KubeObject);
    else if (wasIn)
      send(
        'DELETED',
        change.after === undefined ? change.last : atRevision(change.before as KubeObject, change.revision),
      );
  };
  const isFromStart = sendInitial === null ? version === 0 : sendInitial === 'true' || sendInitial === '1';
  const isTooOld = !isFromStart && sendInitial !== 'false' && version < core.store.floor;
  if (control.isGone() || isTooOld || (sendInitial === 'false' && version !== 0 && version < core.store.floor)) {
    stream.push(errorLine(failure(410, 'Expired', `too old resource version: ${version} (${core.store.floor})`)));
    stream.end();
    return stream;
  }
  const cancels: (() => void)[] = [];
  stream.onClose(() => {
    for (const cancel of cancels) cancel();
  });
  if (isFromStart && version > core.store.revision) {
    cancels.push(
      core.clock.schedule(FUTURE_WAIT_MS, () => {
        stream.push(errorLine(tooLargeVersion(version, core.store.revision)));
        stream.end();
      }),
    );
    return stream;
  }
  if (isFromStart) {
    for (const { object } of core.store.list(def.resource, prefix)) if (matches(object)) send('ADDED', object);
    lastRevision = core.store.revision;
    if (sendInitial !== null && wantsBookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } else if (version > 0) {
    for (const change of core.store.since(def.resource, version)) deliver(change);
  }
  // A version of the future is silent until the counter has passed it.
  cancels.push(core.store.subscribe(def.resource, (change) => change.revision > version && deliver(change)));
  startTimers(core, stream, cancels, { timeoutSeconds, bookmark: wantsBookmarks ? bookmark : undefined });
  return stream;
}

function startTimers(
  core: Core,
  stream: ByteStream,
  cancels: (() => void)[],
  { timeoutSeconds, bookmark }: { timeoutSeconds: number | undefined; bookmark: (() => void) | undefined },
): void {
  const lifetime =
    timeoutSeconds === undefined || timeoutSeconds <= 0
      ? (1800 + core.random.next() * 1800) * 1000
      : timeoutSeconds * 1000;
  cancels.push(core.clock.schedule(lifetime, () => stream.end()));
  if (bookmark === undefined) return;
  if (lifetime > BOOKMARK_BEFORE_END_MS) cancels.push(core.clock.schedule(lifetime - BOOKMARK_BEFORE_END_MS, bookmark));
  let cancelNext = () => {};
  const again = () => {
    cancelNext = core.clock.schedule(BOOKMARK_EVERY_MS, () => {
      if (stream.closed) return;
      bookmark();
      again();
    });
  };
  again();
  cancels.push(() => cancelNext());
}
