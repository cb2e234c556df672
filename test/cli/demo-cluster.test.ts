import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endCluster, findCluster, recordCluster } from '../../src/cli/demo/recorded-cluster.js';
import { processStartTicks, sendSignal } from '../../src/executors/local/process-tree.js';
import { VirtualClock } from '../../src/testing/index.js';

/** Time passes for whoever waits, without delay. */
class HurriedClock extends VirtualClock {
  override delay(ms: number): Promise<void> {
    return this.advance(ms);
  }
}

const IDLE = 'setInterval(() => {}, 1000)';
let folder: string;
let file: string;
let clock: HurriedClock;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-demo-cluster-'));
  file = join(folder, 'cluster.json');
  clock = new HurriedClock();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Stands for the process of a cluster, or for a stranger that has got its id. */
async function begin(script = IDLE) {
  const child = spawn(process.execPath, ['-e', `${script};console.log('up')`], { detached: true, stdio: 'pipe' });
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const pid = child.pid as number;
  const exit = once(child, 'exit').then(([, signal]) => signal as string);
  return { said: String(said), pid, exit, startTicks: await processStartTicks(pid) };
}
const place = { url: 'http://127.0.0.1:9', kubeconfig: 'k' };
const write = ({ pid, startTicks }: { pid: number; startTicks?: string | undefined }) =>
  writeFileSync(file, JSON.stringify({ ...place, pid, startTicks }));
const always = (answer: boolean) => async () => answer;

/** Ends a process, and tells whether nobody had signalled it before. */
async function isUntouched({ pid, exit }: { readonly pid: number; readonly exit: Promise<string> }): Promise<boolean> {
  sendSignal(pid, 'SIGKILL');
  return (await exit) === 'SIGKILL';
}

describe.runIf(process.platform === 'linux')('the cluster of an earlier host', () => {
  it('is found although it answers late, as long as its process lives', async () => {
    const child = await begin();
    write(child);
    let asked = 0;
    const found = await findCluster(file, {
      clock,
      isAnswering: async () => {
        asked += 1;
        return clock.monotonic() > 14_000;
      },
    });
    expect(found).toEqual({ ...place, pid: child.pid, startTicks: child.startTicks });
    expect(asked).toBeGreaterThan(1);
    expect(await isUntouched(child)).toBe(true);
  });

  it('is given all the time that is left for a single answer', async () => {
    write(await begin());
    const limits: number[] = [];
    const isAnswering = async (_url: string, limitMs: number) => limits.push(limitMs) === 2;
    expect(await findCluster(file, { clock, isAnswering })).toBeDefined();
    expect(limits).toEqual([15_000, 14_950]);
  });

  it('is ended where it does not answer in time', async () => {
    const child = await begin();
    write(child);
    const pass = clock.delay.bind(clock);
    clock.delay = async (ms) => {
      await pass(ms);
      // A real process needs real time to end.
      if (clock.monotonic() > 15_000) await child.exit;
    };
    expect(await findCluster(file, { clock, isAnswering: always(false) })).toBeUndefined();
    expect(clock.monotonic()).toBeLessThanOrEqual(15_050);
    expect(await child.exit).toBe('SIGTERM');
  });

  it('is ended with its pods where it does not listen either', async () => {
    const pod = `require('node:child_process').spawn(process.execPath, ['-e', '${IDLE}'], { detached: true })`;
    const child = await begin(`process.on('SIGTERM', () => {});${IDLE};console.log(${pod}.pid)`);
    write(child);
    const pid = Number.parseInt(child.said, 10);
    expect(await processStartTicks(pid)).toBeDefined();
    expect(await findCluster(file, { clock, isAnswering: always(false) })).toBeUndefined();
    expect(await child.exit).toBe('SIGKILL');
    await expect.poll(() => processStartTicks(pid)).toBeUndefined();
  });

  it('is waited for no longer once its process has ended', async () => {
    const child = await begin();
    write(child);
    const isAnswering = async () => {
      sendSignal(child.pid, 'SIGKILL');
      await child.exit;
      return false;
    };
    expect(await findCluster(file, { clock, isAnswering })).toBeUndefined();
    expect(clock.monotonic()).toBe(0);
  });

  it('is not taken for a stranger who has got its process id and its port', async () => {
    const stranger = await begin();
    write({ pid: stranger.pid, startTicks: '1' });
    expect(await findCluster(file, { clock, isAnswering: always(true) })).toBeUndefined();
    expect(await findCluster(file, { clock, isAnswering: always(false) })).toBeUndefined();
    await endCluster({ ...place, pid: stranger.pid, startTicks: '1' }, clock);
    expect(await isUntouched(stranger)).toBe(true);
  });

  it('is found by its answer where no start is written down, and never ended without one', async () => {
    const child = await begin();
    write({ pid: child.pid });
    expect(await findCluster(file, { clock, isAnswering: always(true) })).toMatchObject({
      startTicks: child.startTicks,
    });
    expect(await findCluster(file, { clock, isAnswering: always(false) })).toBeUndefined();
    expect(clock.monotonic()).toBe(2_000);
    expect(await isUntouched(child)).toBe(true);
    expect(await findCluster(file, { clock, isAnswering: always(true) })).toBeUndefined();
  });

  it('is asked over HTTP', async () => {
    const paths: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      paths.push(url);
      response.statusCode = paths.length === 1 ? 503 : 200;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const child = await begin();
    writeFileSync(file, JSON.stringify({ ...place, url, pid: child.pid, startTicks: child.startTicks }));
    expect(await findCluster(file, { clock })).toMatchObject({ url });
    expect(paths).toEqual(['/version', '/version']);
    server.closeAllConnections();
    server.close();
  });

  it('is written down with the start of its process, in place of what its predecessor has left', async () => {
    const child = await begin();
    const ledger = join(folder, 'ledger.txt');
    writeFileSync(ledger, 'count[1]#1\n');
    const recorded = await recordCluster(file, { ...place, pid: child.pid }, ledger);
    expect(recorded).toEqual({ ...place, pid: child.pid, startTicks: child.startTicks });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(recorded);
    expect(existsSync(ledger)).toBe(false);
  });
});
