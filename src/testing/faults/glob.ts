/** Names with `*` for any text. */

/** Whether a name fits a pattern; without a pattern every name does. */
export function fitsName(pattern: string | undefined, name: string): boolean {
  if (pattern === undefined || pattern === name) return true;
  if (!pattern.includes('*')) return false;
  const [first = '', ...rest] = pattern.split('*');
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const [index, part] of rest.entries()) {
    if (index === rest.length - 1) return name.length - part.length >= at && name.endsWith(part);
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at === name.length;
}
