// Records what the real `kubectl patch --local --type=strategic` makes of patches, for strategic-merge.test.ts.
// Usage: node test/pod/golden/record.mjs [number of generated cases] [seed]; kubectl must be on the PATH.
// cases.mjs holds the cases written by hand; the others are generated from the seed.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { generatedCases, writtenCases } from './cases.mjs';

const run = promisify(execFile);
const [count = '250', seed = '1'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'golden-'));
const cases = [...writtenCases(), ...generatedCases(Number(count), Number(seed))];

async function record({ name, target, patch }, index) {
  const file = join(folder, `${index}.json`);
  const whole = { apiVersion: 'v1', kind: 'Pod', ...target };
  writeFileSync(file, JSON.stringify(whole));
  try {
    const { stdout } = await run('kubectl', [
      ...['patch', '--local', '-f', file, '--type=strategic', '-o', 'json', '-p', JSON.stringify(patch)],
    ]);
    return { name, target: whole, patch, result: JSON.parse(stdout) };
  } catch (error) {
    const text = String(error.stderr).trim();
    return { name, target: whole, patch, error: text.replaceAll(file, 'FILE') };
  }
}

const recorded = [];
for (let at = 0; at < cases.length; at += 4)
  recorded.push(...(await Promise.all(cases.slice(at, at + 4).map((one, index) => record(one, at + index)))));
rmSync(folder, { recursive: true });
const { stdout } = await run('kubectl', ['version', '--client', '-o', 'json']);
const file = fileURLToPath(new URL('strategic-merge.json', import.meta.url));
const lines = recorded.map((one) => JSON.stringify(one)).join(',\n');
const version = JSON.parse(stdout).clientVersion.gitVersion;
writeFileSync(file, `{"kubectl":${JSON.stringify(version)},"cases":[\n${lines}\n]}\n`);
console.log(`${recorded.length} cases, ${recorded.filter(({ error }) => error !== undefined).length} of them refused`);
