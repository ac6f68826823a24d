import type { Timebase, Wakeup } from "../base/timebase.ts";
import type { VirtualTimebase } from "./virtual-timebase.ts";

/** Wake-ups of a paused host that are remembered; a host asks for a few at a time. */
const DEFERRED_MAX = 1 << 20;

/**
 * The event loop of one simulated host, from its start to its end: the world's time, seen through the host's own
 * monotonic clock. While it is paused time passes and nothing is woken; once it has crashed nothing ever is.
 */
export class HostTimebase implements Timebase {
  readonly #world: VirtualTimebase;
  readonly #offsetUs: number;
  readonly #ran: () => void;
  #deferred: (() => void)[] = [];
  #paused = false;
  #dead = false;
  #pending = 0;
  #resumedUs = 0;

  /** `offsetUs`: what the host's clock says beyond the world's. `ran` is called behind every wake-up. */
  constructor(world: VirtualTimebase, offsetUs: number, ran: () => void) {
    this.#world = world;
    this.#offsetUs = offsetUs;
    this.#ran = ran;
  }

  get paused(): boolean {
    return this.#paused;
  }
  get dead(): boolean {
    return this.#dead;
  }
  /** Wake-ups by `after` that are still to come. */
  get pending(): number {
    return this.#pending;
  }
  /** When it last began to run again, in the world's time; what was due before may be late. */
  get resumedUs(): number {
    return this.#resumedUs;
  }

  nowUs(): number {
    return this.#world.nowUs() + this.#offsetUs;
  }

  after(delayMs: number, wake: () => void): Wakeup {
    const atUs = this.#world.nowUs() + Math.ceil(Math.max(0, delayMs) * 1000);
    let waiting = true;
    this.#pending++;
    const settle = (): boolean => {
      if (!waiting) return false;
      waiting = false;
      this.#pending--;
      return true;
    };
    const event = this.#world.at(atUs, () => {
      this.run(() => {
        if (!settle()) return;
        this.#world.touched();
        wake();
      });
    });
    return {
      cancel: () => {
        if (settle()) this.#world.cancel(event);
      },
      ref: () => undefined,
      unref: () => undefined,
    };
  }

  /** A turn that was asked for by `soon` tells of the application's code by itself (see `ConnectionProbe`). */
  soon(wake: () => void): void {
    this.#world.at(this.#world.nowUs(), () => {
      this.run(wake);
    });
  }

  /** Does `act` now, or when the host runs again. */
  run(act: () => void): void {
    if (this.#dead) return;
    if (this.#paused) {
      if (this.#deferred.length < DEFERRED_MAX) this.#deferred.push(act);
      return;
    }
    act();
    this.#ran();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#resumedUs = this.#world.nowUs();
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const act of deferred) {
      this.#world.at(this.#resumedUs, () => {
        this.run(act);
      });
    }
  }

  /** The host is no more. */
  end(): void {
    this.#dead = true;
    this.#deferred = [];
  }
}
