/** Fills in templates: every text of a manifest that contains `{{ … }}`, `{% if … %}` or `{# … #}`. */
import { parse, tokenize } from '@huggingface/jinja';
import { type ConfigProblem, PodTemplatingError } from '../../errors.js';
import { below } from '../check/findings.js';
import { Evaluation, type Node } from './evaluate.js';
import { TemplateFault } from './values.js';

const OPENING = /\{[{%#]/;
/** A template is part of a pod: longer ones are a mistake, and would take long. */
const MAX_TEMPLATE_CHARS = 64 * 1024;
/** Nested deeper, the parser itself could run out of stack. */
const MAX_NESTING = 100;

/** Parsed templates by their text, so that each launch only evaluates; the oldest go first. */
const MAX_PARSED = 500;

function nesting(template: string): number {
  let [depth, most] = [0, 0];
  for (const char of template) {
    if (char === '(' || char === '[' || char === '{') depth += 1;
    else if (char === ')' || char === ']' || char === '}') depth -= 1;
    most = Math.max(most, depth);
  }
  return most + (template.match(/\{%-?\s*(el)?if\b|\bnot\b|\belse\b/g)?.length ?? 0);
}

function parseTemplate(template: string): readonly Node[] {
  if (template.length > MAX_TEMPLATE_CHARS)
    throw new TemplateFault(`must not be a template of more than ${MAX_TEMPLATE_CHARS} characters`);
  if (nesting(template) > MAX_NESTING) throw new TemplateFault(`must not be nested more than ${MAX_NESTING} deep`);
  try {
    // Jinja drops a line break at the end; in a script it belongs to the value.
    const tail = template.endsWith('\n') ? [{ type: 'StringLiteral', value: '\n' }] : [];
    return [...(parse(tokenize(template)).body as unknown as readonly Node[]), ...tail];
  } catch {
    // The library's own message may quote the template, and with it a secret.
    throw new TemplateFault(
      'is no valid template',
      "every {{ needs its }}, every {% if %} its {% endif %}; a literal {{ is written as {{ '{{' }}",
    );
  }
}

/** Renders templates; keeps what it has parsed. */
export class TemplateRenderer {
  readonly #parsed = new Map<string, readonly Node[]>();

  #nodesOf(template: string): readonly Node[] {
    const before = this.#parsed.get(template);
    if (before !== undefined) return before;
    const nodes = parseTemplate(template);
    if (this.#parsed.size >= MAX_PARSED) this.#parsed.delete(this.#parsed.keys().next().value as string);
    this.#parsed.set(template, nodes);
    return nodes;
  }

  /**
   * A copy of a manifest with all its texts filled in; names of fields stay as they are.
   * @param context what templates may use; see {@link templateContext}
   * @param origin what the manifest is, for errors, such as `template`
   * @param isNative whether a text that is one expression as a whole may become the list or object that it stands for
   * @throws PodTemplatingError with every problem at once.
   */
  render<T>(manifest: T, context: Readonly<Record<string, unknown>>, origin?: string, isNative = false): T {
    const problems: ConfigProblem[] = [];
    const evaluation = new Evaluation(context);
    const walk = (value: unknown, path: string): unknown => {
      if (typeof value === 'string') {
        if (!OPENING.test(value)) return value;
        try {
          const nodes = this.#nodesOf(value);
          return isNative ? evaluation.native(nodes) : evaluation.text(nodes);
        } catch (error) {
          if (!(error instanceof TemplateFault)) throw error;
          problems.push({
            field: path,
            rule: error.message,
            hint: error.hint,
            ...(origin === undefined ? {} : { source: origin }),
          });
          return value;
        }
      }
      if (Array.isArray(value)) return value.map((item, index) => walk(item, below(path, index)));
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, walk(part, below(path, name))]));
    };
    const rendered = walk(manifest, '') as T;
    if (problems.length > 0) throw new PodTemplatingError(problems);
    return rendered;
  }
}
