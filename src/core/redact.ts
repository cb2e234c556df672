/** Takes what looks like a secret out of texts that somebody else wrote: logs, messages of the kubelet, events. */

/** What is left of a secret. */
export const REDACTED = '[redacted]';

/**
 * Shapes of secrets. Where a pattern has a group, the group stays and what follows it goes, so that the name of a setting can still be
 * read.
 */
export const DEFAULT_SECRET_PATTERNS: readonly RegExp[] = Object.freeze([
  /((?:password|passwd|secret|token|api[-_]?key|access[-_]?key|credential)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)/gi,
  /(authorization["']?\s*[=:]\s*["']?(?:basic|bearer)\s+)[^\s"',;]+/gi,
  /(\bbearer\s+)[a-z0-9._~+/=-]{16,}/gi,
  /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s/@]+(?=@)/gi,
  /\beyJ[a-zA-Z0-9_-]{8,}\.[a-zA-Z0-9_-]{8,}\.[a-zA-Z0-9_-]*/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bgh[pousr]_[A-Za-z0-9]{30,}\b/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
]);

/** A text without what the patterns find. */
export function redact(text: string, patterns: readonly RegExp[] = DEFAULT_SECRET_PATTERNS): string {
  let clean = text;
  for (const pattern of patterns) {
    const everywhere = pattern.global ? pattern : new RegExp(pattern.source, `${pattern.flags}g`);
    clean = clean.replace(everywhere, (...match: unknown[]) => {
      const [, kept] = match;
      return `${typeof kept === 'string' ? kept : ''}${REDACTED}`;
    });
  }
  return clean;
}

/** A value whose texts are all without what the patterns find. */
export function redactAll<T>(value: T, patterns: readonly RegExp[] = DEFAULT_SECRET_PATTERNS): T {
  const clean = (part: unknown): unknown => {
    if (typeof part === 'string') return redact(part, patterns);
    if (Array.isArray(part)) return part.map(clean);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, item]) => [name, clean(item)]));
  };
  return clean(value) as T;
}
