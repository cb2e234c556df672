/** Plain values that templates work on, and how they refuse. */

/** A value that has one text. */
export type Scalar = string | number | boolean | null;

/** What is wrong with a template; the message never shows a value of the context. */
export class TemplateFault extends Error {
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(rule: string, hint?: string) {
    super(rule);
    this.hint = hint;
  }
}

/** Ends the evaluation. */
export function refused(rule: string, hint?: string): never {
  throw new TemplateFault(rule, hint);
}

/** The mark of a name that is not there. */
export class Missing {
  readonly path: string;
  readonly known: readonly string[];

  constructor(path: string, known: readonly string[]) {
    this.path = path;
    this.known = known;
  }
}
