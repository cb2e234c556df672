/** What the code looks like under a mutation. */
import { readFileSync } from 'node:fs';

/** The texts of mutated files, by file; throws where a text that is to be changed does not stand in its file once. */
export function mutated({ name, and = [], ...first }) {
  const texts = new Map();
  for (const { file, from, to } of [first, ...and]) {
    const parts = (texts.get(file) ?? readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')).split(from);
    if (parts.length !== 2) throw new Error(`mutation ${name}: its text stands in ${file} ${parts.length - 1} times`);
    texts.set(file, parts.join(to));
  }
  return texts;
}
