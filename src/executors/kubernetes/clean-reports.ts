/** Takes what looks like a secret out of all that is told of a pod in words: the kubelet and the API server quote what they were given. */
import { redact, redactAll } from '../../core/redact.js';
import type { Verdict } from '../../core/verdict.js';
import type { EndDetails } from '../outcome-hub.js';
import type { LifecycleReports } from './lifecycle-reports.js';

/** The same reports with clean texts; a task's result is its own, and stays as it is. */
export function withCleanTexts(reports: LifecycleReports, patterns: readonly RegExp[] | undefined): LifecycleReports {
  const clean = (text: string) => redact(text, patterns);
  const cleanVerdict = (verdict: Verdict): Verdict => ({
    ...verdict,
    message: clean(verdict.message),
    evidence: redactAll(verdict.evidence, patterns),
  });
  const cleanDetails = (details: EndDetails): EndDetails =>
    details.warnings === undefined ? details : { ...details, warnings: redactAll(details.warnings, patterns) };
  return {
    ...reports,
    ending: (track, verdict) => reports.ending(track, cleanVerdict(verdict)),
    warning: (track, warning) => reports.warning(track, clean(warning)),
    pending: (track, reason) => reports.pending(track, clean(reason)),
    relaunch: (track, verdict) => reports.relaunch(track, cleanVerdict(verdict)),
    success: (track, details) => reports.success(track, cleanDetails(details)),
    fail: (track, verdict, details) => reports.fail(track, cleanVerdict(verdict), cleanDetails(details)),
  };
}
