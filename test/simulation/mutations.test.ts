/** `npm run mutate` takes an hour; that its places still stand in the code can be known at once. */
import { expect, it } from 'vitest';
import { mutated } from './mutated.mjs';
import { mutations } from './mutations.mjs';

it.each(mutations)('the text that $name changes stands in the code once', (mutation) => {
  const files = [mutation, ...(mutation.and ?? [])].map(({ file }) => file);
  expect([...mutated(mutation).keys()]).toEqual([...new Set(files)]);
});
