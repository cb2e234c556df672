import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/totals.mjs', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-totals-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Parts {
  readonly tests?: object;
  readonly check?: object;
  readonly cluster?: object;
  readonly status?: number;
}

/** Runs the script on the files that the parts of a run have left. */
function totals({ status = 0, ...parts }: Parts) {
  const files = (['tests', 'check', 'cluster'] as const).map((name) => {
    const file = join(folder, `${name}.json`);
    rmSync(file, { force: true });
    if (parts[name] !== undefined) writeFileSync(file, JSON.stringify(parts[name]));
    return file;
  });
  const { stdout, status: code } = spawnSync(process.execPath, [script, String(status), ...files], {
    encoding: 'utf8',
  });
  return [stdout, code];
}

const tests = { numPassedTests: 100, numFailedTests: 0, success: true };
const check = { passed: 10, failed: 0 };

it('adds up tests, checks and cluster tests', () => {
  expect(totals({ tests, check })).toEqual(['110 passed, 0 failed\n', 0]);
  expect(totals({ tests, check, cluster: { passed: 5, failed: 2 } })).toEqual(['115 passed, 2 failed\n', 1]);
});

it('counts a part that left nothing behind as failed', () => {
  expect(totals({ check, status: 1 })).toEqual(['10 passed, 1 failed\n', 1]);
  expect(totals({ tests })).toEqual(['100 passed, 1 failed\n', 1]);
});

it('fails where a test file could not be loaded, or a command failed without a count', () => {
  expect(totals({ tests: { ...tests, success: false }, check })).toEqual(['110 passed, 1 failed\n', 1]);
  expect(totals({ tests, check, status: 1 })).toEqual(['110 passed, 1 failed\n', 1]);
});
