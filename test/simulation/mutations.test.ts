/** `npm run mutate` takes an hour; that its places still stand in the code can be known at once. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { mutations } from './mutations.mjs';

it.each(mutations)('the text that $name changes stands in the code once', ({ and = [], ...first }) => {
  const texts = new Map<string, string>();
  for (const { file, from, to } of [first, ...and]) {
    const parts = (texts.get(file) ?? readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')).split(from);
    expect(parts).toHaveLength(2);
    texts.set(file, parts.join(to));
  }
});
