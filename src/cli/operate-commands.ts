/** The commands of daily operation: cleaning up, costs, scaling. Their code is loaded when they run. */
import { type Command, InvalidArgumentError } from 'commander';
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

/** Adds the commands to the program. */
export function addOperateCommands(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  program
    .command('cleanup-pods')
    .description('delete pods that ended long ago; keeps those whose outcome an executor has still to tell')
    .option('-n, --namespace <names>', 'namespaces; may be given several times (default: default)', collect, [])
    .option('-A, --all-namespaces', 'every namespace')
    .option('--older-than <age>', 'how long ago a pod must have ended', '24h')
    .option('--evicted-older-than <age>', 'the same for evicted pods; left out, --older-than')
    .option('--pending-older-than <age>', 'take pods that have been pending for so long; left out, none')
    .option('--undelivered-older-than <age>', 'from this age on take pods, too, whose outcome was never told')
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
}
