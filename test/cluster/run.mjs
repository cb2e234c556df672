// `npm run test:cluster`: the tests that need a real API server or the real kubectl.
//
// The server is the one that KUBECONFIG names, else one that is started here from etcd and kube-apiserver in KUBEBUILDER_ASSETS or
// PATH. `npm run test:cluster -- chaos` kills them and a host again and again instead (see chaos/main.ts). Where neither is at hand, one line says that nothing was run; that is no failure, unless CI set PODWRIGHT_CLUSTER_REQUIRED.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary, startControlPlane } from './control-plane.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs vitest; resolves with its totals. */
function vitest(name, args, env, results) {
  const output = join(results, `${name}.json`);
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...args,
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${output}`],
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
  );
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      if (!existsSync(output)) return resolve({ passed: 0, failed: 1 });
      const report = JSON.parse(readFileSync(output, 'utf8'));
      resolve({
        passed: report.numPassedTests,
        failed: Math.max(report.numFailedTests, report.success && code === 0 ? 0 : 1),
      });
    });
  });
}

async function controlPlane() {
  if (process.env.KUBECONFIG) return { kubeconfig: process.env.KUBECONFIG, stop: async () => {} };
  const etcd = findBinary('etcd');
  const apiserver = findBinary('kube-apiserver');
  return etcd === undefined || apiserver === undefined ? undefined : startControlPlane({ etcd, apiserver });
}

if (process.argv[2] === 'chaos') {
  const script = join(root, 'test/cluster/chaos/main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...process.argv.slice(3)], {
    cwd: root,
    stdio: 'inherit',
  });
  process.exit(await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1))));
}

const results = mkdtempSync(join(tmpdir(), 'podwright-cluster-results-'));
const totals = { passed: 0, failed: 0 };
const add = ({ passed, failed }) => {
  totals.passed += passed;
  totals.failed += failed;
};
const plane = await controlPlane();
try {
  const kubectl = findBinary('kubectl');
  const scheduler = findBinary('kube-scheduler');
  if (plane === undefined)
    console.log(
      'test:cluster: the real-server tests were not run: no KUBECONFIG, and no etcd and kube-apiserver in KUBEBUILDER_ASSETS or PATH',
    );
  else add(await vitest('real', ['test/conformance'], { CONFORMANCE_KUBECONFIG: plane.kubeconfig }, results));
  if (kubectl === undefined)
    console.log('test:cluster: the kubectl tests were not run: no kubectl in KUBEBUILDER_ASSETS or PATH');
  if (kubectl !== undefined || plane !== undefined) {
    const env = {
      ...(kubectl === undefined ? {} : { PODWRIGHT_KUBECTL: kubectl }),
      ...(scheduler === undefined ? {} : { PODWRIGHT_KUBE_SCHEDULER: scheduler }),
      ...(plane === undefined ? {} : { PODWRIGHT_REAL_KUBECONFIG: plane.kubeconfig }),
    };
    add(await vitest('cluster', ['--config', 'test/cluster/vitest.config.ts'], env, results));
  }
} finally {
  await plane?.stop();
  rmSync(results, { recursive: true, force: true });
}
if (totals.passed + totals.failed === 0 && process.env.PODWRIGHT_CLUSTER_REQUIRED) totals.failed = 1;
if (process.env.PODWRIGHT_CLUSTER_TOTALS) writeFileSync(process.env.PODWRIGHT_CLUSTER_TOTALS, JSON.stringify(totals));
console.log(`test:cluster: ${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
