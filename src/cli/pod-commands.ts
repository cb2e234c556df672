/** The commands about configuration and pods: `config`, `render` and `generate-pods`. Their code is loaded when they run. */
import { type Command, Option } from 'commander';
import type { CliIo } from './io.js';

/** Sources of a configuration, for every command that takes one. */
export const withSources = (command: Command): Command =>
  command
    .option('--file <file>', 'configuration as YAML or JSON')
    .option('--airflow-cfg <file>', 'an airflow.cfg')
    .option('--env', 'AIRFLOW__SECTION__KEY variables of this process, too');

/** A file that stands alone is taken by its ending. */
function withFile<T extends object>(file: string | undefined, options: T): T {
  if (file === undefined) return options;
  return { ...options, [/\.(cfg|ini)$/.test(file) ? 'airflowCfg' : 'file']: file };
}

function addConfig(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  const config = program.command('config').description('check, show or import a configuration');
  withSources(config.command('check').description('say everything that is wrong, deprecated or without effect'))
    .argument('[file]', 'configuration file: YAML, JSON or an airflow.cfg')
    .option('--json', 'one JSON object')
    .action(async (file, options) => {
      const { checkConfig } = await import('./commands/config.js');
      finish(checkConfig(withFile(file, options), io));
    });
  withSources(config.command('show').description('show the configuration that comes out, with the place of each value'))
    .argument('[file]', 'configuration file: YAML, JSON or an airflow.cfg')
    .option('--json', 'one JSON object')
    .action(async (file, options) => {
      const { showConfig } = await import('./commands/config.js');
      finish(showConfig(withFile(file, options), io));
    });
  config
    .command('import')
    .description('turn an airflow.cfg into a configuration file')
    .argument('<airflow.cfg>', 'file to import')
    .option('--env', 'AIRFLOW__SECTION__KEY variables of this process, too')
    .option('--out <file>', 'where to write; left out, standard output')
    .action(async (file, options) => {
      const { importConfig } = await import('./commands/config.js');
      finish(importConfig(file, options, io));
    });
}

/** Adds the commands to the program. */
export function addPodCommands(program: Command, io: CliIo, finish: (exitCode: number) => void): void {
  addConfig(program, io, finish);
  withSources(program.command('render').description('show the pods of tasks, without creating any'))
    .argument('<tasks.yaml>', 'tasks; - reads standard input')
    .option('--template <file>', 'base pod; comes before the one in the tasks file')
    .option('--explain', 'say behind each part which layer set it')
    .option('--lint', 'say what is allowed and seldom wise')
    .option('--show-secrets', 'show values that look like secrets')
    .addOption(new Option('--dry-run <where>', 'let the API server check each pod, too').choices(['server']))
    .option('--kubeconfig <file>', 'kubeconfig for --dry-run; left out, what the configuration says')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--json', 'one JSON object per task')
    .action(async (file, options) => {
      const { runRender } = await import('./commands/render.js');
      finish(await runRender(file, options, io));
    });
  withSources(program.command('generate-pods').description('write one YAML file per task'))
    .argument('<tasks.yaml>', 'tasks; - reads standard input')
    .option('--template <file>', 'base pod; comes before the one in the tasks file')
    .option('--out <dir>', 'folder for the files', '.podwright/pods')
    .option('--show-secrets', 'write values that look like secrets, too')
    .option('--json', 'one JSON object per file')
    .action(async (file, options) => {
      const { runGeneratePods } = await import('./commands/render.js');
      finish(runGeneratePods(file, options, io));
    });
}
