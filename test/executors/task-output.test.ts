import { expect, it } from 'vitest';
import { TaskOutput } from '../../src/executors/local/task-output.js';

async function linesOf(output: TaskOutput): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text } of output.read({ follow: false })) lines.push(text);
  return lines;
}

it('keeps the last of very many lines, without copying those that stay for each that comes', async () => {
  const output = new TaskOutput(64 * 1024 * 1024);
  const count = 2_000_000;
  for (let from = 0; from < count; from += 10_000)
    output.write('stdout', Buffer.from(Array.from({ length: 10_000 }, (_, index) => `${from + index}\n`).join('')));
  const [first, ...kept] = await linesOf(output);
  expect(first).toBe(`[${count - kept.length} lines are no longer kept]`);
  expect(kept.length).toBeGreaterThan(500_000);
  expect(kept[0]).toBe(`${count - kept.length}`);
  expect(kept.at(-1)).toBe(`${count - 1}`);
  expect(output.tail(2, 100)).toBe(`${count - 2}\n${count - 1}`);
});

it('counts empty lines, too', async () => {
  const output = new TaskOutput(64_000);
  for (let times = 0; times < 100; times += 1) output.write('stdout', Buffer.from('\n'.repeat(1_000)));
  expect(await linesOf(output)).toHaveLength(1_001);
  expect(output.tail(3, 100)).toBe('\n\n');
});

it('tells a reader what has gone while it looked elsewhere', async () => {
  const output = new TaskOutput(640);
  const write = (name: string) => output.write('stdout', Buffer.from(`${name}\n`.repeat(8)));
  const lines = output.read({ follow: true });
  const next = async () => (await lines.next()).value?.text;
  write('a');
  expect(await next()).toBe('a');
  write('b');
  expect(await next()).toBe('[6 lines are no longer kept]');
  write('c');
  expect(await next()).toBe('[8 lines are no longer kept]');
  expect(await next()).toBe('b');
  output.end();
});
