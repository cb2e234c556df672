/** The result that a pod leaves. */
import type { SchemaObject } from 'ajv';
import { ConfigError } from '../errors.js';
import { PodResultError } from './operator-errors.js';
import { RESULT_LIMITS, type ResolvedResult } from './read-options.js';

/** Beginning of a result's line in a log; the number of its bytes and another colon follow. */
const MARK = 'podwright-result:';
const SHAPE = /^podwright-result:(\d{1,9}):(.*)$/s;

/** Whether a line of a log carries a result. */
export const isResultLine = (text: string): boolean => text.startsWith(MARK);

type Validate = (value: unknown) => readonly string[];

/**
 * Makes the check of a result.
 * @throws ConfigError where the schema is none.
 */
export async function compileSchema(schema: object | undefined): Promise<Validate> {
  if (schema === undefined) return () => [];
  const { Ajv } = await import('ajv');
  const ajv = new Ajv({ allErrors: true, strict: false });
  try {
    const validate = ajv.compile(schema as SchemaObject);
    return (value) =>
      validate(value)
        ? []
        : (validate.errors ?? []).map(
            ({ instancePath, message }) => `${instancePath || 'it'} ${message ?? 'is wrong'}`,
          );
  } catch (error) {
    const rule = `must be a JSON Schema: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ field: 'result.schema', rule }], { subject: 'pod operator', cause: error });
  }
}

const bytesOf = (text: string) => Buffer.byteLength(text, 'utf8');

function absent({ from, path }: ResolvedResult, pod: string | undefined): PodResultError {
  const where = { message: 'its termination message', file: path, log: `a line of its log that begins with ${MARK}` };
  return new PodResultError('absent', `Pod ${pod} has succeeded and left no result in ${where[from]}`, {
    pod,
    hint:
      from === 'log'
        ? `Let it print ${MARK}<bytes>:<result> as one line.`
        : 'Let it write its result there before it ends; PODWRIGHT_TERMINATION_LOG holds the path.',
  });
}

/** The text of a result, whole. @throws PodResultError */
function textOf(given: string | undefined, options: ResolvedResult, pod: string | undefined): string {
  if (given === undefined || given === '') throw absent(options, pod);
  const { from, maxBytes } = options;
  const match = from === 'log' ? SHAPE.exec(given) : undefined;
  if (from === 'log' && match === null) throw absent(options, pod);
  const text = match?.[2] ?? given;
  const size = bytesOf(text);
  const announced = match === undefined || match === null ? size : Number(match[1]);
  // The kubelet hands over no more than its limit, and says nothing of what it has cut.
  const isCut = from !== 'log' && size >= RESULT_LIMITS[from];
  if (announced > maxBytes || size > maxBytes || isCut)
    throw new PodResultError('too_large', `The result of pod ${pod} is larger than ${maxBytes} bytes`, {
      pod,
      hint:
        from === 'log'
          ? 'Store what is larger elsewhere, and leave its address as the result.'
          : "Kubernetes hands over 4096 bytes at most: take result.from 'log', or store it elsewhere and leave its address.",
    });
  if (announced !== size)
    throw new PodResultError('truncated', `The result of pod ${pod} has ${size} bytes, not the ${announced} it names`, {
      pod,
      hint: 'The number before the result is that of its bytes in UTF-8, not of its characters.',
    });
  return text;
}

/**
 * Reads a result.
 * @throws PodResultError
 */
export function parseResult(
  given: string | undefined,
  options: ResolvedResult,
  validate: Validate,
  pod: string | undefined,
): unknown {
  const text = textOf(given, options, pod);
  if (options.format === 'text') return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error of the parser quotes the text, which may hold anything.
    throw new PodResultError('not_json', `The result of pod ${pod} is not JSON`, {
      pod,
      hint: "Write JSON, or take result.format 'text'.",
    });
  }
  const problems = validate(value);
  if (problems.length > 0)
    throw new PodResultError('schema', `The result of pod ${pod} does not meet its schema: ${problems.join('; ')}`, {
      pod,
    });
  return value;
}
