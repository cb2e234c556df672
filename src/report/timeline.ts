/** A recorded run as one HTML page that needs nothing else: no script, no font, no network. */
import { escapeHtml, formatSpan } from './format.js';
import { buildRunModel, type RunModel, type TryModel } from './run-model.js';
import { type RunRecord, taskLabel } from './run-record.js';
import { failureSection } from './timeline-failures.js';
import { TIMELINE_STYLE } from './timeline-style.js';

/** Forbids the page everything but its own style, so that a name that slipped through escaping could still do nothing. */
const POLICY = `default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;

const percent = (value: number) => `${Math.min(100, Math.max(0, value * 100)).toFixed(3)}%`;

/** Maps a moment to its share of the page's width. */
const scaleOf = ({ startedAt, endedAt }: RunModel) => {
  const length = Math.max(1, endedAt - startedAt);
  return (at: number) => Math.min(1, Math.max(0, (at - startedAt) / length));
};

type Scale = ReturnType<typeof scaleOf>;

function segment(scale: Scale, from: number, to: number, kind: string, title: string): string {
  const left = scale(from);
  return `<b class="${kind}" style="left:${percent(left)};width:${percent(scale(to) - left)}" title="${escapeHtml(title)}"></b>`;
}

function segments(model: TryModel, scale: Scale, runEnd: number): string {
  const { queuedAt, launchedAt, runningAt, state, key } = model;
  const end = model.endedAt ?? runEnd;
  const name = `${taskLabel(key)}, try ${key.tryNumber}`;
  const waits = model.waits.map((wait) => wait.reason);
  const parts = [
    segment(
      scale,
      queuedAt,
      launchedAt ?? end,
      'queued',
      `${name}: queued for ${formatSpan((launchedAt ?? end) - queuedAt)}`,
    ),
  ];
  if (launchedAt !== undefined) {
    const waited = (runningAt ?? end) - launchedAt;
    const why = waits.length === 0 ? '' : `\n${waits.join('\n')}`;
    // A process that nobody saw running has run all the same if it left an exit code: its time is running time.
    if (runningAt !== undefined || model.exitCode === undefined)
      parts.push(
        segment(scale, launchedAt, runningAt ?? end, 'pending', `${name}: starting for ${formatSpan(waited)}${why}`),
      );
    const from = runningAt ?? (model.exitCode === undefined ? undefined : launchedAt);
    if (from !== undefined) {
      const ended = model.verdict === undefined ? state : `${model.verdict.kind}: ${model.verdict.message}`;
      const where = model.ranAs === undefined ? '' : `\n${model.executor}: ${model.ranAs}`;
      parts.push(segment(scale, from, end, state, `${name}: ran for ${formatSpan(end - from)}\n${ended}${where}`));
    }
  }
  for (const { at, launch, verdict } of model.relaunches)
    parts.push(segment(scale, at, at, 'mark', `${name}: launch ${launch} after ${verdict.kind}: ${verdict.message}`));
  return parts.join('');
}

function tryRow(model: TryModel, scale: Scale, runEnd: number): string {
  const sign = { success: '✓', failed: '✗', unfinished: '…' }[model.state];
  const retry = model.key.tryNumber > 1 ? ` · try ${model.key.tryNumber}` : '';
  const name = escapeHtml(`${sign} ${taskLabel(model.key)}${retry}`);
  return `<div class="row"><span class="name" title="${name}">${name}</span><div class="track">${segments(model, scale, runEnd)}</div><span class="span soft">${formatSpan(
    (model.endedAt ?? runEnd) - model.queuedAt,
  )}</span></div>`;
}

function axis(model: RunModel): string {
  const length = model.endedAt - model.startedAt;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) => `<span class="tick" style="left:${percent(share)}">${formatSpan(length * share)}</span>`,
  );
  return `<div class="row axis"><span class="name soft">time</span><div class="track">${ticks.join('')}</div><span class="span soft">total</span></div>`;
}

function slotArea(model: RunModel, scale: Scale): string {
  const peak = model.slotsUsed.reduce((most, point) => Math.max(most, point.used), 0);
  if (peak === 0) return '';
  const ceiling = Math.max(peak, model.slots ?? 0);
  const y = (used: number) => (100 - (used / ceiling) * 100).toFixed(2);
  const x = (at: number) => (scale(at) * 1000).toFixed(2);
  let height = 0;
  const points = [`${x(model.slotsUsed[0]?.at ?? model.startedAt)},100`];
  for (const { at, used } of model.slotsUsed) {
    points.push(`${x(at)},${y(height)}`, `${x(at)},${y(used)}`);
    height = used;
  }
  points.push(`1000,${y(height)}`, '1000,100');
  const of = model.slots === undefined ? '' : ` of ${model.slots}`;
  const limit =
    model.slots === undefined ? '' : `<line x1="0" x2="1000" y1="${y(model.slots)}" y2="${y(model.slots)}"/>`;
  return `<h2>Slots in use</h2><div class="row slots"><span class="name soft">at most ${peak}${of}</span><svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="Slots in use over time"><polygon points="${points.join(' ')}"/>${limit}</svg><span></span></div>`;
}

function heading(model: RunModel): string {
  const count = (state: TryModel['state']) => model.tries.filter((one) => one.state === state).length;
  const unfinished = count('unfinished');
  const counts = `${model.tries.length} tries, ${count('success')} succeeded, ${count('failed')} failed${unfinished > 0 ? `, ${unfinished} unfinished` : ''}`;
  const began = model.tries.length === 0 ? '' : `${new Date(model.startedAt).toISOString()}, `;
  return `<h1>${escapeHtml(model.title)}</h1><p class="soft">${began}${formatSpan(model.endedAt - model.startedAt)}: ${counts}</p>`;
}

const LEGEND = `<p class="legend soft"><span><i class="queued"></i>queued</span><span><i class="pending"></i>starting</span><span><i class="success"></i>ran, succeeded</span><span><i class="failed"></i>ran, failed</span><span><i class="unfinished"></i>unfinished</span></p>`;

function noticeList(model: RunModel): string {
  if (model.notices.length === 0) return '';
  const items = model.notices.map(
    ({ message, hint }) => `<li>${escapeHtml(hint === undefined ? message : `${message} ${hint}`)}</li>`,
  );
  return `<h2>Notices</h2><ul>${items.join('')}</ul>`;
}

/** Renders a recorded run as a page with a timeline of all tries, the slots in use, and the failures with their evidence. */
export function renderTimeline(records: readonly RunRecord[]): string {
  const model = buildRunModel(records);
  const scale = scaleOf(model);
  const rows = model.tries.map((one) => tryRow(one, scale, model.endedAt));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escapeHtml(model.title)}</title><style>${TIMELINE_STYLE}</style></head><body>
${heading(model)}
${LEGEND}
<h2>Tries</h2>
<div class="gantt">${axis(model)}
${rows.join('\n')}</div>
${slotArea(model, scale)}
${failureSection(model.tries)}
${noticeList(model)}
</body></html>
`;
}
