/** Layers of a pod: finding, merging, judging them, and naming the one that a value came from. */
import { type ConfigProblem, PodTemplateError } from '../errors.js';
import { PatchError, strategicMergePatch } from '../wire/strategic-merge.js';
import type { Pod } from '../wire/types.js';
import { withoutUnwritten } from '../wire/unwritten.js';
import { checkOverridePolicy, type PodPolicy } from './check/policy.js';
import type { Provenance } from './provenance.js';

/** A layer with the name that provenance gives it. */
export interface Layer {
  readonly name: string;
  readonly pod: object;
  /** Whether the task itself asks for it, and not whoever runs the executor. */
  readonly isOfTask?: boolean;
}

/** The entry of a queue: by its name, or by the longest prefix. */
export function ofQueue<T>(
  table: Readonly<Record<string, T>> | undefined,
  queue: string | undefined,
): [string, T] | undefined {
  if (table === undefined || queue === undefined) return undefined;
  if (Object.hasOwn(table, queue)) return [queue, table[queue] as T];
  const prefixes = Object.entries(table).filter(([name]) => name.endsWith('*') && queue.startsWith(name.slice(0, -1)));
  return prefixes.sort(([a], [b]) => b.length - a.length)[0];
}

/** Names the layer that a wrong value came from: its own, or that of the nearest field above it. */
export function withLayer(problem: ConfigProblem, layers: Provenance): ConfigProblem {
  for (let path = problem.field; path !== ''; path = path.replace(/(\.[^.[\]]*|\[[^[\]]*\]|^[^.[]*)$/, '')) {
    const source = layers[path];
    if (source !== undefined) return { ...problem, source };
  }
  return problem;
}

/** Merges one layer; a merge that the API would refuse names the layer. */
export function merged(pod: Pod, { name, pod: layer }: Layer): Pod {
  try {
    // As a server does it: a directive in the layer must not meet an empty list that a server would not have kept.
    return strategicMergePatch(withoutUnwritten({ ...pod }, { ...layer }), layer) as Pod;
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw new PodTemplateError(`The ${name} cannot be merged: ${error.message}`, {
      hint: 'Items of a list need the key that they are merged by, for example name for containers and mountPath for mounts.',
    });
  }
}

/** What the layers of a task set against a policy. The base container may be meant by a task even where no template has it. */
export function taskPolicyProblems(
  layers: readonly Layer[],
  baseContainer: string,
  policy: PodPolicy,
): ConfigProblem[] {
  let base = { spec: { containers: [{ name: baseContainer }] } } as unknown as Pod;
  return layers.flatMap((layer) => {
    const found = layer.isOfTask === true ? checkOverridePolicy(layer.pod, base, policy) : [];
    base = merged(base, layer);
    return found.map((problem) => ({ ...problem, source: layer.name }));
  });
}
