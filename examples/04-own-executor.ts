/**
 * An executor of one's own: it runs each task as a function of this program, looked up by the first word of the command.
 * Run it: npx tsx examples/04-own-executor.ts
 */
import { BaseExecutor, type BaseExecutorOptions, type QueuedTask } from 'podwright';

type TaskFunction = (args: readonly string[], signal: AbortSignal) => Promise<string>;

class FunctionExecutor extends BaseExecutor {
  readonly #functions: Readonly<Record<string, TaskFunction>>;

  constructor(functions: Readonly<Record<string, TaskFunction>>, options: BaseExecutorOptions = {}) {
    super(options);
    this.#functions = functions;
  }

  protected async launch(task: QueuedTask, signal: AbortSignal): Promise<void> {
    const [name = '', ...args] = task.command;
    const run = this.#functions[name];
    if (run === undefined) {
      this.fail(task.key, `There is no function "${name}"`);
      return;
    }
    this.changeState(task.key, 'running', `function ${name}`);
    // A function that throws fails the task: the base class takes the error as the reason.
    this.success(task.key, { result: await run(args, signal) });
  }
}

const executor = new FunctionExecutor(
  { greet: async ([whom]) => `hello, ${whom}` },
  { parallelism: 2, drive: 'self', name: 'FunctionExecutor' },
);
await executor.start();

const key = { dagId: 'demo', runId: 'r1' };
const greeting = await executor.queueTask({ key: { ...key, taskId: 'greet' }, command: ['greet', 'world'] }).outcome;
console.log(`${greeting.state}: ${greeting.result}`);

const missing = await executor.queueTask({ key: { ...key, taskId: 'dance' }, command: ['dance'] }).outcome;
if (missing.state === 'failed') console.log(`failed: ${missing.verdict.message}`);

await executor.end();
