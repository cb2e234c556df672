import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
