// Records what a real API server says to the pods of manifests.mjs (a create with dryRun=All and strict fields), for pod-check.test.ts.
// Usage: node test/pod/check/record-verdicts.mjs; kubectl on the PATH and KUBECONFIG must lead to a server with nothing but its own admission.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BROKEN, podOf, RIGHT } from './manifests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'verdicts-'));
const kubectl = (...args) => execFileSync('kubectl', args, { encoding: 'utf8', stdio: 'pipe' });
const proxy = '/api/v1/namespaces/default/pods?dryRun=All&fieldValidation=Strict';

function verdictOf(pod) {
  const file = join(folder, 'pod.json');
  writeFileSync(file, JSON.stringify(pod));
  try {
    kubectl('create', '--raw', proxy, '-f', file);
    return 'accepted';
  } catch (error) {
    return String(error.stderr)
      .trim()
      .replace(/^Error from server \(\w+\): /, '')
      .slice(0, 300);
  }
}

const verdicts = Object.fromEntries([...RIGHT, ...BROKEN].map(([name, changes]) => [name, verdictOf(podOf(changes))]));
rmSync(folder, { recursive: true });
const { serverVersion } = JSON.parse(kubectl('version', '-o', 'json'));
writeFileSync(
  fileURLToPath(new URL('golden/verdicts.json', import.meta.url)),
  `${JSON.stringify({ server: serverVersion.gitVersion, verdicts }, null, 1)}\n`,
);
