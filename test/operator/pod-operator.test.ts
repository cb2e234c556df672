import { describe, expect, test } from 'vitest';
import type { LogLine } from '../../src/core/outcome.js';
import { secret } from '../../src/core/secret.js';
import { ConfigError, InvalidPodError } from '../../src/errors.js';
import { PodFailedError, PodResultError } from '../../src/operator/operator-errors.js';
import { type ExecuteOptions, KubernetesPodOperator } from '../../src/operator/pod-operator.js';
import type { Pod } from '../../src/wire/types.js';
import { any, KubeKit, ours } from '../executors/kube-kit.js';

type Options = ConstructorParameters<typeof KubernetesPodOperator>[0];

const context = { dagId: 'dag', runId: 'run' };
const play = (parts: Record<string, string>) => ({
  annotations: Object.fromEntries(
    Object.entries(parts).map(([name, value]) => [`testing.podwright.dev/${name}`, value]),
  ),
});

describe('options', () => {
  const rendered = (options: Options) => new KubernetesPodOperator(options).render(context);
  const base = (pod: Pod) => pod.spec?.containers[0];

  test('the two steps of the usual example become the pods that it describes', () => {
    const pod = rendered({
      image: 'ubuntu:16.04',
      namespace: 'airflow-k8spodoperator',
      cmds: ['bash', '-cx'],
      arguments: ['echo', '10'],
      labels: { foo: 'bar' },
      name: 'test-using-k8spodoperator-task-1',
      task_id: 'task-1-echo',
      is_delete_operator_pod: false,
      in_cluster: true,
    });
    expect(pod.metadata?.name).toMatch(/^test-using-k8spodoperator-task-1-[a-z2-7]{14}$/);
    expect(pod.metadata).toMatchObject({
      namespace: 'airflow-k8spodoperator',
      labels: { foo: 'bar', 'podwright.dev/task-id': 'task-1-echo', 'podwright.dev/dag-id': 'dag' },
    });
    expect(base(pod)).toMatchObject({ image: 'ubuntu:16.04', command: ['bash', '-cx'], args: ['echo', '10'] });
  });

  test('an image keeps its own entry point where none is given, and a template its own', () => {
    expect(base(rendered({ image: 'any' }))).not.toHaveProperty('command');
    const fullPodSpec = { spec: { containers: [{ name: 'base', image: 'x', command: ['run'], args: ['a'] }] } };
    expect(base(rendered({ fullPodSpec, arguments: ['b'] }))).toMatchObject({ command: ['run'], args: ['b'] });
  });

  test('everything that is said about the pod stands in it', () => {
    const pod = rendered({
      image: 'any',
      env_vars: { A: '1' },
      secrets: [{ deployType: 'env', deployTarget: 'PASSWORD', secret: 'db', key: 'password' }],
      volumes: [{ name: 'v', emptyDir: {} }],
      volume_mounts: [{ name: 'v', mountPath: '/v' }],
      container_resources: { requests: { cpu: '1' }, limits: { memory: '1Gi' } },
      init_containers: [{ name: 'i', image: 'any' }],
      image_pull_secrets: ['registry'],
      service_account_name: 'runner',
      security_context: { runAsUser: 1 },
      container_security_context: { runAsNonRoot: true },
      node_selector: { disk: 'ssd' },
      affinity: { nodeAffinity: {} },
      tolerations: [{ key: 'gpu', operator: 'Exists' }],
      priority_class_name: 'high',
      termination_grace_period: 5,
      active_deadline_seconds: 60,
      hostNetwork: true,
    });
    expect(pod.spec).toMatchObject({
      serviceAccountName: 'runner',
      imagePullSecrets: [{ name: 'registry' }],
      securityContext: { runAsUser: 1 },
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'gpu' }],
      priorityClassName: 'high',
      terminationGracePeriodSeconds: 5,
      activeDeadlineSeconds: 60,
      hostNetwork: true,
      initContainers: [{ name: 'i' }],
      volumes: [{ name: 'v' }],
    });
    expect(base(pod)).toMatchObject({
      securityContext: { runAsNonRoot: true },
      resources: { requests: { cpu: '1' } },
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    });
    expect(base(pod)?.env).toContainEqual({ name: 'A', value: '1' });
  });

  test('wrong input is named, all at once, and an environment is never part of a message', async () => {
    const wrong = { imag: 'x', cmds: 'echo 10', on_finish_action: 'delete', env_vars: 'S3CRET', skip_on_exit_code: 0 };
    const error = (() => {
      try {
        return new KubernetesPodOperator(wrong as never);
      } catch (caught) {
        return caught as ConfigError;
      }
    })() as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.problems.map(({ field }) => field)).toEqual([
      ...['imag', 'cmds', 'on_finish_action', 'env_vars', 'skip_on_exit_code', 'image'],
    ]);
    expect(error.message).toContain('did you mean image?');
    expect(error.message).not.toContain('S3CRET');
    for (const result of [{ from: 'xcom' }, { path: 'x' }, { maxBytes: 5_000 }, { schemas: {} }, { format: 'yaml' }])
      expect(() => new KubernetesPodOperator({ image: 'x', result: result as never })).toThrow(/result\./);
    expect(() => new KubernetesPodOperator(undefined as never)).toThrow(ConfigError);
    const noContext = new KubernetesPodOperator({ image: 'x' }).execute({ context: null as never });
    await expect(noContext).rejects.toThrow(/context must be an object/);
    expect(() => rendered({ image: 'x', labels: { 'no good': 'x' } })).toThrow(InvalidPodError);
  });
});

describe('execute', () => {
  const kit = KubeKit.use();

  async function settled<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    work.then(
      () => {
        isOver = true;
      },
      () => {
        isOver = true;
      },
    );
    await kit.cluster.clock.advanceUntil(() => isOver);
    return work;
  }
  const operator = (options: Partial<Options> = {}) =>
    new KubernetesPodOperator({
      image: 'any',
      name: 'step',
      kubeClient: kit.cluster.kubeClient(),
      clock: kit.cluster.clock,
      ...options,
    });
  const execute = (options: Partial<Options> = {}, how: ExecuteOptions = { context }) =>
    settled(operator(options).execute(how));

  test('one create, one delete, the log as it comes, and the end', async () => {
    const lines: LogLine[] = [];
    const done = await execute({ ...play({ log: 'hello' }), onLog: (line) => lines.push(line) });
    expect(done).toMatchObject({ state: 'success', exitCode: 0, launches: 1, result: undefined });
    expect(done.pod).toMatch(/^default\/step-/);
    expect(lines.map(({ text }) => text)).toEqual(['hello']);
    expect([kit.created(), kit.count('delete', 'pods'), kit.cluster.pods().length]).toEqual([1, 1, 0]);
    expect(kit.cluster.openWatches).toBe(0);
  });

  test('a failed pod rejects with the verdict, and its evidence', async () => {
    const error = await execute(play({ 'exit-code': '3' })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PodFailedError);
    expect(error).toMatchObject({ verdict: { kind: 'app_exit', blame: 'task' }, outcome: { exitCode: 3 } });
    expect(kit.cluster.pods()).toEqual([]);
  });

  test('on_finish_action keeps what it says', async () => {
    await execute({ onFinishAction: 'delete_succeeded_pod', ...play({ 'exit-code': '1' }) }).catch(() => {});
    expect(kit.cluster.pods()).toHaveLength(1);
    await execute({ name: 'a', is_delete_operator_pod: false }, {});
    expect(kit.cluster.pods()).toHaveLength(2);
    await execute({ name: 'b', onFinishAction: 'delete_succeeded_pod' }, {});
    expect(kit.cluster.pods()).toHaveLength(2);
  });

  test('an exit code that means nothing to do is a skip', async () => {
    const skipped = await execute({ ...play({ 'exit-code': '99' }), skipOnExitCode: [98, 99] });
    expect(skipped).toMatchObject({ state: 'skipped', exitCode: 99 });
  });

  test('what the infrastructure breaks is launched again within the step', async () => {
    void kit.cluster.when(ours).evict();
    expect(await execute({ retry: { infra: { max: 1 } } })).toMatchObject({ state: 'success', launches: 2 });
    expect(kit.created()).toBe(2);
  });

  test('the start has its limit', async () => {
    const stuck = execute({
      ...play({ 'start-delay': '1h' }),
      startupTimeout: '2m',
      retry: { infra: { max: 0 } },
    });
    await expect(stuck).rejects.toMatchObject({ verdict: { kind: 'deadline.pending' } });
    expect(kit.cluster.pods()).toEqual([]);
  });

  test('a step whose signal aborts deletes its pod and rejects with the reason', async () => {
    const abort = new AbortController();
    const reason = new Error('the host stops');
    void kit.cluster.waitFor(ours).then(() => abort.abort(reason));
    const running = execute(play({ duration: '1h' }), { context, signal: abort.signal });
    await expect(running).rejects.toBe(reason);
    expect(kit.cluster.pods()).toEqual([]);
    expect(kit.cluster.openWatches).toBe(0);
    await expect(execute({}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(kit.created()).toBe(1);
  });

  test('a process that was killed leaves a pod that the next one takes up, running or ended', async () => {
    const first = operator({ ...play({ duration: '10m', message: '{"rows":1}' }), result: true });
    void first.execute({ context }).catch(() => {});
    await kit.cluster.waitFor(ours);
    // The second process stands beside the first, whose watch is cut off.
    const second = operator({ ...play({ duration: '10m', message: '{"rows":1}' }), result: true });
    expect(await settled(second.execute({ context }))).toMatchObject({ result: { rows: 1 }, launches: 1 });
    expect(kit.created()).toBe(1);
    await settled(operator({ reattachOnRestart: false }).execute({ context }));
    expect(kit.created()).toBe(2);
  });

  test('a pod that ended while nobody was there is taken up with its result', async () => {
    const client = kit.cluster.kubeClient();
    const options = { ...play({ message: '"done"' }), result: true, onFinishAction: 'keep_pod' } as const;
    const pod = operator(options).render(context);
    await client.createPod('default', pod);
    await kit.cluster.waitFor(({ phase }) => phase === 'Succeeded');
    expect(await execute(options)).toMatchObject({ state: 'success', result: 'done' });
    expect(kit.created()).toBe(1);
  });

  test('deferred, it holds a watch and nothing else, and reads the log at the end', async () => {
    const lines: string[] = [];
    const waiting = operator({
      ...play({ duration: '1h', log: 'late' }),
      deferrable: true,
      onLog: ({ text }) => lines.push(text),
    }).execute({ context });
    await kit.cluster.waitFor(ours);
    await kit.cluster.clock.advance('30m');
    expect([kit.cluster.openWatches, lines.length, kit.count('get', 'pods/log')]).toEqual([1, 0, 0]);
    await settled(waiting);
    expect(lines).toEqual(['late']);
  });

  test('a secret value stands in no manifest, and the pod refers to the Secret of its own name', async () => {
    const running = operator({ env_vars: { PASSWORD: secret('hush') }, ...play({ duration: '1m' }) }).execute({
      context,
    });
    const pod = await kit.cluster.waitFor(any);
    const variable = pod.spec?.containers[0]?.env?.find(({ name }) => name === 'PASSWORD');
    expect(variable?.valueFrom?.secretKeyRef).toEqual({ name: pod.metadata?.name, key: 'PASSWORD' });
    await settled(running);
  });

  describe('a result', () => {
    const result = (message: string, options: object = {}) =>
      execute({ ...play(message === '' ? {} : { message }), result: options }, {});
    const problem = (message: string, options: object = {}) =>
      result(message, options).then(
        () => 'none',
        (error: PodResultError) => {
          expect(error).toBeInstanceOf(PodResultError);
          expect(error.message).not.toContain('S3CRET');
          return error.problem;
        },
      );

    test('is JSON from the termination message, or any text', async () => {
      expect((await result('{"rows": 42}')).result).toEqual({ rows: 42 });
      expect((await result('free text', { format: 'text' })).result).toBe('free text');
      expect((await result(`"${'x'.repeat(3_000)}"`)).result).toHaveLength(3_000);
    });

    test('comes from a file by way of the kubelet, without a sidecar', async () => {
      const options = { image: 'any', do_xcom_push: true };
      const pod = new KubernetesPodOperator(options).render();
      expect(pod.spec?.containers).toHaveLength(1);
      expect(pod.spec?.containers[0]?.terminationMessagePath).toBe('/airflow/xcom/return.json');
      expect((await result('[1]', { from: 'file', path: '/tmp/result.json' })).result).toEqual([1]);
    });

    test('comes from a marked line of the log, whole', async () => {
      const text = JSON.stringify({ text: 'é'.repeat(5_000) });
      const log = `begin\npodwright-result:${Buffer.byteLength(text)}:${text}\nend`;
      const done = await execute({ ...play({ log }), result: { from: 'log' } }, {});
      expect(done.result).toEqual(JSON.parse(text));
      const wrong = execute({ ...play({ log: 'podwright-result:9:{}' }), result: { from: 'log' } }, {});
      await expect(wrong).rejects.toMatchObject({ problem: 'truncated' });
    });

    test('that is missing, too large, no JSON or against its schema is an error of its own', async () => {
      expect(await problem('')).toBe('absent');
      expect(await problem('{S3CRET')).toBe('not_json');
      expect(await problem(`"${'x'.repeat(100)}"`, { maxBytes: 50 })).toBe('too_large');
      expect(await problem('x'.repeat(4_096))).toBe('too_large');
      const schema = { type: 'object', required: ['rows'], properties: { rows: { type: 'integer' } } };
      expect(await problem('{"rows": "S3CRET"}', { schema })).toBe('schema');
      expect((await result('{"rows": 1}', { schema })).result).toEqual({ rows: 1 });
      await expect(result('1', { schema: { type: 'nothing' } })).rejects.toBeInstanceOf(ConfigError);
    });
  });
});
