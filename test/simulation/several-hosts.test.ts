import { expect, it } from 'vitest';
import { simulateMany } from './many.js';

it('holds the promises with several hosts', { timeout: 240_000 }, async () => {
  const short = { first: 20_000, count: 1_000, steps: 400, hosts: 3, atLeast: 30, limitMs: 25_000 };
  const results = await simulateMany(short);
  results.push(
    ...(await simulateMany({ ...short, first: 40_000, count: 30, steps: 3_000, atLeast: 10, limitMs: 15_000 })),
  );
  expect(results.some(({ story }) => story.some((line) => line.includes('is frozen')))).toBe(true);
});
