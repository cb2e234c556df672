/** All scenarios, by the file their recorded answers stand in. */
import { create } from './cases/create.js';
import { remove } from './cases/delete.js';
import { invalidPods } from './cases/invalid-pods.js';
import { list } from './cases/list.js';
import { malformed } from './cases/malformed.js';
import { watch } from './cases/watch.js';
import { write } from './cases/write.js';
import type { Scenario } from './scenario.js';

/** The suite. */
export const suite: Readonly<Record<string, readonly Scenario[]>> = {
  create,
  write,
  list,
  remove,
  watch,
  invalidPods,
  malformed,
};
