/** The commands of daily operation: cleaning up, costs, scaling. Their code is loaded when they run. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../core/duration.js';
import type { CliIo } from './io.js';

const collect = (value: string, before: readonly string[]): string[] => [
  ...before,
  ...value.split(',').filter(Boolean),
];

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be an integer of at least 1.');
  return value;
}

/** An age, as text: what is wrong with it is said before a cluster is looked for. */
function age(text: string): string {
  if (parseDuration(text) === undefined)
    throw new InvalidArgumentError('It must be a duration such as 30s, 15m, 24h or 7d.');
  return text;
}

/** Adds the commands to the program. */
export function addOperateCommands(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  program
    .command('cleanup-pods')
    .description('delete pods that ended long ago; keeps those whose outcome an executor has still to tell')
    .option('-n, --namespace <names>', 'namespaces; may be given several times (default: default)', collect, [])
    .option('-A, --all-namespaces', 'every namespace')
    .option('--older-than <age>', 'how long ago a pod must have ended', age, '24h')
    .option('--evicted-older-than <age>', 'the same for evicted pods; left out, --older-than', age)
    .option('--pending-older-than <age>', 'take pods that have been pending for so long; left out, none', age)
    .option('--undelivered-older-than <age>', 'from this age on take pods, too, whose outcome was never told', age)
    .option('-l, --selector <selector>', 'only pods with these labels')
    .option('--dry-run', 'delete nothing, and say what would go')
    .option('--concurrency <count>', 'deletes in flight at a time', count, 16)
    .option('--kubeconfig <file>', 'kubeconfig; left out, KUBECONFIG, ~/.kube/config or the service account')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--json', 'one JSON object')
    .action(async (options) => {
      const { runCleanup } = await import('./commands/cleanup.js');
      finish(await runCleanup(options, io));
    });
  addKeda(program, io);
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 0.');
  return Number(text);
}

function addKeda(program: Command, io: CliIo): void {
  // Both have options of the same names: what stands behind the subcommand is the subcommand's.
  const keda = program.command('keda').enablePositionalOptions();
  keda
    .description('print a ScaledObject for workers that take tasks, or bring an old one to today’s form')
    .option('--upgrade <file>', 'ScaledObjects of KEDA 1, to be printed in today’s form; - reads standard input')
    .option('--name <name>', 'name of the object', 'podwright-worker')
    .option('-n, --namespace <name>', 'namespace', 'default')
    .option('--target <name>', 'Deployment that is scaled; left out, --name')
    .addOption(
      new Option('--trigger <kind>', 'where the number of tasks comes from')
        .choices(['metrics-api', 'postgresql', 'prometheus'])
        .default('metrics-api'),
    )
    .option('--url <url>', 'address of the host’s endpoint, or of Prometheus', 'http://podwright-host:9100/scaling')
    .option('--connection-from-env <name>', 'variable of the workers with the connection', 'AIRFLOW_CONN_AIRFLOW_DB')
    .option('--query <query>', 'query of postgresql or prometheus; left out, tasks queued and running')
    .option('--per-worker <count>', 'tasks that one worker takes at a time', count, 4)
    .option('--polling-interval <duration>', 'how often the trigger is asked', '10s')
    .option('--cooldown <duration>', 'how long without a task before the last worker goes', '30s')
    .option('--min <count>', 'least workers', whole, 0)
    .option('--max <count>', 'most workers', count, 10)
    .option('--json', 'JSON instead of YAML')
    .action(async (options) => {
      const { runKeda } = await import('./commands/keda.js');
      runKeda(options, io);
    });
  keda
    .command('simulate')
    .description('what a setting would have done with a recorded run, as a chart')
    .argument('<run.jsonl>', 'recorded run; - reads standard input')
    .option('--per-worker <count>', 'tasks that one worker takes at a time', count, 4)
    .option('--polling-interval <seconds>', 'how often the trigger is asked', count, 10)
    .option('--cooldown <seconds>', 'how long without a task before the last worker goes', whole, 30)
    .option('--min <count>', 'least workers', whole, 0)
    .option('--max <count>', 'most workers', count, 10)
    .option('--stabilization <seconds>', 'how long the autoscaler looks back before it scales down', whole, 300)
    .option('--worker-start <seconds>', 'from a worker’s creation until it takes tasks', whole, 30)
    .option('--svg <file>', 'write the chart to this file, too')
    .option('--json', 'one JSON object')
    .action(async (file, options) => {
      const { runSimulate } = await import('./commands/keda.js');
      runSimulate(file, options, io);
    });
}

/** Adds what a run has cost to the command `report`. */
export function addCost(report: Command, io: CliIo): void {
  report
    .command('cost')
    .description('what a recorded run has cost: by task, dag, queue and label, with idle time and waste')
    .argument('<run.jsonl>', 'recorded run; - reads standard input')
    .option('--prices <file>', 'price table as JSON; left out, a rule of thumb by classes of pods')
    .option('--label <name>', 'label of tasks to tell costs apart by')
    .option('--assume <requests>', 'what pods are taken to have reserved whose record does not say: cpu=1,memory=2Gi')
    .option('--json', 'one JSON object')
    .action(async (file, options) => {
      const { runCost } = await import('./commands/cost.js');
      await runCost(file, options, io);
    });
}
