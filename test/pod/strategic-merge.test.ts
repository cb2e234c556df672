import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PatchError, strategicMergePatch } from '../../src/wire/strategic-merge.js';

interface Golden {
  readonly name: string;
  readonly target: object;
  readonly patch: object;
  readonly result?: object;
  readonly error?: string;
}
const { cases } = JSON.parse(readFileSync(new URL('golden/strategic-merge.json', import.meta.url), 'utf8')) as {
  cases: Golden[];
};

/** As a server decodes what it merged: nulls and left-over directives are no fields. */
const decoded = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, part]) => part !== null && !name.startsWith('$'))
      .map(([name, part]) => [name, decoded(part)]),
  );
};

describe('strategic merge, against what kubectl made of the same patches', () => {
  it('has more than 200 recorded cases of which some were refused', () => {
    expect(cases.length).toBeGreaterThan(200);
    expect(cases.filter(({ error }) => error !== undefined).length).toBeGreaterThan(10);
  });

  it.each(cases)('$name', ({ target, patch, result, error }) => {
    const before = structuredClone({ target, patch });
    if (error !== undefined) expect(() => strategicMergePatch(target, patch)).toThrow(PatchError);
    else expect(decoded(strategicMergePatch(target, patch))).toEqual(decoded(result));
    expect({ target, patch }).toEqual(before);
  });
});

/** Pods as far as merging goes: names, lists by key, maps, scalars. */
const items = (key: string) =>
  fc.uniqueArray(
    fc.record(
      { [key]: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.constantFrom('', '0', 'x') },
      { requiredKeys: [key] },
    ),
    { selector: (item) => (item as Record<string, unknown>)[key] },
  );
const pods = fc.record(
  {
    metadata: fc.record({ labels: fc.dictionary(fc.constantFrom('l', 'm', '__proto__'), fc.constantFrom('', '1')) }),
    spec: fc.record(
      { hostNetwork: fc.boolean(), priority: fc.constantFrom(0, 1), volumes: items('name'), tolerations: items('key') },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

describe('strategic merge, by its laws', () => {
  it('leaves a pod as it is under an empty patch, and under itself', () => {
    fc.assert(
      fc.property(pods, (pod) => {
        expect(strategicMergePatch(pod, {})).toEqual(pod);
        expect(strategicMergePatch(pod, pod)).toEqual(pod);
      }),
    );
  });

  it('applied twice makes what applied once made', () => {
    fc.assert(
      fc.property(pods, pods, (pod, patch) => {
        const once = strategicMergePatch(pod, patch);
        expect(strategicMergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  it('takes falsy values of the patch, and deletes by null', () => {
    const pod = { spec: { hostNetwork: true, priority: 7, hostname: 'a', nodeName: 'n', tolerations: [{ key: 'k' }] } };
    const patch = { spec: { hostNetwork: false, priority: 0, hostname: '', nodeName: null, tolerations: [] } };
    expect(strategicMergePatch(pod, patch)).toEqual({
      spec: { hostNetwork: false, priority: 0, hostname: '', tolerations: [] },
    });
  });

  it('never reaches a prototype', () => {
    const patch = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as object;
    strategicMergePatch({}, patch);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
