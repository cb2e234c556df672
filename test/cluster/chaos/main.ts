/**
 * `npm run test:cluster -- chaos [--tasks N] [--kills N] [--hosts N] [--seed N]`: hosts run tasks on a real control plane, while hosts, kube-apiserver and etcd
 * are killed with SIGKILL, one after the other, and started again on their data. In the end each task must have one outcome, have run as
 * one pod, and nothing be left. Exit code 1 where it is not so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../../src/core/random.js';
import { HttpKubeClient } from '../../../src/kube/http-kube-client.js';
import { sendToKubeconfig } from '../../conformance/connect.js';
import { findBinary, startControlPlane } from '../control-plane.mjs';
import { Player } from './player.js';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000' },
    kills: { type: 'string', default: '50' },
    hosts: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
const NAMESPACE = 'chaos';
const GIVE_UP_MS = 15 * 60_000;
const random = seededRandom(Number(values.seed));
const [etcd, apiserver] = [findBinary('etcd'), findBinary('kube-apiserver')];
if (etcd === undefined || apiserver === undefined) {
  console.log('chaos: not run: no etcd and kube-apiserver in KUBEBUILDER_ASSETS or PATH');
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'podwright-chaos-'));
const database = join(folder, 'outcomes.jsonl');
const plane = await startControlPlane({ etcd, apiserver });
const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s`;

function startHost(index: number): ChildProcess {
  const script = fileURLToPath(new URL('host.ts', import.meta.url));
  const { tasks, hosts } = values;
  const args = ['--import', 'tsx', script, plane.kubeconfig, NAMESPACE, database, tasks, String(index), hosts];
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Kills something and starts it again a moment later; another host may have taken its tasks over by then. */
async function strike(hosts: ChildProcess[]): Promise<void> {
  const roll = random.next();
  const pauseMs = random.next() * 2_000;
  if (roll < 0.6) {
    const index = Math.floor(random.next() * hosts.length);
    console.log(`${seconds()}  host ${index} killed`);
    hosts[index]?.kill('SIGKILL');
    await delay(hosts.length > 1 ? pauseMs * 4 : pauseMs / 4);
    hosts[index] = startHost(index);
    return;
  }
  const name = roll < 0.85 ? 'kube-apiserver' : 'etcd';
  console.log(`${seconds()}  ${name} killed`);
  await plane.kill(name);
  await delay(pauseMs);
  plane.revive(name);
}

let exitCode = 1;
try {
  const send = sendToKubeconfig(plane.kubeconfig);
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const namespace = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await send({ method: 'POST', path: '/api/v1/namespaces', headers, body: namespace });
  const player = await Player.start(plane.kubeconfig, NAMESPACE);
  const hosts = Array.from({ length: Number(values.hosts) }, (_, index) => startHost(index));
  const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
  for (let kill = 0; kill < Number(values.kills); kill += 1) {
    await delay(500 + random.next() * 3_500);
    if (hosts.every(({ exitCode }) => exitCode === 0))
      console.log(`${seconds()}  all tasks had ended before kill ${kill + 1}`);
    await strike(hosts);
  }
  while (!(await plane.isReady())) await delay(200);
  const deadline = performance.now() + GIVE_UP_MS;
  while (!hosts.every(hasEnded) && performance.now() < deadline) await delay(200);
  const faults = hosts.flatMap(({ exitCode: code, signalCode }, index) =>
    code === 0 ? [] : [`host ${index} has not ended in order: ${code} ${signalCode}`],
  );
  faults.push(...(await judge(player)));
  await player.stop();
  for (const fault of faults) console.log(`BROKEN: ${fault}`);
  console.log(
    `chaos: ${values.tasks} tasks, ${values.hosts} hosts, ${values.kills} kills, ${seconds().trim()}: ${faults.length === 0 ? 'nothing lost, nothing doubled, nothing left' : `${faults.length} broken`}`,
  );
  exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(exitCode);

async function judge(player: Player): Promise<string[]> {
  const faults: string[] = [];
  const states = new Map<string, Set<string>>();
  let repeated = 0;
  for (const line of readFileSync(database, 'utf8').split('\n').slice(0, -1)) {
    const { task, state, why } = JSON.parse(line) as { task: string; state: string; why?: string };
    if (states.has(task)) repeated += 1;
    states.set(task, (states.get(task) ?? new Set()).add(state));
    if (state !== 'success') faults.push(`${task} failed: ${why}`);
  }
  for (let index = 0; index < Number(values.tasks); index += 1)
    if (!states.has(`t${index}`)) faults.push(`t${index} has no outcome`);
  for (const [task, told] of states) if (told.size > 1) faults.push(`${task} has contradictory outcomes`);
  for (const [name, uids] of player.ran) if (uids.size > 1) faults.push(`${name} ran ${uids.size} times`);
  console.log(
    `${states.size} tasks have an outcome, ${repeated} were told again after a crash; ${player.ran.size} pods ran`,
  );
  const client = await HttpKubeClient.connect({ kubeconfig: plane.kubeconfig });
  const pods = (await client.listPods({ namespace: NAMESPACE })).items;
  if (pods.length > 0)
    faults.push(`${pods.length} pods are left: ${pods.slice(0, 5).map(({ metadata }) => metadata?.name)}`);
  const leases = (await client.listLeases({ namespace: NAMESPACE })).items;
  if (leases.length > 0) faults.push(`${leases.length} leases are left`);
  await client.close();
  return faults;
}
