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
  addManifests(program, io);
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

const words = (value: string): string[] => value.split(' ').filter((word) => word !== '');

function addManifests(program: Command, io: CliIo): void {
  program
    .command('manifests')
    .description('print everything that a host needs in a cluster: namespace, account, roles, Deployment, Service')
    .option('--image <image>', 'image of the host')
    .option('--name <name>', 'name of the Deployment, the account, the roles and the Service', 'podwright')
    .option('-n, --namespace <name>', 'namespace of the host', 'podwright')
    .option('--pod-namespaces <names>', "namespaces of the pods; left out, the host's", collect, [])
    .option('--no-create-namespace', 'leave the Namespace out')
    .option('--command <words>', 'program of the host, words apart by spaces', words)
    .option('--args <words>', 'its arguments', words)
    .option('--init-args <words>', 'arguments of a bootstrap step before it, such as "db migrate"', words)
    .option('--env <pair>', 'NAME=value; may be given several times', (pair, all: string[]) => [...all, pair], [])
    .option('--env-from-secret <name>', 'Secret whose keys become variables')
    .option('--database-secret <name>', 'Secret with the address of the database under the key connection')
    .option('--with-database', 'a PostgreSQL for trials, with the password of the same Secret')
    .option('--metrics-port <port>', 'port of the health and metrics endpoint; 0 for none', Number, 9_100)
    .option('--replicas <count>', 'hosts; several need --features …,leases', Number, 1)
    .option('--run-as-user <id>', 'user and group', Number, 50_000)
    .option('--grace <seconds>', 'time that the host has to stop', Number, 60)
    .option('--worker-image <image>', "image of the tasks' pods; left out, the host's")
    .option('--worker-service-account <name>', "service account of the tasks' pods", 'default')
    .option('--features <names>', 'as for rbac (default: logs,events)', (value: string) =>
      value.split(',').filter((name) => name !== ''),
    )
    .option('--json', 'one JSON list')
    .action(async (options) => {
      const { runManifests } = await import('./commands/manifests.js');
      runManifests(options, io);
    });
}
