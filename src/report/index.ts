/** Recorded runs and what can be read from them. */
export { type RecordableSource, type RecordRunOptions, recordRun } from './recorder.js';
export {
  type NoticeRecord,
  type ParsedRun,
  parseRunRecords,
  RUN_RECORD_VERSION,
  type RunRecord,
  type RunStartRecord,
  type TaskOutcomeRecord,
  type TaskPendingRecord,
  type TaskRelaunchRecord,
  type TaskStepRecord,
} from './run-record.js';
export { renderFailures, renderSummary } from './summary.js';
export { renderTimeline } from './timeline.js';
