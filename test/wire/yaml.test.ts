import { describe, expect, it } from 'vitest';
import { formatYaml, parseYaml, YamlError } from '../../src/wire/yaml.js';

/** Scalars and what `kubectl patch --local` (v1.36.3) reads them as. */
const SCALARS: readonly (readonly [text: string, value: unknown])[] = [
  ['yes', true],
  ['y', true],
  ['n', false],
  ['On', true],
  ['OFF', false],
  ['TRUE', true],
  ['tRUE', 'tRUE'],
  ['0644', 420],
  ['0o17', 15],
  ['0x1F', 31],
  ['0b11', 3],
  ['08', 8],
  ['-010', -8],
  ['0_7', 7],
  ['1_000', 1000],
  ['1_0.5', 10.5],
  ['1e3', 1000],
  ['5e-1', 0.5],
  ['.5', 0.5],
  ['+1', 1],
  ['1.0', 1],
  ['~', null],
  ['Null', null],
  ['2024-01-01', '2024-01-01'],
  ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z'],
  ['12:30', '12:30'],
  ['"yes"', 'yes'],
  ['"0644"', '0644'],
];

describe('YAML', () => {
  it.each(SCALARS)('%s is read as kubectl reads it', (text, value) => {
    expect(parseYaml(`a: ${text}`).value).toEqual({ a: value });
  });

  it('is written so that every text is a text again', () => {
    const texts = SCALARS.map(([text]) => text);
    expect(parseYaml(formatYaml(texts)).value).toEqual(texts);
    expect(formatYaml({ a: [1, 2], b: { a: [1, 2] } })).not.toContain('&');
  });

  it('knows the line of every value', () => {
    const { lineOf } = parseYaml('a:\n  - b: 1\n    c: [1,\n      2]\n  - d\ne: {f: 1}\n');
    expect([['a'], ['a', 0, 'c'], ['a', 0, 'c', 1], ['a', 1], ['e', 'f'], ['e', 'none'], []].map(lineOf)).toEqual([
      1, 3, 4, 5, 6, 6, 1,
    ]);
  });

  it.each([
    ['a: &a [*a]', /stands within what it stands for/],
    ['a: {__proto__: 1}', /__proto__ is not allowed/],
    ['a: 1\na: 2', /duplicated mapping key \(line 2\)/],
    ['a: !secret hunter2', /unknown tag/],
    [`a: ${'['.repeat(200)}${']'.repeat(200)}`, /nest/],
    [`a: ${'x'.repeat(1024 * 1024)}`, /larger than 1 MiB/],
  ])('that is dangerous or wrong is refused (%#)', (text, message) => {
    expect(() => parseYaml(text)).toThrow(YamlError);
    expect(() => parseYaml(text)).toThrow(message);
    expect(() => parseYaml(text)).not.toThrow(/hunter2/);
  });
});
