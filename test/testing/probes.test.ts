import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeCluster, type PodScript, type VirtualClock } from '../../src/testing/index.js';
import type { KubeEvent, Pod } from '../../src/wire/types.js';
import { call, HANG, PODS, pod } from './call.js';

/** The condition of a type, by its status, reason and message. */
function condition({ status }: Pod, type: string) {
  const found = status?.conditions?.find((item) => item.type === type);
  return [found?.status, found?.reason, found?.message];
}
const main = ({ status }: Pod) => status?.containerStatuses?.[0];
const side = ({ status }: Pod) => status?.initContainerStatuses?.[0];

async function eventsOf(cluster: FakeCluster, reason: string) {
  const { json } = await call(cluster.transport(), 'GET', '/api/v1/namespaces/default/events');
  return json.items
    .filter((event: { reason: string }) => event.reason === reason)
    .map(({ message, count, type, involvedObject }: KubeEvent) => ({
      message,
      count,
      type,
      path: involvedObject?.fieldPath,
    }));
}

describe('probes by script, on the virtual clock', () => {
  let cluster: FakeCluster<VirtualClock>;
  let probes: PodScript['probes'];
  const annotations = (pod: Pod) => pod.metadata?.annotations ?? {};
  beforeEach(async () => {
    probes = undefined;
    const script = (pod: Pod) => (annotations(pod)['own-script'] === 'no' ? undefined : { probes });
    cluster = await FakeCluster.start({ seed: 1, clock: 'virtual', script });
  });
  afterEach(() => cluster.stop());

  const exec = { exec: { command: ['true'] } };
  const create = (fields: object, spec: object = {}, more = {}) =>
    call(
      cluster.transport(),
      'POST',
      PODS,
      pod('a', { containers: [{ name: 'base', image: 'x', ...fields }], ...spec }, { ...HANG, ...more }),
    );
  const read = async () => (await call(cluster.transport(), 'GET', `${PODS}/a`)).json as Pod;
  const later = async (duration: string) => {
    await cluster.clock.advance(duration as `${number}s`);
    return read();
  };

  it('is ready at once where no script speaks of the probe, and asks no more', async () => {
    await cluster.clock.advance('1s');
    const quiet = cluster.clock.pending;
    await create({ readinessProbe: exec, livenessProbe: exec, startupProbe: exec });
    const now = await later('1s');
    expect(main(now)).toMatchObject({ ready: true, started: true });
    expect(condition(now, 'Ready')).toEqual(['True', undefined, undefined]);
    const { resourceVersion } = now.metadata ?? {};
    expect((await later('10m')).metadata?.resourceVersion).toBe(resourceVersion);
    expect(cluster.clock.pending).toBe(quiet);
  });

  it('waits for the conditions that it asks others for', async () => {
    await create({}, { readinessGates: [{ conditionType: 'example.org/open' }] });
    const told = async () => {
      const now = await later('1s');
      expect(condition(now, 'ContainersReady')[0]).toBe('True');
      return condition(now, 'Ready');
    };
    const gate = 'pod readiness gate "example.org/open"';
    expect(await told()).toEqual([
      'False',
      'ReadinessGatesNotReady',
      `corresponding condition of ${gate} does not exist.`,
    ]);
    const set = (status: string) => {
      const patch = { status: { conditions: [{ type: 'example.org/open', status }] } };
      return call(cluster.transport(), 'PATCH', `${PODS}/a/status`, patch, 'application/strategic-merge-patch+json');
    };
    await set('False');
    expect((await told())[2]).toBe(`the status of ${gate} is not "True", but False`);
    await set('True');
    expect(await told()).toEqual(['True', undefined, undefined]);
  });

  it('becomes ready after its delay and threshold, and unready again', async () => {
    probes = { readiness: [false, true, true, false, false, true] };
    const times = { initialDelaySeconds: 5, periodSeconds: 10, successThreshold: 2, failureThreshold: 2 };
    await create({ readinessProbe: { ...exec, ...times } });
    const unready = ['False', 'ContainersNotReady', 'containers with unready status: [base]'];
    const now = await later('24s');
    expect(main(now)).toMatchObject({ ready: false, started: true, state: { running: {} } });
    expect(condition(now, 'Ready')).toEqual(unready);
    expect(condition(now, 'ContainersReady')).toEqual(unready);
    expect(condition(now, 'Initialized')[0]).toBe('True');
    // Probed at 5, 15 and 25 seconds.
    expect(main(await later('1s'))?.ready).toBe(true);
    expect(condition(await read(), 'Ready')).toEqual(['True', undefined, undefined]);
    expect(main(await later('19s'))?.ready).toBe(true);
    expect(main(await later('1s'))?.ready).toBe(false);
    expect(main(await later('10s'))?.ready).toBe(false);
    expect(main(await later('10s'))?.ready).toBe(true);
    expect(await eventsOf(cluster, 'Unhealthy')).toEqual([
      {
        message: 'Readiness probe failed: the script says so',
        count: 3,
        type: 'Warning',
        path: 'spec.containers{base}',
      },
    ]);
    expect(main(await read())?.restartCount).toBe(0);
  });

  it('waits with the other probes until the startup probe has succeeded', async () => {
    await create(
      { startupProbe: { ...exec, periodSeconds: 5 }, readinessProbe: exec },
      {},
      {
        'own-script': 'no',
        'testing.podwright.dev/startup-probe': 'fail, fail, ok',
        'testing.podwright.dev/readiness-probe': 'fail,ok',
      },
    );
    expect(main(await later('9s'))).toMatchObject({ started: false, ready: false });
    expect(main(await later('1s'))).toMatchObject({ started: true, ready: false });
    expect(main(await later('10s'))).toMatchObject({ started: true, ready: true });
    expect(await eventsOf(cluster, 'Unhealthy')).toMatchObject([
      { message: 'Startup probe failed: the script says so', count: 2 },
      { message: 'Readiness probe failed: the script says so', count: 1 },
    ]);
  });

  it('kills what is not alive, and starts it again', async () => {
    probes = { liveness: [true, false, false, true] };
    const livenessProbe = { ...exec, periodSeconds: 1, failureThreshold: 2 };
    await create({ livenessProbe }, { restartPolicy: 'OnFailure' });
    expect(main(await later('1s'))).toMatchObject({ restartCount: 0, state: { running: {} } });
    const now = await later('1s');
    expect(main(now)).toMatchObject({
      restartCount: 1,
      state: { running: {} },
      lastState: { terminated: { exitCode: 143, reason: 'Error' } },
    });
    expect(await eventsOf(cluster, 'Killing')).toEqual([
      {
        message: 'Container base failed liveness probe, will be restarted',
        count: 1,
        type: 'Normal',
        path: 'spec.containers{base}',
      },
    ]);
    expect(main(await later('1h'))?.restartCount).toBe(1);
  });

  it('waits longer after each restart of what is never alive', async () => {
    probes = { liveness: [false] };
    await create({ livenessProbe: { ...exec, periodSeconds: 1, failureThreshold: 1 } }, { restartPolicy: 'Always' });
    const now = await later('5s');
    expect(main(now)).toMatchObject({ restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } } });
    expect(main(await later('6s'))?.restartCount).toBe(2);
  });

  it('lets a pod fail that is never restarted', async () => {
    probes = { liveness: [false] };
    await create({ livenessProbe: { ...exec, periodSeconds: 10, failureThreshold: 3 } });
    expect((await later('19s')).status?.phase).toBe('Running');
    const now = await later('1s');
    expect(now.status?.phase).toBe('Failed');
    expect(main(now)?.state?.terminated).toMatchObject({ exitCode: 143 });
    expect(await eventsOf(cluster, 'Killing')).toMatchObject([{ message: 'Container base failed liveness probe' }]);
  });

  it('restarts what does not start up', async () => {
    probes = { startup: [false] };
    await create({ startupProbe: { ...exec, periodSeconds: 1, failureThreshold: 2 } }, { restartPolicy: 'Always' });
    const now = await later('1s');
    expect(main(now)).toMatchObject({ restartCount: 1, started: false });
    expect(await eventsOf(cluster, 'Killing')).toMatchObject([
      { message: 'Container base failed startup probe, will be restarted' },
    ]);
  });

  it('takes the grace of the probe, and kills after it', async () => {
    probes = { liveness: [false, true] };
    const livenessProbe = { ...exec, failureThreshold: 1, terminationGracePeriodSeconds: 3 };
    await create({ livenessProbe }, {}, { 'testing.podwright.dev/stop-delay': '1m' });
    expect((await later('2s')).status?.phase).toBe('Running');
    expect(main(await later('1s'))?.state?.terminated).toMatchObject({ exitCode: 137 });
  });

  it('starts nothing after a sidecar before that has started up', async () => {
    probes = { startup: [false, false, true] };
    const sidecar = { name: 'side', image: 'x', restartPolicy: 'Always', startupProbe: { ...exec, periodSeconds: 2 } };
    await create({}, { initContainers: [sidecar, { name: 'init', image: 'x' }] });
    const held = await later('3s');
    expect(side(held)).toMatchObject({ started: false, ready: false, state: { running: {} } });
    expect(held.status?.phase).toBe('Pending');
    expect(held.status?.initContainerStatuses?.[1]?.state?.waiting?.reason).toBe('PodInitializing');
    expect(condition(held, 'Initialized')).toEqual([
      'False',
      'ContainersNotInitialized',
      'containers with incomplete status: [side init]',
    ]);
    const now = await later('1s');
    expect(side(now)).toMatchObject({ started: true, ready: true });
    expect(now.status?.phase).toBe('Running');
  });

  it('restarts a sidecar that does not start up, and tells of its container by its place', async () => {
    probes = { startup: [false, true] };
    const startupProbe = { ...exec, failureThreshold: 1 };
    await create({}, { initContainers: [{ name: 'side', image: 'x', restartPolicy: 'Always', startupProbe }] });
    const now = await later('1s');
    expect(side(now)).toMatchObject({ started: true, restartCount: 1 });
    expect(now.status?.phase).toBe('Running');
    expect(await eventsOf(cluster, 'Killing')).toEqual([
      {
        message: 'Init container side failed startup probe',
        count: 1,
        type: 'Normal',
        path: 'spec.initContainers{side}',
      },
    ]);
  });

  it('does not start a sidecar again that waits while the last container ends', async () => {
    probes = { liveness: [false] };
    const livenessProbe = { ...exec, periodSeconds: 1, failureThreshold: 1 };
    await create(
      {},
      { initContainers: [{ name: 'side', image: 'x', restartPolicy: 'Always', livenessProbe }] },
      { 'testing.podwright.dev/result': 'Succeeded', 'testing.podwright.dev/duration': '5s' },
    );
    expect(side(await later('4s'))?.state?.waiting?.reason).toBe('CrashLoopBackOff');
    const now = await later('1m');
    expect(now.status?.phase).toBe('Succeeded');
    expect(side(now)?.restartCount).toBe(1);
  });

  it('stops probing for life when the pod is deleted', async () => {
    probes = { liveness: [true, true, false] };
    await cluster.clock.advance('1s');
    const quiet = cluster.clock.pending;
    const livenessProbe = { ...exec, periodSeconds: 1, failureThreshold: 1 };
    await create({ livenessProbe }, {}, { 'testing.podwright.dev/stop-delay': '10s' });
    await later('1s');
    await call(cluster.transport(), 'DELETE', `${PODS}/a`);
    await cluster.clock.advance('20s');
    expect((await call(cluster.transport(), 'GET', `${PODS}/a`)).status).toBe(404);
    expect(await eventsOf(cluster, 'Killing')).toMatchObject([{ message: 'Stopping container base', count: 1 }]);
    expect(cluster.clock.pending).toBe(quiet);
  });
});

describe('probes of processes', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start({ kubelet: 'process', listen: false });
  });
  afterEach(() => cluster.stop());

  const create = (fields: object, spec: object = {}) =>
    call(
      cluster.transport(),
      'POST',
      PODS,
      pod('a', {
        containers: [{ name: 'base', image: 'x', command: ['node', '-e', 'setInterval(() => {}, 1000)'], ...fields }],
        ...spec,
      }),
    );
  const ready = () => cluster.waitFor((view) => main(view.pod)?.ready === true);
  const unhealthy = async () => {
    for (;;) {
      const events = await eventsOf(cluster, 'Unhealthy');
      if (events.length > 0) return events[0].message as string;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it('runs a command with the variables and in the directory of the container', async () => {
    const check = 'process.exit(process.env.MODE === "good" && process.cwd() === "/" ? 0 : 1)';
    await create({
      env: [{ name: 'MODE', value: 'good' }],
      workingDir: '/',
      readinessProbe: { exec: { command: ['node', '-e', check] }, timeoutSeconds: 30 },
    });
    await ready();
  });

  const failing: readonly [string, object, string | RegExp][] = [
    [
      'a command that fails',
      { exec: { command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] } },
      'Readiness probe failed: out\nerr\n',
    ],
    [
      'a command that is too slow',
      { exec: { command: ['sleep', '60'] }, timeoutSeconds: 1 },
      'Readiness probe failed: command timed out: "sleep 60" timed out after 1s',
    ],
    [
      'a command that is not there',
      { exec: { command: ['no-such-command-anywhere'] } },
      /^Readiness probe errored and resulted in unknown state: .*executable file not found in \$PATH$/,
    ],
    [
      'a port that nobody listens on',
      { tcpSocket: { port: 1 } },
      'Readiness probe failed: dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [
      'a page of a port that nobody listens on',
      { httpGet: { port: 1, path: '/ready' } },
      'Readiness probe failed: Get "http://127.0.0.1:1/ready": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [
      'an empty command',
      { exec: { command: [''] } },
      'Readiness probe errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in container: invalid argument (ERR_INVALID_ARG_VALUE)',
    ],
    [
      'a header that cannot be sent',
      { httpGet: { port: 1, httpHeaders: [{ name: 'X-Probe', value: 'a\nb' }] } },
      'Readiness probe failed: invalid argument (ERR_INVALID_CHAR)',
    ],
    [
      'a port by a name that is not there',
      { httpGet: { port: 'web' } },
      'Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "web": invalid syntax',
    ],
  ];
  for (const [what, probe, message] of failing)
    it(`tells of ${what}`, async () => {
      await create({ readinessProbe: probe });
      const text = await unhealthy();
      if (typeof message === 'string') expect(text).toBe(message);
      else expect(text).toMatch(message);
      expect(main(cluster.pods()[0] as Pod)?.ready).toBe(false);
    });

  it('asks the machine itself over HTTP and TCP, by the name of a port', async () => {
    const seen: string[] = [];
    let isGood = false;
    const server = createServer((request, response) => {
      seen.push(`${request.url} ${request.headers['user-agent']} ${request.headers['x-probe']}`);
      response.writeHead(isGood ? 204 : 503).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const httpHeaders = [{ name: 'X-Probe', value: 'yes' }];
      await create({
        ports: [{ name: 'web', containerPort: port }],
        startupProbe: { tcpSocket: { port } },
        readinessProbe: { httpGet: { port: 'web', path: '/ready?x=1', httpHeaders }, periodSeconds: 1 },
      });
      expect(await unhealthy()).toBe('Readiness probe failed: HTTP probe failed with statuscode: 503');
      isGood = true;
      await ready();
      expect(new Set(seen)).toEqual(new Set(['/ready?x=1 kube-probe/1.36 yes']));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('asks nobody but this machine: other hosts, and containers without a command, count as good', async () => {
    const readinessProbe = { httpGet: { host: '192.0.2.1', port: 80 } };
    const idle = { name: 'idle', image: 'x', readinessProbe: { exec: { command: ['false'] } } };
    await create({ readinessProbe }, { initContainers: [{ ...idle, restartPolicy: 'Always' }] });
    expect(side(await ready())?.ready).toBe(true);
  });

  it('restarts what is not alive also where it ends well, and on failure only', async () => {
    const program = 'process.on("SIGTERM", () => process.exit(0)); console.log("up"); setInterval(() => {}, 1000)';
    // The second run is alive: the first has left its mark.
    const folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
    const check =
      'const f = process.argv[1], fs = require("fs"); if (!fs.existsSync(f)) { fs.writeFileSync(f, ""); process.exit(1); }';
    const livenessProbe = {
      exec: { command: ['node', '-e', check, join(folder, 'mark')] },
      ...{ initialDelaySeconds: 1, failureThreshold: 1, timeoutSeconds: 30 },
    };
    await create({ command: ['node', '-e', program], livenessProbe }, { restartPolicy: 'OnFailure' });
    const { status } = await cluster.waitFor((view) => (main(view.pod)?.restartCount ?? 0) > 0);
    expect(status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 0 });
    rmSync(folder, { recursive: true });
  });

  it('tells nothing of a probe that the end of its container has cut off', async () => {
    const command = ['node', '-e', 'setTimeout(() => {}, 300)'];
    await create({ command, readinessProbe: { exec: { command: ['sleep', '60'] }, timeoutSeconds: 600 } });
    await cluster.waitFor((view) => view.phase === 'Succeeded');
    expect(await eventsOf(cluster, 'Unhealthy')).toEqual([]);
  });

  it('leaves no process of a probe behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
    const file = join(folder, 'pid');
    const script = 'require("fs").writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000)';
    await create({ readinessProbe: { exec: { command: ['node', '-e', script, file] }, timeoutSeconds: 600 } });
    const pid = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
    await expect.poll(pid).toBeGreaterThan(0);
    const found = pid();
    rmSync(folder, { recursive: true });
    await cluster.stop();
    // Signal 0 only asks whether there is such a process.
    await vi.waitFor(() => expect(() => process.kill(found, 0)).toThrow('ESRCH'));
  });
});
