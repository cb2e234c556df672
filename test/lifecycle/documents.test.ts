import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VERDICT_KINDS } from '../../src/core/verdict.js';
import { KIND_FACTS } from '../../src/lifecycle/verdict-kinds.js';
import { ANNOTATIONS, LABELS } from '../../src/wire/names.js';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

it('has a section for every kind of verdict, with its blame and what to do', () => {
  const text = read('verdicts.md');
  expect([...text.matchAll(/^## (.+)$/gm)].map(([, kind]) => kind)).toEqual([...VERDICT_KINDS]);
  for (const kind of VERDICT_KINDS) {
    const section = text.split(`## ${kind}\n`)[1]?.split('\n## ')[0];
    expect(section).toContain(`Blame: ${KIND_FACTS[kind].blame}.`);
    expect(section).toContain(KIND_FACTS[kind].hint);
  }
});

it('lists every label and annotation', () => {
  const text = read('wire-names.md');
  for (const name of [...Object.values(LABELS), ...Object.values(ANNOTATIONS)]) expect(text).toContain(`\`${name}\``);
});
