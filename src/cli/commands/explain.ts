/** `podwright explain`: how a pod stands and why, whoever made it. */

import { systemClock } from '../../core/clock.js';
import { redactAll } from '../../core/redact.js';
import { withServerEvidence } from '../../executors/kubernetes/evidence.js';
import { HttpKubeClient } from '../../kube/http-kube-client.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { explainPod, type PodExplanation } from '../../lifecycle/explain.js';
import { observe } from '../../lifecycle/observation.js';
import type { KubeEvent } from '../../wire/types.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';

/** Options of `podwright explain`. */
export interface ExplainOptions {
  /** Kubeconfig file. */
  readonly kubeconfig?: string;
  /** Context in it. */
  readonly context?: string;
  /** Namespace of the pod. */
  readonly namespace: string;
  /** One JSON object. */
  readonly json?: boolean;
}

async function eventsOf(client: KubeClient, namespace: string, uid: string): Promise<readonly KubeEvent[]> {
  const fieldSelector = `involvedObject.uid=${uid}`;
  return client.listEvents({ namespace, fieldSelector, limit: 50 }).then(
    ({ items }) => items,
    () => [],
  );
}

async function explain(client: KubeClient, namespace: string, name: string): Promise<PodExplanation> {
  const pod = await client.readPod(namespace, name);
  if (pod === undefined)
    throw new CommandFailure(
      `There is no pod ${namespace}/${name}`,
      EXIT.tasksFailed,
      'Check the name and --namespace; a pod that was removed cannot be explained any more.',
    );
  const plain = explainPod(pod, await eventsOf(client, namespace, pod.metadata?.uid ?? ''));
  const { verdict } = plain;
  if (verdict === undefined) return plain;
  const full = await withServerEvidence(client, observe(pod), verdict, systemClock);
  return { ...plain, verdict: { ...full, evidence: redactAll(full.evidence) } };
}

function lines({ verdict, hint, warnings, events, ...what }: PodExplanation, io: CliIo): string[] {
  const bold = (text: string) => io.style('out', 'bold', text);
  const kind =
    verdict === undefined ? (what.pending ?? '') : `${verdict.kind} (blame: ${verdict.blame}, ${verdict.confidence})`;
  const rows: [string, string | undefined][] = [
    ['what happened', what.summary],
    ['what to do', hint],
    ['node', verdict?.evidence.node],
    ['memory limit', verdict?.kind === 'oom_killed' ? verdict.evidence.memoryLimit : undefined],
  ];
  return [
    `${bold(what.pod)}: ${what.state}${kind === '' ? '' : `, ${kind}`}`,
    ...rows.filter(([, value]) => value !== undefined).map(([label, value]) => `  ${label.padEnd(14)} ${value}`),
    ...warnings.map((warning) => `  ${'warning'.padEnd(14)} ${warning}`),
    ...(verdict?.evidence.conditions ?? []).map((condition) => `  ${'condition'.padEnd(14)} ${condition}`),
    ...events.map((event) => `  ${'event'.padEnd(14)} ${event}`),
    ...(verdict?.evidence.logTail ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `  ${'log'.padEnd(14)} ${line}`),
  ];
}

/** Explains one pod; the exit code is 1 where it has failed. */
export async function runExplain(name: string, options: ExplainOptions, io: CliIo): Promise<number> {
  const { kubeconfig, context, namespace } = options;
  const client = await HttpKubeClient.connect({ kubeconfig, context });
  try {
    const explanation = await explain(client, namespace, name);
    io.out(options.json === true ? `${JSON.stringify(explanation)}\n` : `${lines(explanation, io).join('\n')}\n`);
    return explanation.state === 'failed' ? EXIT.tasksFailed : EXIT.ok;
  } finally {
    await client.close();
  }
}
