import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../examples', import.meta.url));
const examples = readdirSync(folder).filter((name) => name.endsWith('.ts'));

/** The last line of each example, which it reaches only if all went as its text says. */
const lastLines: Readonly<Record<string, RegExp>> = {
  '01-run-a-pod.ts': /^success, exit code 0$/,
  '02-host-loop.ts': /^6 of 6 ended$/,
  '03-hybrid.ts': /^publish in KubernetesExecutor: failed: app_exit, /,
  '04-own-executor.ts': /^failed: There is no function "dance"$/,
  '05-test-without-a-cluster.ts': /^try 2 with 128Mi: success$/,
  '06-own-executor-under-node-loss.ts': /^success with launch 2, 1 pod is left$/,
  '07-launches-and-limits.ts': /^success after 3 launches in one try$/,
  '08-pods-and-secrets.ts': /^success; the secret was not seen$/,
  '10-own-watcher.ts': /^4 events, 1 version kept$/,
  '11-pod-operator.ts': /^task-2-sleep: success, 0 pods are left besides task-1-echo's$/,
  '12-capacity.ts': /^given: 2, 1, 500m$/,
  '13-monitor-and-cleanup.ts': /^2 deleted, 0 failed$/,
  '14-scaling-and-cost.ts': /^ScaledObject is right$/,
};

it('knows what each example says in the end', () => {
  expect(Object.keys(lastLines)).toEqual(examples);
});

describe.each(examples)('%s', (name) => {
  it('runs without a cluster and ends by itself', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', name], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 25_000,
    });
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(lastLines[name] ?? /^$/);
    expect(status).toBe(0);
  });

  it('is short, and imports podwright as a user does', () => {
    const text = readFileSync(`${folder}/${name}`, 'utf8');
    expect(text.split('\n').length).toBeLessThanOrEqual(60);
    expect(text).not.toMatch(/from '\.\.?\//);
  });
});
