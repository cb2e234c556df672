/** What the histories of simulations are drawn of. */
import type { Random } from '../../core/random.js';
import { SCRIPT_PREFIX } from '../kubelet/scripted-runtime.js';
import type { Operation } from './operations.js';

/** One of a list. */
export const of = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
/** An integer from 1 to the most. */
export const upTo = (random: Random, most: number) => 1 + Math.floor(random.next() * most);

/** What a task does, for the scripted kubelet. */
export function drawTask(random: Random, longestTask: number): Readonly<Record<string, string>> {
  const roll = random.next();
  const annotations: Record<string, string> = { [`${SCRIPT_PREFIX}duration`]: `${upTo(random, longestTask)}s` };
  // A third of them take their time when they are asked to end.
  if (Math.floor(roll * 1_000) % 3 === 0) annotations[`${SCRIPT_PREFIX}stop-delay`] = '10s';
  if (roll < 0.15) annotations[`${SCRIPT_PREFIX}exit-code`] = '3';
  else if (roll < 0.2) annotations[`${SCRIPT_PREFIX}result`] = 'OOMKilled';
  else if (roll < 0.24) annotations[`${SCRIPT_PREFIX}result`] = 'ImagePullBackOff';
  else if (roll < 0.27) annotations[`${SCRIPT_PREFIX}result`] = 'CreateContainerConfigError';
  else if (roll < 0.29) annotations[`${SCRIPT_PREFIX}result`] = 'CreateContainerError';
  // Some of what keeps a program from starting heals, shortly before anybody may give up.
  const isHealing = roll >= 0.2 && roll < 0.29 && Math.floor(roll * 10_000) % 2 === 0;
  if (isHealing) annotations[`${SCRIPT_PREFIX}waiting-for`] = `${70 + (Math.floor(roll * 100_000) % 40)}s`;
  return annotations;
}

/** A wait of up to so many milliseconds. */
export const shortWait = (random: Random, most: number): Operation => ({ type: 'wait', ms: upTo(random, most) });
