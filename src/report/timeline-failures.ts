/** The part of the timeline that explains failures. */
import type { Evidence, Verdict } from '../core/verdict.js';
import { escapeHtml } from './format.js';
import type { TryModel } from './run-model.js';
import { taskLabel } from './run-record.js';

/** What the evidence is called for people, in the order in which it is read. */
const EVIDENCE_NAMES: readonly (readonly [keyof Evidence, string])[] = [
  ['pod', 'pod'],
  ['uid', 'uid'],
  ['node', 'node'],
  ['phase', 'phase'],
  ['reason', 'reason'],
  ['message', 'message'],
  ['container', 'container'],
  ['containerReason', 'container reason'],
  ['exitCode', 'exit code'],
  ['signal', 'signal'],
  ['memoryLimit', 'memory limit'],
  ['terminationMessage', 'termination message'],
  ['conditions', 'conditions'],
  ['events', 'events'],
  ['warnings', 'warnings'],
  ['logTail', 'end of the log'],
];

function evidenceText(evidence: Evidence): string {
  return EVIDENCE_NAMES.flatMap(([field, name]) => {
    const value = evidence[field];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return [];
    const text = Array.isArray(value) ? value.join('\n') : String(value);
    return [text.includes('\n') ? `${name}:\n${text.replace(/^/gm, '  ')}` : `${name}: ${text}`];
  }).join('\n');
}

function failureRow({ key }: TryModel, verdict: Verdict, what: string): string {
  const evidence = evidenceText(verdict.evidence);
  return `<tr><td>${escapeHtml(taskLabel(key))}</td><td>${escapeHtml(what)}</td><td><code>${escapeHtml(verdict.kind)}</code></td>
<td>${escapeHtml(verdict.blame)}</td><td>${escapeHtml(verdict.message)}<br><span class="soft">${escapeHtml(verdict.hint)}</span>${
    evidence === '' ? '' : `<details><summary>evidence</summary><pre>${escapeHtml(evidence)}</pre></details>`
  }</td></tr>`;
}

/** The table of failed tries and lost launches. */
export function failureSection(tries: readonly TryModel[]): string {
  const rows = tries.flatMap((model) => [
    ...model.relaunches.map(({ launch, verdict }) =>
      failureRow(model, verdict, `try ${model.key.tryNumber}, before launch ${launch}`),
    ),
    ...(model.verdict === undefined ? [] : [failureRow(model, model.verdict, `try ${model.key.tryNumber}`)]),
  ]);
  if (rows.length === 0) return '<h2>Failures</h2><p class="soft">None.</p>';
  return `<h2>Failures</h2><div class="wide"><table><thead><tr><th>Task</th><th>When</th><th>Verdict</th><th>Blame</th><th>What happened, what to do</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}
