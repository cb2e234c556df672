/** Turns what a command throws into a message and an exit code. */
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { type ConfigProblem, PodwrightError, problemLine } from '../errors.js';
import type { CliIo } from './io.js';
import { packageRoot } from './package-root.js';

/** Exit codes of the command. */
export const EXIT = { ok: 0, tasksFailed: 1, usage: 2, config: 3, unreachable: 4 } as const;

/** Ends a command with a message and an exit code, without a stack. */
export class CommandFailure extends Error {
  /** Exit code; see {@link EXIT}. */
  readonly exitCode: number;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(message: string, exitCode: number, hint?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

const docsOf = (code: string): string => `${join(packageRoot(), 'docs', 'errors.md')}#${code.toLowerCase()}`;

function exitCodeOf({ code }: PodwrightError): number {
  switch (code) {
    case 'ERR_PODWRIGHT_CONFIG':
    case 'ERR_PODWRIGHT_POD_TEMPLATE':
    case 'ERR_PODWRIGHT_EXECUTOR_CONFIG':
    case 'ERR_PODWRIGHT_INVALID_WORKLOAD':
    case 'ERR_PODWRIGHT_INVALID_KEY':
    case 'ERR_PODWRIGHT_KUBECONFIG':
      return EXIT.config;
    case 'ERR_PODWRIGHT_KUBE_CONNECTION':
      return EXIT.unreachable;
    default:
      return EXIT.tasksFailed;
  }
}

/** An error of the file system names the file and the reason; its stack helps nobody. */
const isFileError = (error: Error): boolean => 'syscall' in error && 'path' in error;

/** Many problems are easier to work through one a line. */
function messageOf(error: Error): string {
  const { problems } = error as { readonly problems?: readonly ConfigProblem[] };
  if (!(error instanceof PodwrightError) || problems === undefined || problems.length < 2) return error.message;
  const subject = error.message.slice(0, error.message.indexOf(': '));
  return [`${subject}: ${problems.length} problems`, ...problems.map((one) => `  ${problemLine(one)}`)].join('\n');
}

/** Prints an error the way a user can act on; resolves to the exit code. */
export function reportFailure(error: unknown, io: CliIo, isDebug: boolean): number {
  // Commander has printed its own message by now; help and version come this way, too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const label = io.style('err', 'red', 'error');
  if (!(error instanceof Error)) {
    io.err(`${label}: ${String(error)}\n`);
    return EXIT.tasksFailed;
  }
  io.err(`${label}: ${messageOf(error)}\n`);
  const hint = error instanceof PodwrightError || error instanceof CommandFailure ? error.hint : undefined;
  if (hint !== undefined) io.err(`${io.style('err', 'cyan', 'hint')}: ${hint}\n`);
  if (error instanceof PodwrightError) io.err(io.style('err', 'dim', `${error.code}: ${docsOf(error.code)}\n`));
  if (isDebug) io.err(`${error.stack ?? ''}\n${error.cause === undefined ? '' : `caused by ${String(error.cause)}\n`}`);
  if (error instanceof CommandFailure) return error.exitCode;
  if (error instanceof PodwrightError) return exitCodeOf(error);
  if (isFileError(error)) return EXIT.config;
  if (!isDebug) io.err('This is not an expected error; run again with --debug for its stack.\n');
  return EXIT.tasksFailed;
}
