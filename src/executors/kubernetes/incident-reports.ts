/** Puts what the lifecycle tells into the incident log, on its way to the executor. */
import type { IncidentLog } from './incident-log.js';
import type { LifecycleReports } from './lifecycle-reports.js';

/** The same reports, each noted down first. */
export function withIncidents(reports: LifecycleReports, incidents: IncidentLog): LifecycleReports {
  return {
    ...reports,
    launching: (track) => incidents.note(track, { type: 'launch' }),
    observed: (track, pod) => incidents.seen(track, pod),
    ending: (track, { kind }) => incidents.note(track, { type: 'ending', kind }),
    vanished: (track) => incidents.note(track, { type: 'gone' }),
    warning: (track, warning) => {
      incidents.note(track, { type: 'warning', warning });
      reports.warning(track, warning);
    },
    pending: (track, reason) => {
      incidents.note(track, { type: 'pending', reason });
      reports.pending(track, reason);
    },
    relaunch: (track, verdict) => {
      const { kind, message } = verdict;
      incidents.note(track, { type: 'relaunch', kind, message });
      reports.relaunch(track, verdict);
    },
    success: (track, details) => {
      incidents.ended(track, false);
      reports.success(track, details);
    },
    fail: (track, verdict, details) => {
      const { kind, message } = verdict;
      incidents.note(track, { type: 'outcome', state: 'failed', kind, message });
      incidents.ended(track, true);
      reports.fail(track, verdict, details);
    },
  };
}
