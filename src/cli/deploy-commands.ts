/** The commands about a cluster: `rbac` and `doctor`. Their code is loaded when they run. */
import type { Command } from 'commander';
import type { CliIo } from './io.js';
import { withSources } from './pod-commands.js';

const collect = (value: string, before: readonly string[]): string[] => [...before, ...value.split(',')];

/** Adds the commands to the program. */
export function addDeployCommands(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  program
    .command('rbac')
    .description('print the least service account, roles and bindings that podwright needs')
    .option(
      '-n, --namespace <names>',
      'namespaces of the pods; may be given several times (default: default)',
      collect,
      [],
    )
    .option('--all-namespaces', 'a ClusterRole, for pods in any namespace')
    .option(
      '--features <names>',
      'logs, events, secrets, leases, doctor, capacity (default: logs,events)',
      (value: string) => value.split(',').filter((name) => name !== ''),
    )
    .option('--name <name>', 'name of the service account, the roles and the bindings', 'podwright')
    .option('--account-namespace <name>', 'namespace of the service account; left out, the first namespace')
    .option('--json', 'one JSON list')
    .action(async (options) => {
      const { runRbac } = await import('./commands/deploy.js');
      finish(runRbac(options, io));
    });
  withSources(
    program
      .command('doctor')
      .description('look at a cluster: connection, permissions, quota, admission; and say what to do'),
  )
    .option('-n, --namespace <name>', "namespace of the pods; left out, the configuration's")
    .option('--template <file>', 'base pod of the dry run')
    .option('--image <image>', 'image of the dry run')
    .option('--kubeconfig <file>', 'kubeconfig; left out, what the configuration says')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--json', 'one JSON object')
    .action(async (options) => {
      const { runDoctor } = await import('./commands/deploy.js');
      finish(await runDoctor(options, io));
    });
}
