import type { Mutation } from './mutations.mjs';

export function mutated(mutation: Mutation): ReadonlyMap<string, string>;
