/** The terminal, as the commands see it: data goes to `out`, everything else to `err`. */
import { styleText } from 'node:util';

/** Styles that commands use. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Where a command writes. Tests pass their own. */
export interface CliIo {
  /** Writes data to standard output. */
  out(text: string): void;
  /** Writes progress and errors to standard error. */
  err(text: string): void;
  /** Whether standard error is a terminal, so that lines may be drawn over. */
  readonly isErrTty: boolean;
  /** Width of the terminal. */
  readonly columns: number;
  /** Whether colours were forbidden or asked for; `undefined` leaves it to each stream. */
  color: boolean | undefined;
  /** Styles a text for standard output or standard error. */
  style(stream: 'out' | 'err', style: Style, text: string): string;
}

interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Colours by default only on a terminal, and never against NO_COLOR (https://no-color.org). */
function wantsColor(stream: NodeJS.WriteStream, forced: boolean | undefined, env: NodeJS.ProcessEnv): boolean {
  if (forced !== undefined) return forced;
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** The process's own streams. */
export function processIo({ stdout, stderr }: Streams = process, env: NodeJS.ProcessEnv = process.env): CliIo {
  return {
    color: undefined,
    isErrTty: stderr.isTTY === true && env.TERM !== 'dumb',
    get columns() {
      return stderr.columns || 80; // some pseudo-terminals say 0
    },
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    style(stream, style, text) {
      const isColored = wantsColor(stream === 'out' ? stdout : stderr, this.color, env);
      return isColored ? styleText(style, text, { validateStream: false }) : text;
    },
  };
}
