import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodWatchChange, PodWatchEvent } from '../../src/kube/kube-client.js';
import { PodEvents } from '../../src/kube/pod-events.js';
import { PodPage } from '../../src/kube/pod-page.js';
import type { KubeList, Pod } from '../../src/wire/types.js';

async function* inChunks(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function read(text: string, sizes: readonly number[] = [1e9], omit = false): Promise<PodWatchEvent[]> {
  const events: PodWatchEvent[] = [];
  for await (const event of new PodEvents(async () => inChunks(Buffer.from(text), sizes), omit)) events.push(event);
  return events;
}

/** A pod in the order in which an API server writes it, with texts that look like parts of one. */
const TRAPS = [
  'plain',
  '},"spec":{',
  '},"status":{',
  '},{"metadata":{',
  '"items":[',
  '"managedFields":[',
  'ü€𝄞',
  '\\"},\\"spec\\":{',
  ']}',
  '\n',
];
const trap = fc.constantFrom(...TRAPS);
const pod: fc.Arbitrary<Pod> = fc
  .record({
    name: trap,
    label: trap,
    note: trap,
    value: trap,
    message: trap,
    hasManaged: fc.boolean(),
    owned: fc.boolean(),
  })
  .map(({ name, label, note, value, message, hasManaged, owned }) => ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      uid: 'u',
      resourceVersion: '7',
      labels: { [label]: label },
      annotations: { note, spec: note, status: value },
      ...(owned ? { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: note, uid: value }] } : {}),
      ...(hasManaged
        ? { managedFields: [{ manager: note, fieldsV1: { 'f:spec': { 'f:x': {} }, 'f:status': { 'f:y': {} } } }] }
        : {}),
    },
    spec: { containers: [{ name: 'base', image: value, env: [{ name: note, value }] }] },
    status: { phase: 'Running', message, conditions: [{ type: 'Ready', status: 'True', message: note }] },
  })) as fc.Arbitrary<Pod>;

const withoutManaged = (object: Pod): Pod => {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
};

const SIZES = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 4 });
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

async function readPage(text: string, sizes: readonly number[] = [1e9], omit = false): Promise<KubeList<Pod>> {
  const page = new PodPage(omit);
  for await (const chunk of inChunks(Buffer.from(text), sizes)) page.push(chunk);
  expect(page.size).toBe(Buffer.byteLength(text));
  return page.finish();
}

/** Whether a pod's spec waits to be read. */
const isHeld = (object: Pod) => Object.getOwnPropertyDescriptor(object, 'spec')?.get !== undefined;

describe('a page of pods', () => {
  const METADATA = { resourceVersion: '1', continue: 'next', remainingItemCount: 3 };

  test('is what a plain parser makes of it, however the bytes come, and specs wait to be read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pod, { minLength: 1, maxLength: 6 }),
        SIZES,
        fc.boolean(),
        async (pods, sizes, omit) => {
          const items = pods.map(({ kind: _, apiVersion: __, ...rest }) => rest);
          const text = `${JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: METADATA, items })}\n`;
          const list = await readPage(text, sizes, omit);
          expect(list.items.every(isHeld)).toBe(true);
          expect(plain(list)).toEqual(
            plain({ ...(JSON.parse(text) as object), items: omit ? items.map(withoutManaged) : items }),
          );
        },
      ),
    );
  });

  test('of another form is parsed as it is', async () => {
    const bare = { metadata: { name: 'a' } };
    const nested = { metadata: { name: 'b' }, spec: { odd: [{ a: {}, status: {} }, { metadata: {} }] }, status: {} };
    const forms: object[] = [
      { metadata: METADATA, items: [] },
      { metadata: METADATA, items: null },
      { metadata: METADATA, items: [bare, bare, bare] },
      { metadata: METADATA, items: [nested, nested] },
      {
        metadata: METADATA,
        items: [
          { kind: 'Pod', ...bare },
          { kind: 'Pod', ...bare },
        ],
      },
      { items: [bare, bare], metadata: METADATA },
      { items: [bare], metadata: {}, kind: 'PodList' },
      { metadata: {} },
    ];
    for (const form of forms)
      for (const text of [JSON.stringify(form), `${JSON.stringify(form)}\n`, JSON.stringify(form, undefined, 2)])
        for (const size of [1e9, 1, 7]) expect(plain(await readPage(text, [size]))).toEqual(plain(form));
  });

  test('that is no JSON is refused', async () => {
    for (const text of [
      '',
      '{',
      '{"items":[',
      '{"items":[{"metadata":{}}',
      '{"items":[{"metadata":{},{"metadata":{}}]}',
    ])
      await expect(readPage(text)).rejects.toThrow(SyntaxError);
  });
});

describe('the events of a watch', () => {
  test('are what a plain parser makes of them, however the bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pod, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (pods, sizes, omit) => {
          const text = pods.map((object) => `${JSON.stringify({ type: 'MODIFIED', object })}\n`).join('');
          const events = (await read(text, sizes, omit)) as PodWatchChange[];
          expect(JSON.parse(JSON.stringify(events.map(({ object }) => object)))).toEqual(
            JSON.parse(JSON.stringify(omit ? pods.map(withoutManaged) : pods)),
          );
        },
      ),
    );
  });

  test('give a spec that can be read, copied, changed and replaced like any other', async () => {
    const spec = { containers: [{ name: 'base', image: 'x' }] };
    const line = JSON.stringify({
      type: 'ADDED',
      object: { metadata: { name: 'a' }, spec, status: { phase: 'Pending' } },
    });
    const [one, two] = (await read(`${line}\n${line}\n`)) as [PodWatchChange, PodWatchChange];
    expect({ ...one.object }).toEqual({ metadata: { name: 'a' }, spec, status: { phase: 'Pending' } });
    expect(structuredClone(one.object).spec).toEqual(spec);
    expect(one.object.spec).toBe(one.object.spec);
    (one.object.spec as { nodeName?: string }).nodeName = 'n';
    expect(one.object.spec).toMatchObject({ nodeName: 'n' });
    expect(two.object.spec).toEqual(spec);
    two.object.spec = { containers: [] };
    expect(two.object.spec).toEqual({ containers: [] });
  });

  test('of other forms are parsed as they are', async () => {
    const odd = {
      type: 'ADDED',
      object: { status: { phase: 'Running' }, spec: { containers: [] }, metadata: { name: 'a' } },
    };
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' }, spec: {}, status: {} } };
    expect(await read(`${JSON.stringify(odd)}\n\n${JSON.stringify(bookmark)}\n{"type":"ADDED","obj`)).toEqual([
      odd,
      bookmark,
    ]);
  });

  test('that are no JSON end the watch, without a word of theirs', async () => {
    await expect(read('{"hunter2\n')).rejects.toThrow(/^(?!.*hunter2).*no JSON/);
    const spec = '{"type":"ADDED","object":{"metadata":{"name":"a"},"spec":{hunter2},"status":{"phase":"x"}}}\n';
    const [event] = (await read(spec)) as [PodWatchChange];
    expect(() => event.object.spec).toThrow(/^(?!.*hunter2).*no JSON/);
  });
});
