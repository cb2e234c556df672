import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCli } from './run-cli.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-cli-cluster-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function startCluster(...args: string[]) {
  const { child, ended } = startCli(['cluster', '--json', ...args]);
  for await (const line of createInterface({ input: child.stdout }))
    return { child, ended, address: JSON.parse(line) as { url: string; kubeconfig: string; pid: number } };
  throw new Error(`the cluster ended early: ${JSON.stringify(await ended)}`);
}

it('answers as a Kubernetes API until SIGTERM, and then ends with 0', async () => {
  const kubeconfig = join(folder, 'config');
  const { child, ended, address } = await startCluster('--kubeconfig', kubeconfig, '--kubelet', 'scripted');
  expect(address).toMatchObject({ kubeconfig, pid: child.pid });
  expect(readFileSync(kubeconfig, 'utf8')).toContain(address.url);
  const response = await fetch(`${address.url}/api/v1/namespaces/default/pods`);
  expect(await response.json()).toMatchObject({ kind: 'PodList', items: [] });
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  await expect(fetch(`${address.url}/version`)).rejects.toThrow();
});

it('ends with the process that holds its input, and removes its own kubeconfig', async () => {
  const { child, ended, address } = await startCluster('--until-stdin-ends');
  expect(existsSync(address.kubeconfig)).toBe(true);
  child.stdin.end();
  expect(await ended).toMatchObject({ code: 0 });
  expect(existsSync(address.kubeconfig)).toBe(false);
});

it('outlives whoever has started it, once that has told it to', async () => {
  const { child, ended, address } = await startCluster('--until-stdin-ends');
  child.stdin.end('keep\n');
  await once(child.stdin, 'close');
  // One that takes the end for its own stops while it is being asked.
  for (let asked = 0; asked < 100; asked += 1) expect((await fetch(`${address.url}/version`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
});

it('ends by itself after its lifetime', async () => {
  const { ended } = await startCluster('--lifetime', '100ms');
  expect(await ended).toMatchObject({ code: 0 });
});

it('refuses a lifetime that is no duration, before it starts anything', async () => {
  const { child, ended } = startCli(['cluster', '--lifetime', 'soon']);
  child.stdin.end();
  const { code, stdout, stderr } = await ended;
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toContain('--lifetime must be a duration');
});

it('begins with the faults of a file', async () => {
  const file = join(folder, 'faults.yaml');
  writeFileSync(file, 'faults:\n  - { fault: serverError, status: 503, verb: list, times: 1 }\n');
  const { child, ended, address } = await startCluster('--kubelet', 'none', '--faults', file);
  const list = () => fetch(`${address.url}/api/v1/pods`).then(({ status }) => status);
  expect([await list(), await list()]).toEqual([503, 200]);
  child.kill('SIGTERM');
  await ended;
});

it('refuses faults that are wrong, and files that are not there, before it starts anything', async () => {
  const file = join(folder, 'wrong.yaml');
  writeFileSync(file, '- { fault: evict, share: 3 }\n');
  for (const [path, text] of [
    [file, 'faults[0].share'],
    [join(folder, 'none.yaml'), '--faults'],
  ] as const) {
    const { child, ended } = startCli(['cluster', '--faults', path]);
    child.stdin.end();
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(text);
  }
});
