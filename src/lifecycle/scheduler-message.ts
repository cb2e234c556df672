/** Scheduler messages in words that stay the same while only counts change. */

/** What the scheduler says of nodes, and how people say it. The first that fits names the reason. */
const REASONS: readonly { readonly pattern: RegExp; readonly text: (match: RegExpExecArray) => string }[] = [
  { pattern: /^Insufficient (.+)$/, text: ([, resource]) => `short of ${resource}` },
  { pattern: /^Too many pods$/, text: () => 'full' },
  {
    pattern: /^node\(s\) had untolerated taint\(?s?\)? ?\{(.+?):? ?\}$/,
    text: ([, taint]) => `with the taint ${taint}, not tolerated`,
  },
  // Newer schedulers do not name the taint.
  { pattern: /^node\(s\) had untolerated taint\(s\)$/, text: () => 'with a taint that it does not tolerate' },
  {
    pattern: /^node\(s\) didn't match Pod's node affinity\/selector$/,
    text: () => 'not matching its node selector or affinity',
  },
  { pattern: /^node\(s\) were unschedulable$/, text: () => 'cordoned' },
  { pattern: /^node\(s\) had volume node affinity conflict$/, text: () => 'out of reach of its volumes' },
  {
    pattern: /^node\(s\) didn't match pod (anti-)?affinity rules$/,
    text: ([, anti]) => `not meeting its pod ${anti ?? ''}affinity`,
  },
  {
    pattern: /^node\(s\) didn't satisfy existing pods anti-affinity rules$/,
    text: () => 'with a pod whose anti-affinity keeps it away',
  },
  {
    pattern: /^node\(s\) didn't match pod topology spread constraints \(missing required label\)$/,
    text: () => 'without the label of its spread constraint',
  },
  {
    pattern: /^node\(s\) didn't match pod topology spread constraints$/,
    text: () => 'not meeting its spread constraint',
  },
  {
    pattern: /^node\(s\) didn't satisfy plugin\(s\) \[NodeAffinity\]$/,
    text: () => 'not among the nodes that it names',
  },
  { pattern: /^node\(s\) didn't have free ports/, text: () => 'with its host ports in use' },
];

/**
 * A scheduler's message in short: `0/3 nodes are available: 2 Insufficient memory, 1 node(s) were unschedulable. preemption: …`
 * becomes `of 3 nodes, 2 short of memory, 1 cordoned`. What is not understood is passed on as it is.
 */
export function shortSchedulerMessage(message: string): string {
  const match = /^0\/(\d+) nodes are available: (.*?)\.?(?: (?:no new claims to deallocate, )?preemption: .*)?$/s.exec(
    message.trim(),
  );
  if (match === null) return message.slice(0, 400);
  const [, total, list = ''] = match;
  const parts = list.split(/,\s+(?=\d+ )/).map((part) => {
    const counted = /^(\d+) (.+?)\.?$/s.exec(part.trim());
    if (counted === null) return part.trim();
    const [, count, reason = ''] = counted;
    for (const { pattern, text } of REASONS) {
      const found = pattern.exec(reason);
      if (found !== null) return `${count} ${text(found)}`;
    }
    return `${count}: ${reason}`;
  });
  return `of ${total} node${total === '1' ? '' : 's'}, ${parts.join(', ')}`.slice(0, 400);
}
