/** Values of airflow.cfg and of `AIRFLOW__…` variables: texts read as what their keys are. */
import { homedir } from 'node:os';
import type { AirflowType } from './airflow-keys.js';

/** What a text was read as, or the rule that it breaks. */
export type ReadValue = { readonly value: unknown } | { readonly rule: string; readonly hint?: string };

const BOOLEANS: Readonly<Record<string, boolean>> = {
  t: true,
  true: true,
  '1': true,
  f: false,
  false: false,
  '0': false,
};
/** Airflow allows a comment behind booleans and numbers, and only there. */
const withoutComment = (text: string) => (text.includes('#') ? (text.split('#')[0] as string) : text).trim();

function parsedJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads a text as what its key is. The text itself is never part of the answer. */
export function readAirflowValue(text: string, type: AirflowType): ReadValue {
  switch (type) {
    case 'text':
      return { value: text };
    case 'boolean': {
      const value = BOOLEANS[withoutComment(text).toLowerCase()];
      return value === undefined ? { rule: 'must be True or False' } : { value };
    }
    case 'integer':
    case 'seconds': {
      const plain = withoutComment(text);
      if (!/^[-+]?\d+(\.\d+)?$/.test(plain) || (type === 'integer' && plain.includes('.')))
        return { rule: type === 'integer' ? 'must be an integer' : 'must be a number of seconds' };
      const number = Number(plain);
      if (type === 'seconds' && number < 0) return { rule: 'must be a number of seconds of at least 0' };
      return { value: type === 'seconds' ? `${number}s` : number };
    }
    case 'list':
      return {
        value: text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      };
    default: {
      const parsed = parsedJson(text);
      const isList = type === 'jsonList';
      if (parsed === undefined || (isList ? !Array.isArray(parsed.value) : !isMap(parsed.value)))
        return {
          rule: `must be a JSON ${isList ? 'list' : 'object'}`,
          hint: isList
            ? 'for example [{"key": "gpu", "operator": "Exists"}]'
            : 'with double quotes, for example {"a": 1}',
        };
      return parsed;
    }
  }
}

/** `$VAR`, `${VAR}` and a leading `~` as Airflow expands them; variables that are not set stay as they are. */
export function expandVariables(text: string, env: Readonly<Record<string, string | undefined>>): string {
  const home = /^~(?=\/|$)/.test(text) ? `${env.HOME ?? homedir()}${text.slice(1)}` : text;
  return home.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, plain?: string) => {
    return env[(braced ?? plain) as string] ?? whole;
  });
}
