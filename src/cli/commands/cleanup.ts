/** `podwright cleanup-pods`: deletes pods that ended long ago. */
import { HttpKubeClient } from '../../kube/http-kube-client.js';
import { type CleanupReport, cleanupCompletedPods } from '../../monitor/cleanup.js';
import { formatSpan } from '../../report/format.js';
import { EXIT } from '../failure.js';
import type { CliIo } from '../io.js';

/** Options of `podwright cleanup-pods`. */
export interface CleanupCommandOptions {
  /** Namespaces. */
  readonly namespace: readonly string[];
  /** Every namespace. */
  readonly allNamespaces?: boolean;
  /** Age of pods that have ended. */
  readonly olderThan: string;
  /** Age of evicted ones. */
  readonly evictedOlderThan?: string;
  /** Age of pending ones. */
  readonly pendingOlderThan?: string;
  /** Age from which pods go whose outcome was not told. */
  readonly undeliveredOlderThan?: string;
  /** Label selector. */
  readonly selector?: string;
  /** Deletes nothing. */
  readonly dryRun?: boolean;
  /** Deletes in flight. */
  readonly concurrency: number;
  /** Kubeconfig. */
  readonly kubeconfig?: string;
  /** Context in it. */
  readonly context?: string;
  /** One JSON object. */
  readonly json?: boolean;
}

function print({ dryRun, pods, examined, deleted, failures, kept }: CleanupReport, io: CliIo): void {
  for (const { pod, reason, ageMs } of dryRun ? pods : []) io.out(`${pod}  ${reason}, ${formatSpan(ageMs)} ago\n`);
  for (const { subject, message } of failures) io.err(`${io.style('err', 'red', 'failed')}  ${subject}: ${message}\n`);
  const keeping = Object.entries(kept)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  const taken = dryRun ? `${pods.length} would be deleted` : `${deleted} deleted, ${failures.length} failed`;
  io.out(`${examined} pods, ${taken}${keeping.length === 0 ? '' : `, kept: ${keeping.join(', ')}`}\n`);
  if (kept.undelivered > 0)
    io.err(
      `${kept.undelivered} pods were kept because no executor has told their outcome yet; --undelivered-older-than takes those that nobody will come back for\n`,
    );
}

/** Cleans up; 0 where all went well, 1 where something could not be deleted or listed. */
export async function runCleanup(options: CleanupCommandOptions, io: CliIo): Promise<number> {
  const { kubeconfig, context, namespace, allNamespaces = false } = options;
  const client = await HttpKubeClient.connect({ kubeconfig, context });
  try {
    const report = await cleanupCompletedPods(client, {
      namespaces: allNamespaces ? '*' : namespace.length === 0 ? ['default'] : namespace,
      labelSelector: options.selector,
      completedAge: options.olderThan,
      evictedAge: options.evictedOlderThan,
      pendingAge: options.pendingOlderThan,
      undeliveredAge: options.undeliveredOlderThan,
      dryRun: options.dryRun,
      concurrency: options.concurrency,
      onProgress: ({ examined, deleted, failed }) =>
        io.err(`${examined} pods looked at, ${deleted} deleted${failed > 0 ? `, ${failed} to be tried again` : ''}\n`),
    });
    if (options.json === true) io.out(`${JSON.stringify(report)}\n`);
    else print(report, io);
    return report.failures.length > 0 ? EXIT.tasksFailed : EXIT.ok;
  } finally {
    await client.close();
  }
}
