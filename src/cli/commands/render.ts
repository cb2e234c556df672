/** `podwright render` and `podwright generate-pods`: the pods of tasks, without creating any. */
import { join } from 'node:path';
import { connectOptionsOf } from '../../config/connect-options.js';
import { type KubernetesConfig, resolveKubernetesConfig } from '../../config/kubernetes-config.js';
import { loadConfig } from '../../config/load-config.js';
import { REDACTED } from '../../core/redact.js';
import { keyToString } from '../../core/task-key.js';
import { KubeApiError, PodwrightError } from '../../errors.js';
import { HttpKubeClient } from '../../kube/http-kube-client.js';
import { lintPod } from '../../pod/check/lint.js';
import { TemplatePodGenerator } from '../../pod/pod-generator.js';
import { serializePod } from '../../pod/pod-template.js';
import type { Provenance } from '../../pod/provenance.js';
import { redactManifest } from '../../pod/redact-manifest.js';
import type { Pod } from '../../wire/types.js';
import { EXIT } from '../failure.js';
import type { CliIo } from '../io.js';
import { readTasksFile, type TasksFile } from '../tasks-file.js';
import { type SourceOptions, sourcesOf, withComments } from './config.js';
import { writeReport } from './report.js';

/** What both commands take. */
interface PodOptions extends SourceOptions {
  /** Base pod. */
  readonly template?: string;
  /** Whether values that look like secrets are shown. */
  readonly showSecrets?: boolean;
  /** One JSON object per task. */
  readonly json?: boolean;
}

/** Options of `podwright render`. */
export interface RenderCommandOptions extends PodOptions {
  /** Whether to say which layer set what. */
  readonly explain?: boolean;
  /** Whether to say what is allowed and seldom wise. */
  readonly lint?: boolean;
  /** Who else checks. */
  readonly dryRun?: 'server';
  /** Kubeconfig for the dry run. */
  readonly kubeconfig?: string;
  /** Context in it. */
  readonly context?: string;
}

interface Prepared extends TasksFile {
  readonly generator: TemplatePodGenerator;
  readonly config: KubernetesConfig;
}

function prepare(file: string, options: PodOptions, io: CliIo): Prepared {
  const tasks = readTasksFile(file);
  const { config, notices } = loadConfig({
    ...sourcesOf(options),
    object: tasks.kubernetes === undefined ? {} : { kubernetes: tasks.kubernetes },
  });
  for (const { source, field, message } of notices) io.err(`${source}: ${field}: ${message}\n`);
  const kubernetes = config.kubernetes ?? {};
  const { namespace, image, baseContainer, podDefaults, podTemplateFile } = resolveKubernetesConfig(kubernetes);
  const generator = new TemplatePodGenerator({
    ...tasks.pods,
    template: options.template ?? tasks.podTemplate ?? podTemplateFile,
    namespace,
    image,
    baseContainer,
    podDefaults,
  });
  return { ...tasks, generator, config: kubernetes };
}

/** `spec.containers[0].env["a.b"]` as steps. */
function stepsOf(path: string): (string | number)[] {
  const steps = path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g);
  return [...steps].map(([, index, quoted, name]) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? (name as string) : (JSON.parse(quoted) as string);
  });
}

/** One comment for a part that one layer set as a whole, none below it. */
function explained(text: string, provenance: Provenance): string {
  const steps = Object.entries(provenance).map(([path, layer]) => [stepsOf(path), layer] as const);
  const known = new Set(steps.map(([path]) => JSON.stringify(path)));
  return withComments(text, new Map(steps.filter(([path]) => !known.has(JSON.stringify(path.slice(0, -1))))));
}

/** The pod as the server would store it, or what it objects to. */
async function dryRun(
  client: HttpKubeClient,
  pod: Pod,
): Promise<{ readonly pod: Pod } | { readonly error: KubeApiError }> {
  try {
    return { pod: await client.createPod(pod.metadata?.namespace ?? 'default', pod, { dryRun: true }) };
  } catch (error) {
    if (!(error instanceof KubeApiError) || error.status === 0) throw error;
    return { error };
  }
}

function report(error: PodwrightError, what: string, io: CliIo): void {
  io.err(`${io.style('err', 'red', 'error')}: ${what}: ${error.message}\n`);
  if (error.hint !== undefined) io.err(`${io.style('err', 'cyan', 'hint')}: ${error.hint}\n`);
}

/** Renders every task; 3 where a pod could not be made, or was refused. */
export async function runRender(file: string, options: RenderCommandOptions, io: CliIo): Promise<number> {
  const { generator, tasks, config } = prepare(file, options, io);
  const { explain = false, showSecrets = false, kubeconfig, context } = options;
  const client =
    options.dryRun === 'server'
      ? await HttpKubeClient.connect({
          ...connectOptionsOf(config),
          ...(kubeconfig === undefined && context === undefined
            ? {}
            : { source: 'kubeconfig' as const, kubeconfig, context }),
        })
      : undefined;
  let failed = 0;
  try {
    for (const task of tasks) {
      const id = keyToString(task.key);
      try {
        const { manifest, provenance } = generator.render(task, { explain, showSecrets: true });
        const answer = client === undefined ? { pod: manifest } : await dryRun(client, manifest);
        if ('error' in answer) {
          failed += 1;
          report(answer.error, `${id}: refused by the API server`, io);
          if (options.json === true) io.out(`${JSON.stringify({ key: task.key, error: answer.error.message })}\n`);
          continue;
        }
        const pod = showSecrets ? manifest : redactManifest(manifest);
        const lints = options.lint === true ? lintPod(manifest) : [];
        for (const { lint, field, rule, hint } of lints)
          io.err(
            `${io.style('err', 'yellow', lint)}: ${id}: ${field} ${rule}${hint === undefined ? '' : `; ${hint}`}\n`,
          );
        if (options.json === true)
          io.out(
            `${JSON.stringify({
              key: task.key,
              manifest: pod,
              ...(explain ? { provenance } : {}),
              ...(options.lint === true ? { lints } : {}),
            })}\n`,
          );
        else io.out(`---\n# ${id}\n${explain ? explained(serializePod(pod), provenance) : serializePod(pod)}`);
      } catch (error) {
        if (!(error instanceof PodwrightError)) throw error;
        failed += 1;
        report(error, id, io);
        if (options.json === true)
          io.out(`${JSON.stringify({ key: task.key, code: error.code, error: error.message })}\n`);
      }
    }
  } finally {
    await client?.close();
  }
  if (client !== undefined) io.err(`${tasks.length - failed} of ${tasks.length} pods taken by the API server\n`);
  return failed === 0 ? EXIT.ok : EXIT.config;
}

/** Writes a file per task, named after its pod. */
export function runGeneratePods(file: string, options: PodOptions & { readonly out: string }, io: CliIo): number {
  const { generator, tasks } = prepare(file, options, io);
  let hidden = 0;
  for (const task of tasks) {
    const { manifest } = generator.render(task, { showSecrets: options.showSecrets === true });
    const text = serializePod(manifest);
    if (text.includes(REDACTED)) hidden += 1;
    const path = join(options.out, `${manifest.metadata?.name}.yaml`);
    writeReport(path, text);
    io.out(options.json === true ? `${JSON.stringify({ key: task.key, file: path })}\n` : `${path}\n`);
  }
  if (hidden > 0) io.err(`${hidden} of the files lack values that look like secrets; --show-secrets writes them\n`);
  return EXIT.ok;
}
