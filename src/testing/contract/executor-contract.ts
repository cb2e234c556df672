/**
 * The contract of an executor as a list of cases, for any test runner: `for (const { name, run } of executorContract(make)) it(name, run)`.
 * Ours all pass it; put yours through it too.
 */
import assert from 'node:assert/strict';
import type { Outcome, Workload } from '../../core/outcome.js';
import type { Executor } from '../../executors/executor.js';

/** How the suite gets at an executor and at work for it. */
export interface ExecutorContractOptions {
  /** Makes a new executor that the host drives; not started. */
  readonly create: () => Executor | Promise<Executor>;
  /** Slots it has. @default 2 */
  readonly slots?: number | undefined;
  /** A command that succeeds, soon. @default Node, doing nothing */
  readonly succeeding?: readonly string[] | undefined;
  /** A command that fails, soon. @default Node, exiting with 3 */
  readonly failing?: readonly string[] | undefined;
  /** A command that runs until it is stopped. @default Node, waiting */
  readonly hanging?: readonly string[] | undefined;
  /** Queue to name in workloads, for executors that route. */
  readonly queue?: string | undefined;
  /** Called after each case, for what `create` has set up. */
  readonly cleanup?: (() => void | Promise<void>) | undefined;
}

/** One case of a suite. */
export interface ContractCase {
  /** What is promised, as a sentence. */
  readonly name: string;
  /** Rejects where the promise is broken. */
  readonly run: () => Promise<void>;
}

const NODE = process.execPath;

/** Beats an executor's heart whenever something changes, until a promise settles. */
async function drive<T>(executor: Executor, until: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = until.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {});
  while (!isSettled) {
    await executor.heartbeat();
    await Promise.race([settled.catch(() => {}), executor.changed({ timeout: 1_000 })]);
  }
  return settled;
}

const codeOf = (error: unknown) => (error as { code?: string }).code;

async function rejectsWith(code: string, act: () => unknown): Promise<void> {
  await assert.rejects(
    async () => act(),
    (error) => codeOf(error) === code,
    `expected an error with code ${code}`,
  );
}

/** The cases of the executor contract. */
export function executorContract(options: ExecutorContractOptions): readonly ContractCase[] {
  const succeeding = options.succeeding ?? [NODE, '-e', ''];
  const { slots = 2 } = options;
  const failing = options.failing ?? [NODE, '-e', 'process.exit(3)'];
  const hanging = options.hanging ?? [NODE, '-e', 'setInterval(() => {}, 1000)'];
  const key = (taskId: string, tryNumber = 1) => ({ dagId: 'contract', taskId, runId: 'r', tryNumber, mapIndex: -1 });
  const work = (taskId: string, command: readonly string[], priority = 0): Workload => ({
    key: key(taskId),
    command,
    priority,
    queue: options.queue,
  });

  const withExecutor = (name: string, test: (executor: Executor) => Promise<void>): ContractCase => ({
    name,
    run: async () => {
      const executor = await options.create();
      await executor.start();
      try {
        await test(executor);
      } finally {
        await executor.terminate();
        await options.cleanup?.();
      }
    },
  });

  return [
    withExecutor('a task that succeeds ends in one success', async (executor) => {
      const outcomes: Outcome[] = [];
      executor.on('outcome', (outcome) => void outcomes.push(outcome));
      const run = executor.queueTask(work('a', succeeding));
      const outcome = await drive(executor, run.outcome);
      assert.equal(outcome.state, 'success');
      assert.deepEqual(outcome.key, key('a'));
      assert.equal(run.state, 'success');
      assert.deepEqual(outcomes, [outcome]);
    }),
    withExecutor(
      'a task that fails ends in one failure with a verdict that says why and what to do',
      async (executor) => {
        const outcome = await drive(executor, executor.queueTask(work('a', failing)).outcome);
        assert.ok(outcome.state === 'failed');
        assert.notEqual(outcome.verdict.message, '');
        assert.notEqual(outcome.verdict.hint, '');
        assert.ok(!/\b(null|undefined)\b/.test(outcome.verdict.message), `an empty reason: ${outcome.verdict.message}`);
      },
    ),
    withExecutor('the event buffer gives each end once, and only of the dags asked for', async (executor) => {
      await drive(executor, executor.queueTask(work('a', succeeding)).outcome);
      assert.equal(executor.getEventBuffer(['another']).size, 0);
      const [entry] = [...executor.getEventBuffer(['contract'])];
      assert.deepEqual(entry?.[0], key('a'));
      assert.equal(entry?.[1].state, 'success');
      assert.equal(executor.getEventBuffer().size, 0);
    }),
    withExecutor('a key that is queued or running is refused', async (executor) => {
      executor.queueTask(work('a', hanging));
      await rejectsWith('ERR_PODWRIGHT_DUPLICATE_TASK', () => executor.queueTask(work('a', succeeding)));
      await executor.heartbeat();
      await rejectsWith('ERR_PODWRIGHT_DUPLICATE_TASK', () => executor.queueTask(work('a', succeeding)));
    }),
    withExecutor('a key whose try has ended is refused, the next try is not', async (executor) => {
      await drive(executor, executor.queueTask(work('a', failing)).outcome);
      await rejectsWith('ERR_PODWRIGHT_DUPLICATE_TASK', () => executor.queueTask(work('a', succeeding)));
      const next = executor.queueTask({ ...work('a', succeeding), key: key('a', 2) });
      assert.equal((await drive(executor, next.outcome)).state, 'success');
    }),
    withExecutor('a command that is no list of strings is refused and nothing is queued', async (executor) => {
      for (const command of [[], [''], 'echo', [1], undefined])
        await rejectsWith('ERR_PODWRIGHT_INVALID_WORKLOAD', () =>
          executor.queueTask({ key: key('a'), command: command as string[], queue: options.queue }),
        );
      assert.equal(executor.slotsOccupied, 0);
    }),
    withExecutor('a key without its parts is refused', async (executor) => {
      await rejectsWith('ERR_PODWRIGHT_INVALID_KEY', () =>
        executor.queueTask({ key: { dagId: 'd', taskId: '', runId: 'r' }, command: succeeding, queue: options.queue }),
      );
    }),
    withExecutor('slots count what is queued and what runs, and come back', async (executor) => {
      assert.equal(executor.slotsFor(options.queue), slots);
      const runs = Array.from({ length: slots + 1 }, (_, index) => executor.queueTask(work(`t${index}`, succeeding)));
      assert.equal(executor.slotsOccupied, slots + 1);
      assert.equal(executor.slotsFor(options.queue), 0);
      await drive(executor, Promise.all(runs.map((run) => run.outcome)));
      assert.equal(executor.slotsOccupied, 0);
      assert.equal(executor.slotsFor(options.queue), slots);
    }),
    withExecutor('higher priorities are launched first', async (executor) => {
      const launched: string[] = [];
      executor.on('task:launched', ({ key: { taskId } }) => void launched.push(taskId));
      const runs = [work('low', succeeding, 1), work('high', succeeding, 9), work('mid', succeeding, 5)].map((one) =>
        executor.queueTask(one),
      );
      await drive(executor, Promise.all(runs.map((run) => run.outcome)));
      assert.deepEqual(launched, ['high', 'mid', 'low']);
    }),
    withExecutor('hasTask knows what is queued and what runs, and nothing else', async (executor) => {
      assert.equal(executor.hasTask(key('a')), false);
      const run = executor.queueTask(work('a', succeeding));
      assert.equal(executor.hasTask(key('a')), true);
      assert.equal(executor.getRun(key('a')), run);
      await drive(executor, run.outcome);
      assert.equal(executor.hasTask(key('a')), false);
    }),
    withExecutor('a listener that throws breaks nothing and is reported', async (executor) => {
      const reported: unknown[] = [];
      executor.on('listener:error', ({ error }) => void reported.push((error as Error).message));
      executor.on('outcome', () => {
        throw new Error('thrown by a listener');
      });
      executor.on('outcome', () => Promise.reject(new Error('rejected by a listener')));
      await drive(executor, executor.queueTask(work('a', succeeding)).outcome);
      await drive(executor, executor.queueTask(work('b', succeeding)).outcome);
      assert.deepEqual(reported.sort(), [
        'rejected by a listener',
        'rejected by a listener',
        'thrown by a listener',
        'thrown by a listener',
      ]);
    }),
    withExecutor('a queued task that is cancelled never starts', async (executor) => {
      const run = executor.queueTask(work('a', hanging));
      assert.equal((await executor.cancel(key('a'))).observed, 'not_started');
      const outcome = await run.outcome;
      assert.ok(outcome.state === 'failed' && outcome.verdict.kind === 'cancelled');
      assert.equal(executor.slotsOccupied, 0);
    }),
    withExecutor('a running task that is cancelled ends as cancelled and frees its slot', async (executor) => {
      const run = executor.queueTask(work('a', hanging));
      await executor.heartbeat();
      await executor.cancel(key('a'), { grace: '1s' });
      const outcome = await drive(executor, run.outcome);
      assert.ok(outcome.state === 'failed' && outcome.verdict.kind === 'cancelled', `got ${JSON.stringify(outcome)}`);
      assert.equal(executor.slotsOccupied, 0);
    }),
    withExecutor('cancelling an unknown task is an error that says so', async (executor) => {
      await rejectsWith('ERR_PODWRIGHT_UNKNOWN_TASK', () => executor.cancel(key('nobody')));
    }),
    withExecutor('a revoked task leaves no event', async (executor) => {
      const run = executor.queueTask(work('a', hanging));
      await executor.revokeTask(key('a'));
      assert.equal((await run.outcome).state, 'failed');
      assert.equal(executor.getEventBuffer().size, 0);
      assert.equal(executor.hasTask(key('a')), false);
      await executor.revokeTask(key('a'));
    }),
    withExecutor('tasks that nobody launched are not adopted', async (executor) => {
      assert.deepEqual(await executor.tryAdoptTaskInstances([key('ghost')]), [key('ghost')]);
      assert.equal(await executor.adoptLaunchedTask(key('ghost')), false);
    }),
    withExecutor('outcomes can be iterated over and end with the executor', async (executor) => {
      const outcomes = executor.outcomes();
      executor.queueTask(work('a', succeeding));
      executor.queueTask(work('b', failing));
      const states: string[] = [];
      const all = (async () => {
        for await (const outcome of outcomes) {
          states.push(outcome.state);
          if (states.length === 2) break;
        }
      })();
      await drive(executor, all);
      assert.deepEqual(states.sort(), ['failed', 'success']);
    }),
    withExecutor('run() drives without heartbeats until its signal aborts', async (executor) => {
      const stop = new AbortController();
      const running = executor.run({ signal: stop.signal });
      const runs = ['a', 'b', 'c', 'd'].map((name) => executor.queueTask(work(name, succeeding)));
      for (const run of runs) assert.equal((await run.outcome).state, 'success');
      stop.abort();
      await running;
    }),
    withExecutor('end() lets what runs finish and cancels what never started', async (executor) => {
      const first = Array.from({ length: slots }, (_, index) => executor.queueTask(work(`t${index}`, succeeding)));
      await executor.heartbeat();
      const late = executor.queueTask(work('late', succeeding));
      const report = await executor.end();
      for (const run of first) assert.equal((await run.outcome).state, 'success');
      const outcome = await late.outcome;
      assert.ok(
        outcome.state === 'failed' && outcome.verdict.kind === 'cancelled' && outcome.verdict.mainStarted === false,
      );
      assert.deepEqual(report.notStarted, [key('late')]);
      assert.deepEqual(await executor.end(), report);
    }),
    withExecutor('terminate() ends everything and says what was stopped', async (executor) => {
      const run = executor.queueTask(work('a', hanging));
      await executor.heartbeat();
      const report = await executor.terminate();
      assert.deepEqual(report.stopped, [key('a')]);
      const outcome = await run.outcome;
      assert.ok(outcome.state === 'failed' && outcome.verdict.kind === 'cancelled');
    }),
    {
      name: 'use before start() and after end() is refused',
      run: async () => {
        const executor = await options.create();
        try {
          await rejectsWith('ERR_PODWRIGHT_NOT_STARTED', () => executor.queueTask(work('a', succeeding)));
          await rejectsWith('ERR_PODWRIGHT_NOT_STARTED', () => executor.heartbeat());
          await executor.start();
          await executor.end();
          await rejectsWith('ERR_PODWRIGHT_CLOSED', () => executor.queueTask(work('a', succeeding)));
          await rejectsWith('ERR_PODWRIGHT_CLOSED', () => executor.heartbeat());
          await rejectsWith('ERR_PODWRIGHT_CLOSED', () => executor.start());
        } finally {
          await options.cleanup?.();
        }
      },
    },
  ];
}

/** Where {@link describeExecutorContract} registers its cases: vitest, jest and node:test all have these two. */
export interface TestRunner {
  /** Groups cases. */
  readonly describe: (name: string, body: () => void) => void;
  /** Registers a case. */
  readonly it: (name: string, run: () => Promise<void>) => void;
}

/**
 * Registers the contract with a test runner: by default with the global `describe` and `it`.
 * @throws Error where there are no such globals and no runner is given.
 */
export function describeExecutorContract(
  name: string,
  create: ExecutorContractOptions['create'] | ExecutorContractOptions,
  runner?: TestRunner,
): void {
  const { describe, it } = runner ?? (globalThis as unknown as Partial<TestRunner>);
  if (describe === undefined || it === undefined)
    throw new Error(
      'describeExecutorContract needs a test runner: pass { describe, it }, from vitest or node:test for example',
    );
  const options = typeof create === 'function' ? { create } : create;
  describe(`${name} meets the executor contract`, () => {
    for (const { name: title, run } of executorContract(options)) it(title, run);
  });
}
