/** The `podwright` command. Each subcommand's code is loaded when it runs, so that `--help` stays quick. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { addDeployCommands } from './deploy-commands.js';
import { reportFailure } from './failure.js';
import type { CliIo } from './io.js';
import { addCost, addOperateCommands } from './operate-commands.js';
import { packageVersion } from './package-root.js';
import { addPodCommands } from './pod-commands.js';

function integer(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It must be an integer from ${least} to ${most}.`);
    return value;
  };
}

const EXIT_CODES = `
Exit codes: 0 all went well, 1 tasks failed, 2 wrong usage, 3 wrong configuration, 4 cluster not reachable.
Data goes to standard output, progress to standard error. NO_COLOR is honoured.`;

function addDemo(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  program
    .command('demo')
    .description('run a pipeline of local tasks and pods on an embedded cluster; needs nothing but Node')
    .option('--kubeconfig <file>', 'use the cluster of this kubeconfig instead of the embedded one')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--namespace <name>', 'namespace for the pods', 'default')
    .option('--image <image>', 'image with Node for the pods', 'node:20-slim')
    .option('--state-dir <dir>', 'keep the state here: a host that was killed goes on where it stopped')
    .option('--out <dir>', 'folder for the timeline and the recorded run', '.podwright/demo')
    .option('--data <dir>', 'folder for the data files')
    .option('--seed <number>', 'seed of the data', integer(0, 2 ** 31), 7)
    .option('--plain', 'one line per event, even on a terminal')
    .action(async (options) => {
      const { runDemo } = await import('./demo/command.js');
      finish(await runDemo(options, io));
    });
}

function addReport(program: Command, io: CliIo): void {
  const report = program.command('report').enablePositionalOptions();
  report
    .description('show a recorded run: a table and its failures, or a timeline as a page')
    .argument('<run.jsonl>', 'recorded run; - reads standard input')
    .option('--html <file>', 'write the timeline to this file; - writes it to standard output')
    .option('--json', 'one JSON object per try')
    .action(async (file, options) => {
      const { runReport } = await import('./commands/report.js');
      await runReport(file, options, io);
    });
  addCost(report, io);
}

function addCluster(program: Command, io: CliIo): void {
  program
    .command('cluster')
    .description('run an embedded Kubernetes API with a virtual kubelet, for tests and trials in any language')
    .option('--port <number>', 'port on the loopback interface; 0 takes a free one', integer(0, 65_535), 0)
    .option('--kubeconfig <file>', 'where to write the kubeconfig; left out, a temporary file')
    .addOption(
      new Option('--kubelet <mode>', 'process really runs commands, scripted plays them, none leaves pods pending')
        .choices(['process', 'scripted', 'none'])
        .default('process'),
    )
    .option('--token <token>', 'bearer token that requests must carry; left out, none is asked for')
    .option('--tls', 'speak TLS, with certificates of a public test authority')
    .option('--seed <number>', 'make uids, names and shares of faults repeatable', integer(0, 2 ** 31 - 1))
    .option('--faults <file>', 'faults to begin with, as YAML or JSON; see docs/faults.md')
    .option('--lifetime <duration>', 'end by itself after this time, such as 15m')
    .option('--until-stdin-ends', 'end when standard input ends, unless the line "keep" came before')
    .option('--json', 'tell URL and kubeconfig as JSON')
    .action(async (options) => {
      const { runCluster } = await import('./commands/cluster.js');
      await runCluster(options, io);
    });
}

function addExplain(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  program
    .command('explain')
    .description('say how a pod stands and why, whoever made it')
    .argument('<pod>', 'name of the pod')
    .option('-n, --namespace <name>', 'namespace of the pod', 'default')
    .option('--kubeconfig <file>', 'kubeconfig; left out, KUBECONFIG, ~/.kube/config or the service account')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--json', 'one JSON object')
    .action(async (pod, options) => {
      const { runExplain } = await import('./commands/explain.js');
      finish(await runExplain(pod, options, io));
    });
}

function addReplay(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  program
    .command('replay')
    .description('play an incident again on the embedded cluster, and tell whether the same comes of it')
    .argument('<file>', 'record of a failed task, written by an executor with `incidents`')
    .option('--json', 'one JSON object')
    .action(async (file, options) => {
      const { runReplay } = await import('./commands/replay.js');
      finish(await runReplay(file, options, io));
    });
}

function addReleaseFinalizers(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  program
    .command('release-finalizers')
    .description('let go of pods that an executor which will never run again holds by its finalizer')
    .option('-n, --namespace <name>', 'namespace of the pods; left out, all')
    .option('--executor <id>', 'only pods of this executor')
    .option('--all', 'pods of all executors')
    .option('--dry-run', 'change nothing, and tell what would be released')
    .option('--kubeconfig <file>', 'kubeconfig; left out, KUBECONFIG, ~/.kube/config or the service account')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--json', 'one JSON list')
    .action(async (options) => {
      const { runReleaseFinalizers } = await import('./commands/release-finalizers.js');
      finish(await runReleaseFinalizers(options, io));
    });
}

/** Runs one command line; resolves with the exit code. */
export async function main(args: readonly string[], io: CliIo): Promise<number> {
  let exitCode = 0;
  const program = new Command('podwright');
  program
    .description('Runs task instances as Kubernetes pods or local processes, and explains how each of them ended.')
    .version(packageVersion(), '-V, --version')
    .option('--no-color', 'no colours')
    .option('--debug', 'stack of an error')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(see podwright --help)')
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .exitOverride()
    .hook('preAction', () => {
      if (program.opts().color === false) io.color = false;
    });
  const finish = (code: number) => {
    exitCode = code;
  };
  addDemo(program, io, finish);
  addExplain(program, io, finish);
  addReleaseFinalizers(program, io, finish);
  addReplay(program, io, finish);
  addPodCommands(program, io, finish);
  addDeployCommands(program, io, finish);
  addOperateCommands(program, io, finish);
  addReport(program, io);
  addCluster(program, io);
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, io, program.opts().debug === true);
  }
}
