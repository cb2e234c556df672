/** Startup, readiness and liveness probes of one run of a container, by the kubelet's rules, on the cluster's clock. */
import type { Clock } from '../../core/clock.js';
import type { Container } from '../../wire/types.js';

/** What a probe is for. */
export type ProbeKind = 'startup' | 'readiness' | 'liveness';

/** An HTTP probe. */
export interface HttpGetAction {
  readonly host?: string;
  readonly path?: string;
  readonly port: number | string;
  readonly scheme?: string;
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
}

/** A probe, as it stands in a container. */
export interface ProbeSpec {
  readonly exec?: { readonly command?: readonly string[] };
  readonly httpGet?: HttpGetAction;
  readonly tcpSocket?: { readonly host?: string; readonly port: number | string };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
  readonly terminationGracePeriodSeconds?: number;
}

/** What a probe found. */
export interface ProbeResult {
  readonly isGood: boolean;
  /** Text for the event of a failure. */
  readonly output?: string | undefined;
  /** Why it could not be carried out at all; such a result does not count. */
  readonly error?: string | undefined;
  /** Every further probe of this run will find the same, so that none is needed. */
  readonly isLasting?: boolean | undefined;
}

/** A container whose probes always succeed. */
export const ALWAYS_GOOD: ProbeResult = { isGood: true, isLasting: true };

/** The probe of a kind that a container has. */
export function probeOf(container: Container, kind: ProbeKind): ProbeSpec | undefined {
  return (container[`${kind}Probe`] as ProbeSpec | null | undefined) ?? undefined;
}

/** What probes need of their container. */
export interface ProbeHost {
  readonly container: Container;
  readonly clock: Clock;
  probe(kind: ProbeKind, spec: ProbeSpec, signal: AbortSignal): Promise<ProbeResult>;
  /** Something is worth an event of the reason Unhealthy. */
  onTrouble(message: string): void;
  /** The startup probe has succeeded. */
  onStarted(): void;
  onReadiness(isReady: boolean): void;
  /** The container is to be killed. */
  onUnhealthy(kind: 'startup' | 'liveness', spec: ProbeSpec): void;
}

const WORDS = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' } as const;

/** Probes one run of a container until it is stopped; the others begin when the startup probe has succeeded. */
export class ContainerProbes {
  readonly #host: ProbeHost;
  readonly #startedAt: number;
  readonly #stopped = new AbortController();

  constructor(host: ProbeHost) {
    this.#host = host;
    this.#startedAt = host.clock.now();
    if (probeOf(host.container, 'startup') === undefined) this.#beginOthers();
    else this.#begin('startup');
  }

  /** No result counts from here on. */
  stop(): void {
    this.#stopped.abort(new Error('the container has ended'));
  }

  #beginOthers(): void {
    this.#begin('readiness');
    this.#begin('liveness');
  }

  #begin(kind: ProbeKind): void {
    const spec = probeOf(this.#host.container, kind);
    if (spec === undefined) return;
    this.#run(kind, spec).catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) throw error;
    });
  }

  async #run(kind: ProbeKind, spec: ProbeSpec): Promise<void> {
    const { clock } = this.#host;
    const { signal } = this.#stopped;
    let next = Math.max(this.#startedAt + (spec.initialDelaySeconds ?? 0) * 1000, clock.now());
    let last: boolean | undefined;
    for (let same = 0; ; ) {
      if (next > clock.now()) await clock.delay(next - clock.now(), { signal });
      next = Math.max(next, clock.now()) + (spec.periodSeconds ?? 10) * 1000;
      const result = await this.#host.probe(kind, spec, signal);
      if (signal.aborted) return;
      this.#tell(kind, result);
      if (result.error !== undefined) continue;
      same = result.isGood === last ? same + 1 : 1;
      last = result.isGood;
      const limit = result.isGood ? (spec.successThreshold ?? 1) : (spec.failureThreshold ?? 3);
      if (same >= limit && this.#decide(kind, spec, result)) return;
    }
  }

  #tell(kind: ProbeKind, { isGood, output = '', error }: ProbeResult): void {
    if (error !== undefined)
      this.#host.onTrouble(`${WORDS[kind]} probe errored and resulted in unknown state: ${error}`);
    else if (!isGood) this.#host.onTrouble(`${WORDS[kind]} probe failed: ${output}`);
  }

  /** Acts on a result that has stood long enough; says whether the probe is over. */
  #decide(kind: ProbeKind, spec: ProbeSpec, { isGood, isLasting = false }: ProbeResult): boolean {
    if (kind === 'readiness') {
      this.#host.onReadiness(isGood);
      return isGood && isLasting;
    }
    if (!isGood) {
      this.#host.onUnhealthy(kind, spec);
      return true;
    }
    if (kind === 'liveness') return isLasting;
    this.#host.onStarted();
    this.#beginOthers();
    return true;
  }
}
