/** Shares keys out over members without anybody keeping a list (rendezvous hashing). */

/** 32 bits of a text, well spread (FNV-1a with a final mix). */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * Which of the members a key falls to: everybody with the same list says the same, and when a member comes or goes, only the keys that
 * fall to it change hands.
 * @returns `undefined` where there are no members.
 */
export function rendezvousOwner(key: string, members: readonly string[]): string | undefined {
  let owner: string | undefined;
  let best = -1;
  for (const member of members) {
    const weight = hash(`${member}\u0000${key}`);
    if (weight > best || (weight === best && member < (owner as string))) [owner, best] = [member, weight];
  }
  return owner;
}
