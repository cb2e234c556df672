/**
 * Benchmarks, each against its peers in the same run on the same server: `npm run bench -- NAME [options]`.
 *
 * Figures are ratios to be compared within one run; absolute ones depend on the machine.
 */
import { parseArgs } from 'node:util';
import { benchAdopt } from './adopt.js';
import { benchCreates, benchList, benchWatch } from './clients.js';
import { benchCluster } from './cluster.js';
import { benchLife } from './life.js';
import { benchRestart } from './restart/bench.js';
import { openServer } from './server.js';
import { benchStartup } from './startup.js';

const BENCHES = {
  creates: benchCreates,
  watch: benchWatch,
  list: benchList,
  life: benchLife,
  cluster: benchCluster,
  startup: benchStartup,
  adopt: benchAdopt,
  restart: benchRestart,
} as const;
const COUNTS = {
  creates: 2_000,
  watch: 50_000,
  list: 20_000,
  life: 1_000,
  cluster: 20_000,
  startup: 30,
  adopt: 10_000,
  restart: 50,
} as const;
/** Where pods must run, by scripts or as processes. */
const KUBELETS: Readonly<Record<string, 'scripted' | 'process'>> = {
  life: 'scripted',
  startup: 'process',
  restart: 'process',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kubeconfig: { type: 'string' },
    count: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '32' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const name = positionals[0] as keyof typeof BENCHES | undefined;

if (name === undefined || values.help || !(name in BENCHES)) {
  console.error(
    `usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--kubeconfig FILE] [--count N] [--concurrency N] [--rounds N] [--json]`,
  );
  process.exitCode = values.help ? 0 : 2;
} else {
  const server = await openServer(values.kubeconfig, KUBELETS[name] ?? 'none');
  try {
    const rows = await BENCHES[name]({
      server,
      count: Number(values.count ?? COUNTS[name]),
      concurrency: Number(values.concurrency),
      rounds: Number(values.rounds),
    });
    if (values.json) for (const row of rows) console.log(JSON.stringify(row));
    else console.table(rows);
  } finally {
    await server.close();
  }
}
