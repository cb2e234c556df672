import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { InvalidPodError } from '../../../src/errors.js';
import { Findings } from '../../../src/pod/check/findings.js';
import { assertPod, checkPod } from '../../../src/pod/check/pod-check.js';
import { POD_SCHEMA } from '../../../src/pod/check/pod-schema.generated.js';
import { checkPodSchema } from '../../../src/pod/check/schema-check.js';
import { parseQuantity } from '../../../src/wire/quantity.js';
import { BROKEN, podOf, RIGHT } from './manifests.mjs';

const { verdicts } = JSON.parse(readFileSync(new URL('golden/verdicts.json', import.meta.url), 'utf8')) as {
  verdicts: Record<string, string>;
};

describe('checking a pod before it is sent', () => {
  it('has enough broken pods, and what a server said to each', () => {
    expect(BROKEN.length).toBeGreaterThan(200);
    for (const [name] of [...RIGHT, ...BROKEN]) expect(verdicts, name).toHaveProperty([name]);
  });

  it.each(RIGHT)('takes what a server takes: %s', (name, changes) => {
    expect(verdicts[name]).toBe('accepted');
    expect(checkPod(podOf(changes))).toEqual([]);
  });

  it.each(BROKEN)('names the place: %s', (name, changes, path, by) => {
    if (by !== 'us') expect(verdicts[name]).not.toBe('accepted');
    const problems = checkPod(podOf(changes));
    expect(problems.map(({ field }) => field)).toContain(path);
    for (const { rule } of problems) expect(rule.length).toBeGreaterThan(5);
    expect(() => assertPod(podOf(changes))).toThrow(InvalidPodError);
  });

  it('finds everything at once', () => {
    const pod = podOf([
      ['metadata.name', 'A'],
      ['spec.containers.0.image', ''],
      ['spec.tolerations', [{ value: 'x' }]],
    ]);
    expect(checkPod(pod).map(({ field }) => field)).toEqual([
      'metadata.name',
      'spec.containers[0].image',
      'spec.tolerations[0].operator',
    ]);
  });

  it('never shows the value of a variable', () => {
    const secret = 'hunter2-hunter2';
    const pod = podOf([
      [
        'spec.containers.0.env',
        [
          { name: 'A', value: secret, valueFrom: {} },
          { name: 'A', value: [secret] },
        ],
      ],
    ]);
    expect(() => assertPod(pod)).toThrow(InvalidPodError);
    expect(JSON.stringify(checkPod(pod))).not.toContain(secret);
  });

  it('takes unknown fields where they are allowed, for newer clusters', () => {
    const pod = podOf([['spec.newField', 1]]);
    expect(checkPod(pod)).toHaveLength(1);
    expect(checkPod(pod, { unknownFields: false })).toEqual([]);
  });

  it('names the nearest known field', () => {
    expect(checkPod(podOf([['spec.tolerations', [{ key: 'a', operater: 'Exists' }]]]))[0]).toEqual({
      field: 'spec.tolerations[0].operater',
      rule: 'is not a field that Kubernetes knows here',
      hint: 'did you mean operator?',
    });
  });
});

describe('the schema', () => {
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });
  ajv.addKeyword({
    keyword: 'isQuantity',
    validate: (_: unknown, value: unknown) => parseQuantity(value) !== undefined,
  });
  ajv.addKeyword({
    keyword: 'isTime',
    validate: (_: unknown, value: unknown) => !Number.isNaN(Date.parse(String(value))),
  });
  const validate = ajv.compile(POD_SCHEMA);
  /** A server takes null and empty choices for nothing; JSON Schema does not. */
  const withoutNothing = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(withoutNothing);
    if (typeof value !== 'object' || value === null) return value;
    const kept = Object.entries(value).filter(
      ([name, part]) => part !== null && !(part === '' && /Policy$/.test(name)),
    );
    return Object.fromEntries(kept.map(([name, part]) => [name, withoutNothing(part)]));
  };

  const all = [...RIGHT, ...BROKEN].map(([name, changes]) => ({ name, changes }));
  it.each(all)('is read as ajv reads it: $name', ({ changes }) => {
    const pod = withoutNothing(podOf(changes));
    const findings = new Findings();
    checkPodSchema(pod, findings);
    expect(findings.problems.length === 0).toBe(validate(pod));
  });
});
