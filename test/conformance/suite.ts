/** All scenarios, by the file their recorded answers stand in. */
import { changes } from './cases/changes.js';
import { clients } from './cases/clients.js';
import { cluster } from './cases/cluster.js';
import { create } from './cases/create.js';
import { remove } from './cases/delete.js';
import { everyday } from './cases/everyday.js';
import { invalidPods } from './cases/invalid-pods.js';
import { kinds } from './cases/kinds.js';
import { list } from './cases/list.js';
import { malformed } from './cases/malformed.js';
import { more } from './cases/more.js';
import { options } from './cases/options.js';
import { paths } from './cases/paths.js';
import { rights } from './cases/rights.js';
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
  kinds,
  clients,
  everyday,
  rights,
  more,
  options,
  paths,
  changes,
  cluster,
};

/**
 * Where the embedded server is known to differ. Each runs as a test that must fail, so that a gap which closes is noticed.
 */
export const knownGaps: ReadonlySet<string> = new Set([]);

/** Where the answer depends on whether history has been compacted since the server started; only the recording's server had that. */
export const agedServerOnly: ReadonlySet<string> = new Set([
  'list with resourceVersion=1&resourceVersionMatch=Exact',
  'list with resourceVersion=1&limit=1',
]);
