/** The files of recorded answers: one answer a line, so that a difference between two recordings can be read. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Recorded } from './scenario.js';

/** Recorded answers by the name of their scenario. */
export type Recordings = Record<string, Recorded[]>;

/** Reads a file; empty where there is none yet. */
export function readRecordings(path: string): Recordings {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Recordings) : {};
}

/** Writes a file. */
export function writeRecordings(path: string, recordings: Recordings): void {
  const scenarios = Object.entries(recordings).map(
    ([name, answers]) =>
      `${JSON.stringify(name)}: [\n${answers.map((answer) => JSON.stringify(answer)).join(',\n')}\n]`,
  );
  writeFileSync(path, `{\n${scenarios.join(',\n')}\n}\n`);
}
