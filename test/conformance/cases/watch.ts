import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

const created = async (c: ScenarioClient, ...args: Parameters<typeof pod>) =>
  (await c.quiet('POST', c.pods, pod(...args))).json;
const merge = (c: ScenarioClient, name: string, patch: unknown) =>
  c.quiet('PATCH', `${c.pods}/${name}`, patch, { type: 'application/merge-patch+json' });
const version = async (c: ScenarioClient) => (await c.quiet('GET', c.pods)).json.metadata.resourceVersion as string;

/** Watches. */
export const watch = [
  scenario('a watch from a version gives what comes after it', async (c) => {
    await created(c, 'a');
    const from = await version(c);
    await c.watch(`${c.pods}?watch=true&resourceVersion=${from}`, 4, async () => {
      await created(c, 'b');
      await merge(c, 'a', { metadata: { labels: { x: '1' } } });
      await c.quiet('DELETE', `${c.pods}/b`);
    });
  }),
  scenario('a watch without a version begins with what exists', async (c) => {
    await created(c, 'a');
    await c.watch(`${c.pods}?watch=1`, 2, () => created(c, 'b'));
  }),
  scenario('a watch judges the selector before and after', async (c) => {
    await created(c, 'a', {}, { labels: { x: '1' } });
    const from = await version(c);
    await c.watch(`${c.pods}?watch=true&labelSelector=x%3D1&resourceVersion=${from}`, 4, async () => {
      await merge(c, 'a', { metadata: { annotations: { n: '1' } } });
      await merge(c, 'a', { metadata: { labels: { x: '2' } } });
      await merge(c, 'a', { metadata: { labels: { y: '2' } } });
      await merge(c, 'a', { metadata: { labels: { x: '1' } } });
      await c.quiet('DELETE', `${c.pods}/a`);
    });
  }),
  scenario('a watch by field follows the phase', async (c) => {
    await created(c, 'a');
    const from = await version(c);
    await c.watch(`${c.pods}?watch=true&fieldSelector=status.phase%3DPending&resourceVersion=${from}`, 1, () =>
      c.quiet(
        'PATCH',
        `${c.pods}/a/status`,
        { status: { phase: 'Running' } },
        { type: 'application/merge-patch+json' },
      ),
    );
  }),
  scenario('a bound pod is marked, then removed', async (c) => {
    await created(c, 'a', { nodeName: 'no-such-node' });
    const from = await version(c);
    await c.watch(`${c.pods}?watch=true&resourceVersion=${from}`, 3, async () => {
      await c.quiet('DELETE', `${c.pods}/a`);
      await c.quiet('DELETE', `${c.pods}/a`, { gracePeriodSeconds: 0 });
    });
  }),
  scenario('release of the last finalizer is one event', async (c) => {
    await created(c, 'a', {}, { finalizers: ['a.b/c'] });
    const from = await version(c);
    await c.watch(`${c.pods}?watch=true&resourceVersion=${from}`, 2, async () => {
      await c.quiet('DELETE', `${c.pods}/a`);
      await merge(c, 'a', { metadata: { finalizers: null } });
    });
  }),
  scenario('a config map goes with one event', async (c) => {
    const maps = `${c.base}/configmaps`;
    const made = await c.quiet('POST', maps, configMap('m'));
    await c.watch(`${maps}?watch=true&resourceVersion=${made.json.metadata.resourceVersion}`, 1, () =>
      c.quiet('DELETE', `${maps}/m`),
    );
  }),
  scenario('a watch from a text is refused', (c) =>
    c.watch(`${c.pods}?watch=true&resourceVersion=text`, 1).then(() => {}),
  ),
  scenario('a watch ends after its timeout', (c) =>
    c.watch(`${c.pods}?watch=true&timeoutSeconds=1&resourceVersion=0`, 5).then(() => {}),
  ),
  scenario('a watch with an unknown field is refused', (c) =>
    c.watch(`${c.pods}?watch=true&fieldSelector=a%3Db`, 1).then(() => {}),
  ),
  scenario('sendInitialEvents ends its first part with a bookmark', async (c) => {
    await created(c, 'a');
    await c.watch(
      `${c.pods}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      3,
      () => created(c, 'b'),
    );
  }),
  scenario('sendInitialEvents without a match is refused', (c) =>
    c.watch(`${c.pods}?watch=true&sendInitialEvents=true`, 1).then(() => {}),
  ),
  scenario('a match without sendInitialEvents is refused', (c) =>
    c.watch(`${c.pods}?watch=true&resourceVersionMatch=NotOlderThan`, 1).then(() => {}),
  ),
  scenario('the old path of a watch', async (c) => {
    await created(c, 'a');
    await c.watch(`/api/v1/watch/namespaces/${c.ns}/pods`, 1);
  }),
];
