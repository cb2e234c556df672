import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileResourceVersionStore, MemoryResourceVersionStore } from '../../src/watch/resource-version-store.js';
import type { ResourceVersionStore } from '../../src/watch/watcher.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'versions-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each<[string, () => ResourceVersionStore]>([
  ['in memory', () => new MemoryResourceVersionStore()],
  ['in a file', () => new FileResourceVersionStore(join(folder, 'fresh', `${Math.random()}.json`))],
])('a version store %s', (_, make) => {
  test('keeps, replaces and forgets versions by scope', async () => {
    const store = make();
    expect(await store.get('a')).toBeUndefined();
    await store.set('a', '1');
    await store.set('b', '2');
    await store.set('a', '3');
    expect([await store.get('a'), await store.get('b')]).toEqual(['3', '2']);
    await store.set('a', undefined);
    expect(await store.get('a')).toBeUndefined();
  });
});

describe('a version store in a file', () => {
  test('is read by the next process', async () => {
    const file = join(folder, 'next.json');
    await new FileResourceVersionStore(file).set('a', '1');
    expect(await new FileResourceVersionStore(file).get('a')).toBe('1');
  });

  test('writes many changes at once in few writes, leaving nothing beside the file', async () => {
    const file = join(folder, 'many.json');
    const store = new FileResourceVersionStore(file);
    await Promise.all(Array.from({ length: 200 }, (_, index) => store.set(`s${index % 7}`, String(index))));
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')))).toHaveLength(7);
    expect(await new FileResourceVersionStore(file).get('s3')).toBe('199');
    expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  test.each(['', '{"a":', '[1]', 'null', '{"a":{"b":1}}', '\u0000\u0001'])(
    'takes the corrupt content %j as empty',
    async (content) => {
      const file = join(folder, 'corrupt.json');
      await writeFile(file, content);
      const store = new FileResourceVersionStore(file);
      expect(await store.get('a')).toBeUndefined();
      await store.set('a', '5');
      expect(await new FileResourceVersionStore(file).get('a')).toBe('5');
    },
  );

  test('says so when it cannot be written', async () => {
    const store = new FileResourceVersionStore(join(folder, 'corrupt.json', 'below-a-file.json'));
    await expect(store.set('a', '1')).rejects.toMatchObject({ code: 'ERR_PODWRIGHT_STORE' });
  });
});
