/** Values that must not be seen: they show themselves as a mark wherever they are printed, and give their value only to who asks for it. */
import { REDACTED } from './redact.js';

/** Registered, so that a value made by the CommonJS copy of the package is known to the ES module. */
const REVEAL = Symbol.for('podwright.dev/secret/reveal');
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** A secret text. Printed, logged, inspected or written as JSON it is a mark; see {@link revealSecret}. */
export interface SecretValue {
  /** Always the mark. */
  toString(): string;
  /** Always the mark. */
  toJSON(): string;
}

class Secret implements SecretValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [INSPECT](): string {
    return REDACTED;
  }

  [REVEAL](): string {
    return this.#value;
  }
}

/**
 * Marks a text as secret. As the value of a variable in an executor config it becomes part of a Kubernetes Secret that belongs to the pod, so
 * that it stands in no manifest.
 * @throws TypeError where the value is no text; the value is not part of the message.
 */
export function secret(value: string): SecretValue {
  if (typeof value !== 'string') throw new TypeError(`Expected a text for secret(), got ${typeof value}`);
  return Object.freeze(new Secret(value));
}

/** Whether a value was made by {@link secret}. */
export function isSecret(value: unknown): value is SecretValue {
  return typeof value === 'object' && value !== null && REVEAL in value;
}

/** The text of a secret. */
export function revealSecret(value: SecretValue): string {
  return (value as unknown as { [REVEAL](): string })[REVEAL]();
}
