/** `podwright rbac` and `podwright doctor`. */
import { connectOptionsOf } from '../../config/connect-options.js';
import { resolveKubernetesConfig } from '../../config/kubernetes-config.js';
import { loadConfig } from '../../config/load-config.js';
import { taskInstanceKey } from '../../core/task-key.js';
import { type DoctorCheck, type DoctorState, diagnose } from '../../deploy/doctor.js';
import type { DeployFeature } from '../../deploy/permissions.js';
import { rbacManifests } from '../../deploy/rbac.js';
import { PodwrightError } from '../../errors.js';
import { ApiCaller } from '../../kube/api-caller.js';
import { connectTransport } from '../../kube/connect.js';
import { HttpKubeClient } from '../../kube/http-kube-client.js';
import { TemplatePodGenerator } from '../../pod/pod-generator.js';
import type { Pod } from '../../wire/types.js';
import { formatYaml } from '../../wire/yaml.js';
import { EXIT } from '../failure.js';
import type { CliIo, Style } from '../io.js';
import { type SourceOptions, sourcesOf } from './config.js';

/** Options of `podwright rbac`. */
export interface RbacCommandOptions {
  /** Namespaces of the pods. */
  readonly namespace: readonly string[];
  /** Whether pods of all namespaces are watched. */
  readonly allNamespaces?: boolean;
  /** What is to work besides running pods. */
  readonly features?: readonly string[];
  /** Name of the service account. */
  readonly name: string;
  /** Namespace of the service account. */
  readonly accountNamespace?: string;
  /** A JSON List instead of YAML. */
  readonly json?: boolean;
}

/** Prints the objects to apply. */
export function runRbac(options: RbacCommandOptions, io: CliIo): number {
  const { namespace, allNamespaces, features, name, accountNamespace } = options;
  const items = rbacManifests({
    ...(namespace.length === 0 ? {} : { namespaces: namespace }),
    allNamespaces,
    features: features as readonly DeployFeature[] | undefined,
    name,
    accountNamespace,
  });
  if (options.json === true) io.out(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items })}\n`);
  else io.out(items.map((item) => `---\n${formatYaml(item)}`).join(''));
  return EXIT.ok;
}

/** Options of `podwright doctor`. */
export interface DoctorCommandOptions extends SourceOptions {
  /** Namespace of the pods; left out, the configuration's. */
  readonly namespace?: string;
  /** Base pod. */
  readonly template?: string;
  /** Image of the pod that is tried. */
  readonly image?: string;
  /** Kubeconfig. */
  readonly kubeconfig?: string;
  /** Context in it. */
  readonly context?: string;
  /** One JSON object. */
  readonly json?: boolean;
}

const STYLES: Readonly<Record<DoctorState, Style>> = { ok: 'green', warning: 'yellow', error: 'red', unknown: 'dim' };

/** A pod like those of tasks, for the dry run, or why none can be made. */
function samplePod(options: DoctorCommandOptions, namespace: string): Pod | DoctorCheck {
  const config = loadConfig(sourcesOf(options)).config.kubernetes ?? {};
  const { image, baseContainer, podDefaults, podTemplateFile } = resolveKubernetesConfig(config);
  try {
    const generator = new TemplatePodGenerator({
      template: options.template ?? podTemplateFile,
      namespace,
      image:
        options.image ?? image ?? ((options.template ?? podTemplateFile) ? undefined : 'registry.k8s.io/pause:3.10'),
      baseContainer,
      podDefaults,
    });
    const key = taskInstanceKey({ dagId: 'podwright', taskId: 'doctor', runId: 'doctor' });
    const task = { key, command: ['true'], queue: undefined, priority: 0, executorConfig: undefined };
    return generator.render(task, { showSecrets: true }).manifest;
  } catch (error) {
    if (!(error instanceof PodwrightError)) throw error;
    return { check: 'admission', state: 'error', message: `no pod can be made: ${error.message}`, hint: error.hint };
  }
}

function print(checks: readonly DoctorCheck[], io: CliIo): void {
  for (const { check, state, message, hint } of checks) {
    io.out(`${io.style('out', STYLES[state], state.padEnd(8))} ${check.padEnd(11)} ${message}\n`);
    if (hint !== undefined) io.out(`${' '.repeat(21)}${io.style('out', 'cyan', hint)}\n`);
  }
  const count = (state: DoctorState) => checks.filter((one) => one.state === state).length;
  io.out(`${count('ok')} ok, ${count('warning')} warnings, ${count('error')} errors, ${count('unknown')} unknown\n`);
}

/** Looks at a cluster; 0 without errors, 4 where it cannot be reached, 3 where something else is wrong. */
export async function runDoctor(options: DoctorCommandOptions, io: CliIo): Promise<number> {
  const config = loadConfig(sourcesOf(options)).config.kubernetes ?? {};
  const namespace = options.namespace ?? config.namespace ?? 'default';
  const { kubeconfig, context } = options;
  const connect = {
    ...connectOptionsOf(config),
    // A doctor that keeps trying tells nothing.
    retry: { maxAttempts: 2, initialMs: 250, maxMs: 1_000 },
    ...(kubeconfig === undefined && context === undefined
      ? {}
      : { source: 'kubeconfig' as const, kubeconfig, context }),
  };
  const parts = await connectTransport(connect);
  const client = new HttpKubeClient({ ...connect, ...parts });
  const caller = new ApiCaller({ ...connect, ...parts });
  const pod = samplePod({ ...options }, namespace);
  const isPod = !('check' in pod);
  try {
    const checks = await diagnose({
      client,
      namespace,
      timeoutMs: 10_000,
      ...(isPod ? { pod } : {}),
      version: async () => {
        const call = {
          method: 'GET',
          path: '/version',
          isRepeatable: true,
          priority: 'normal',
          timeoutMs: 10_000,
        } as const;
        return (await caller.json<{ gitVersion: string }>(call)).gitVersion;
      },
    });
    const isReached = checks.some(({ check, state }) => check === 'connection' && state === 'ok');
    const all = isPod || !isReached ? checks : [...checks, pod];
    const isHealthy = all.every(({ state }) => state !== 'error');
    if (options.json === true) io.out(`${JSON.stringify({ ok: isHealthy, namespace, checks: all })}\n`);
    else print(all, io);
    if (!isReached) return EXIT.unreachable;
    return isHealthy ? EXIT.ok : EXIT.config;
  } finally {
    await client.close();
  }
}
