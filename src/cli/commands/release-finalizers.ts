/** `podwright release-finalizers`: lets go of what a host that will never come back has left. */
import { HttpKubeClient } from '../../kube/http-kube-client.js';
import { releaseFinalizers } from '../../launch/release-finalizers.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';

/** Options of `podwright release-finalizers`. */
export interface ReleaseFinalizersCommandOptions {
  /** Kubeconfig file. */
  readonly kubeconfig?: string;
  /** Context in it. */
  readonly context?: string;
  /** Namespace of the pods. */
  readonly namespace?: string;
  /** Id of the executor whose pods are meant. */
  readonly executor?: string;
  /** Those of all executors. */
  readonly all?: boolean;
  /** Changes nothing. */
  readonly dryRun?: boolean;
  /** One JSON list. */
  readonly json?: boolean;
}

/** Releases; the exit code is 1 where some pods could not be. */
export async function runReleaseFinalizers(options: ReleaseFinalizersCommandOptions, io: CliIo): Promise<number> {
  const { kubeconfig, context, namespace, executor, all = false, dryRun = false } = options;
  if ((executor === undefined) === !all)
    throw new CommandFailure(
      'Say whose pods: --executor <id>, or --all',
      EXIT.usage,
      'An executor that still runs loses the outcome of a pod that is released and deleted.',
    );
  const client = await HttpKubeClient.connect({ kubeconfig, context });
  try {
    const pods = await releaseFinalizers(client, { namespace, executorId: executor, dryRun });
    const failed = pods.filter(({ error }) => error !== undefined).length;
    if (options.json === true) io.out(`${JSON.stringify(pods)}\n`);
    else {
      for (const { pod, executor: owner, wasDeleting, error } of pods) {
        const verb = dryRun ? 'would be released' : 'released';
        io.out(`${pod} of ${owner}: ${error ?? `${verb}${wasDeleting ? ', and gone' : ''}`}\n`);
      }
      io.out(`${pods.length - failed} ${dryRun ? 'would be ' : ''}released, ${failed} failed\n`);
    }
    return failed === 0 ? EXIT.ok : EXIT.tasksFailed;
  } finally {
    await client.close();
  }
}
