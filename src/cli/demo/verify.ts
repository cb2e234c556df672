/** Checks the demo's result against a straight computation that shares no code with its tasks. */
import { existsSync, readFileSync } from 'node:fs';
import { type DemoPlan, FILES } from './plan.js';

/** What the check has found. */
export interface Verification {
  /** Whether everything is right. */
  readonly isRight: boolean;
  /** Bytes of data that were counted. */
  readonly bytes: number;
  /** Words in the data. */
  readonly words: number;
  /** Different words in the data. */
  readonly distinct: number;
  /** Whether the pods' processes left a ledger, and it shows that no try was started twice. */
  readonly isOncePerTry: boolean;
  /** What is wrong, one sentence each. */
  readonly problems: readonly string[];
}

function countStraight(plan: DemoPlan): { counts: Map<string, number>; bytes: number } {
  const counts = new Map<string, number>();
  let bytes = 0;
  for (let file = 0; file < FILES; file += 1) {
    const text = readFileSync(plan.dataFile(file), 'utf8');
    bytes += Buffer.byteLength(text);
    for (const word of text.split(/[^a-z]+/)) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return { counts, bytes };
}

/** Tries that were started more than once, by the lines that the pods' processes left. */
function doubledStarts(ledgerFile: string): string[] {
  if (!existsSync(ledgerFile)) return [];
  const starts = readFileSync(ledgerFile, 'utf8').split('\n').filter(Boolean);
  return [...new Set(starts.filter((name, index) => starts.indexOf(name) !== index))];
}

/** Checks the merged counts, and that no try ran twice. */
export function verify(plan: DemoPlan): Verification {
  const { counts, bytes } = countStraight(plan);
  const merged = new Map(Object.entries(JSON.parse(readFileSync(plan.totalFile, 'utf8')) as Record<string, number>));
  const wrong = [...new Set([...counts.keys(), ...merged.keys()])].filter(
    (word) => counts.get(word) !== merged.get(word),
  );
  const problems = wrong
    .slice(0, 5)
    .map(
      (word) =>
        `"${word}" is in the data ${counts.get(word) ?? 0} times, the pipeline counted ${merged.get(word) ?? 0}`,
    );
  const doubled = doubledStarts(plan.ledgerFile);
  const isOncePerTry = existsSync(plan.ledgerFile) && doubled.length === 0;
  for (const name of doubled) problems.push(`${name} was started more than once`);
  const words = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return { isRight: problems.length === 0, bytes, words, distinct: counts.size, isOncePerTry, problems };
}
