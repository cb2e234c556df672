import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodWatchChange, PodWatchEvent } from '../../src/kube/kube-client.js';
import { PodEvents } from '../../src/kube/pod-events.js';
import { podListOf } from '../../src/kube/pod-parser.js';
import type { Pod } from '../../src/wire/types.js';

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
const TRAPS = ['plain', '},"spec":{', '},"status":{', '"managedFields":[', 'ü€𝄞', '\\"},\\"spec\\":{', ']}', '\n'];
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

test('a list without managed fields is otherwise the same, whatever its texts look like', () => {
  fc.assert(
    fc.property(fc.array(pod, { maxLength: 6 }), (items) => {
      const text = JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '1' }, items });
      expect(podListOf(text, true).items).toEqual(JSON.parse(JSON.stringify(items.map(withoutManaged))));
      expect(podListOf(text)).toEqual(JSON.parse(text));
    }),
  );
  // A form that no server writes is left alone rather than cut wrongly.
  const odd = JSON.stringify({
    items: [
      { metadata: { name: 'a', managedFields: [{}] } },
      { metadata: { name: 'b', managedFields: [{}] }, spec: { containers: [] } },
    ],
  });
  expect(podListOf(odd, true)).toEqual(JSON.parse(odd));
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
