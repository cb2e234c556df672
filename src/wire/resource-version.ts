/**
 * Order of resource versions. Comparing two versions of one resource as integers of any length is official since Kubernetes 1.35
 * (KEP-5504); anything that is no integer is incomparable.
 */

const isInteger = (version: string) => /^\d+$/.test(version);

/** Negative where `a` is older than `b`, positive where newer, 0 where equal; `undefined` where they cannot be compared. */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!isInteger(a) || !isInteger(b)) return a === b ? 0 : undefined;
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length - right.length;
  return left === right ? 0 : left < right ? -1 : 1;
}
