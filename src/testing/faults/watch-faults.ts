/** Faults of watches: events that are held back, lost or sent twice, and streams whose version is too old. */
import type { Random } from '../../core/random.js';
import { fitsName } from './glob.js';
import type { FaultSpec } from './spec.js';

/** What a watch is about. */
export interface WatchFacts {
  readonly resource: string;
  readonly namespace: string;
}

/** An event's object. */
export interface EventFacts extends WatchFacts {
  readonly name: string;
}

interface Rule {
  readonly spec: FaultSpec;
  left: number;
}

const STORM_LENGTH = 10;

/** The rules of one cluster. */
export class WatchFaults {
  #rules: Rule[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds a rule; the returned function takes it away. */
  add(spec: FaultSpec): () => void {
    const unlimited = spec.fault === 'gone410Storm' ? STORM_LENGTH : Number.POSITIVE_INFINITY;
    const rule = { spec, left: spec.times ?? unlimited };
    this.#rules.push(rule);
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule);
    };
  }

  /** Takes all rules away. */
  clear(): void {
    this.#rules = [];
  }

  #meets(fault: FaultSpec['fault'], facts: WatchFacts, name?: string): boolean {
    for (const rule of this.#rules) {
      const { spec } = rule;
      if (spec.fault !== fault || rule.left <= 0) continue;
      if (spec.resource !== undefined && spec.resource !== facts.resource) continue;
      if (!fitsName(spec.namespace, facts.namespace)) continue;
      if (name !== undefined && !fitsName(spec.pod, name)) continue;
      if (spec.share !== undefined && this.#random.next() >= spec.share) continue;
      rule.left--;
      return true;
    }
    return false;
  }

  /** Whether a watch delivers nothing at present. */
  isSilent(watch: WatchFacts): boolean {
    return this.#rules.length > 0 && this.#meets('watchSilent', watch);
  }

  /** Whether a watch that is opened now is told that its version is too old. */
  isGone(watch: WatchFacts): boolean {
    return this.#rules.length > 0 && this.#meets('gone410Storm', watch);
  }

  /** How often an event is sent: once, unless a rule says never or twice. */
  copiesOf(event: EventFacts): number {
    if (this.#rules.length === 0) return 1;
    if (this.#meets('dropEvent', event, event.name)) return 0;
    return this.#meets('duplicateEvent', event, event.name) ? 2 : 1;
  }
}
