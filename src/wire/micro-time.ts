/** The two forms of time on the wire. */

/** A `metav1.Time`: whole UTC seconds, such as `2026-01-02T03:04:05Z`, cut (not rounded) from milliseconds since the epoch. */
export function formatTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
const MICRO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(?:Z|[+-]\d{2}:\d{2})$/;

/** Milliseconds since the epoch of an RFC 3339 time, or `undefined` where it is none. */
export function parseTime(text: string): number | undefined {
  if (!RFC3339.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Whether the text is a `metav1.MicroTime` as the API server takes it. */
export function isMicroTime(text: string): boolean {
  return MICRO.test(text) && !Number.isNaN(Date.parse(text));
}

/** A `metav1.MicroTime`: UTC with six digits of a second, such as `2026-01-02T03:04:05.678000Z`. */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, -1)}000Z`;
}
