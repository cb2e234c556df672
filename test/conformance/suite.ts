/** All scenarios, by the file their recorded answers stand in. */
import { create } from './cases/create.js';
import { remove } from './cases/delete.js';
import { list } from './cases/list.js';
import { watch } from './cases/watch.js';
import { write } from './cases/write.js';
import type { Scenario } from './scenario.js';

/** The suite. */
export const suite: Readonly<Record<string, readonly Scenario[]>> = { create, write, list, remove, watch };

/**
 * Where the embedded server is known to differ. Each runs as a test that must fail, so that a gap which closes is noticed.
 */
export const knownGaps: ReadonlySet<string> = new Set([
  'put of another command is 422',
  'merge patch to a wrong type is 422',
  'the rest is counted without selectors',
]);
