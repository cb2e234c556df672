/** What all validation shares: the list of faults that is filled, and readers of untyped values. */
import { isMap, type JsonMap } from '../json.js';
import { type FieldFault, fault } from '../status.js';

/** The maps of a list, in order. */
export const maps = (value: unknown): JsonMap[] => (Array.isArray(value) ? value.filter(isMap) : []);

/** A map, empty where the value is none. */
export const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** A text, empty where the value is none. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Faults that are found one after the other. */
export class Faults {
  readonly list: FieldFault[] = [];

  add(...faults: FieldFault[]): void {
    this.list.push(...faults);
  }

  /** One fault for each problem. */
  problems(field: string, value: unknown, problems: readonly (string | undefined)[]): void {
    for (const problem of problems) if (problem !== undefined) this.add(fault.invalid(field, value, problem));
  }

  /** A value that must be one of those allowed; they are told in order of their letters. */
  oneOf(field: string, value: unknown, allowed: readonly string[]): void {
    if (value !== undefined && !allowed.includes(value as string))
      this.add(fault.unsupported(field, value, [...allowed].sort()));
  }

  required(field: string, value: unknown, why = ''): void {
    if (value === undefined || value === null || value === '') this.add(fault.required(field, why));
  }

  /** A number that must not be negative. */
  notNegative(field: string, value: unknown): void {
    if (typeof value === 'number' && value < 0)
      this.add(fault.invalid(field, value, 'must be greater than or equal to 0'));
  }

  /** A number that must lie between two others. */
  between(field: string, value: unknown, low: number, high: number): void {
    if (typeof value === 'number' && (value < low || value > high))
      this.add(fault.invalid(field, value, `must be between ${low} and ${high}, inclusive`));
  }
}
