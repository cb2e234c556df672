/** A change of one path of a small right pod; `undefined` deletes. */
export type Change = [path: string, value: unknown];
export const RIGHT: [name: string, changes: Change[]][];
export const BROKEN: [name: string, changes: Change[], path: string, by?: 'us'][];
export function podOf(changes: Change[]): Record<string, unknown>;
