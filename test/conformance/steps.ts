/** Scenarios as lists of requests, for those that need no code of their own. */
import { type Answer, type CallOptions, type Scenario, type ScenarioClient, scenario } from './scenario.js';

/**
 * One request. The path stands below the scenario's namespace, or begins with `/`. The verb is a method or a way to PATCH or to read;
 * after a `~` its answer is not compared. In path and body `{ns}`, `{id}` and `{0.metadata.uid}` (of the first answer) are filled in.
 */
export type Step = readonly [verb: string, path: string, body?: unknown, options?: CallOptions];

const PATCHES: Readonly<Record<string, string>> = {
  MERGE: 'application/merge-patch+json',
  STRATEGIC: 'application/strategic-merge-patch+json',
  JSON: 'application/json-patch+json',
  APPLY: 'application/apply-patch+yaml',
};

const READS: Readonly<Record<string, string>> = {
  TABLE: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  META: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  METAS: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
};

function filled(text: string, client: ScenarioClient, answers: readonly Answer[]): string {
  return text.replace(/\{(ns|id|\d+(?:\.[\w-]+)+)\}/g, (_, what: string) => {
    if (what === 'ns') return client.ns;
    if (what === 'id') return client.unique('').slice(1);
    const [index, ...fields] = what.split('.');
    let value: unknown = answers[Number(index)]?.json;
    for (const field of fields) value = (value as Record<string, unknown> | undefined)?.[field];
    return String(value);
  });
}

/** Declares a scenario that sends the given requests one after another. */
export function steps(name: string, ...list: readonly Step[]): Scenario {
  return scenario(name, async (client) => {
    const answers: Answer[] = [];
    for (const [verb, path, body, options = {}] of list) {
      const isQuiet = verb.startsWith('~');
      const word = isQuiet ? verb.slice(1) : verb;
      const text = filled(path, client, answers);
      const to = text.startsWith('/') ? text : `${client.base}/${text}`;
      const given = body === undefined ? undefined : JSON.parse(filled(JSON.stringify(body), client, answers));
      const type = PATCHES[word];
      const accept = READS[word];
      const method = type !== undefined ? 'PATCH' : accept !== undefined ? 'GET' : word;
      const all = { ...(type === undefined ? {} : { type }), ...(accept === undefined ? {} : { accept }), ...options };
      answers.push(await client[isQuiet ? 'quiet' : 'call'](method, to, given, all));
    }
  });
}
