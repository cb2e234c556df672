/** An event emitter whose listeners cannot break the emitter. */
import { EventEmitter } from 'eventemitter3';

// biome-ignore lint/suspicious/noExplicitAny: the constraint that eventemitter3 itself puts on listeners
type Listener = (...args: any[]) => unknown;

/**
 * Calls every listener, whatever the others do: what a listener throws, or its promise rejects with, goes to `onListenerError`.
 * eventemitter3 alone would throw into `emit` and skip the listeners that follow.
 */
export abstract class GuardedEmitter<Events extends EventEmitter.ValidEventTypes> extends EventEmitter<Events> {
  readonly #guards = new WeakMap<Listener, Map<PropertyKey, Listener>>();
  /** The guards themselves: eventemitter3 removes a `once` listener by the function that it holds. */
  readonly #isGuard = new WeakSet<Listener>();

  /** Told of every failure of a listener. */
  protected abstract onListenerError(event: string, error: unknown): void;

  /** Adds a listener. */
  override on<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
    context?: unknown,
  ): this {
    return super.on(event, this.#guardOf(event, listener), context);
  }

  /** Adds a listener; the same as `on`. */
  override addListener<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  /** Adds a listener for the next such event. */
  override once<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
    context?: unknown,
  ): this {
    return super.once(event, this.#guardOf(event, listener), context);
  }

  /** Removes a listener; without one, all listeners of the event. */
  override off<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener?: EventEmitter.EventListener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.removeListener(
      event,
      listener === undefined ? undefined : this.#guardOf(event, listener),
      context,
      once,
    );
  }

  /** Removes a listener; the same as `off`. */
  override removeListener<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener?: EventEmitter.EventListener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once);
  }

  #guardOf<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
  ): EventEmitter.EventListener<Events, E> {
    const own = listener as Listener;
    if (this.#isGuard.has(own)) return listener;
    const byEvent = this.#guards.get(own) ?? new Map<PropertyKey, Listener>();
    this.#guards.set(own, byEvent);
    const existing = byEvent.get(event as PropertyKey);
    if (existing !== undefined) return existing as EventEmitter.EventListener<Events, E>;
    const report = (error: unknown) => this.onListenerError(String(event), error);
    const guard = function (this: unknown, ...args: unknown[]) {
      try {
        const result = own.apply(this, args);
        if (result instanceof Promise) result.catch(report);
      } catch (error) {
        report(error);
      }
    };
    byEvent.set(event as PropertyKey, guard);
    this.#isGuard.add(guard);
    return guard as EventEmitter.EventListener<Events, E>;
  }
}
