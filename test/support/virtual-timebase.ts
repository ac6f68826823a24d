import { assert } from "../../src/base/assert.ts";
import type { Timebase, Wakeup } from "../../src/base/timebase.ts";

/** Turns that may run at one instant: more means that somebody asks to be woken for ever without time passing. */
const TURNS_AT_ONE_INSTANT_MAX = 100_000;

interface Timer {
  readonly atUs: number;
  readonly wake: () => void;
}

/**
 * Time that passes only when a test says so, in whole microseconds.
 *
 * Order: everything asked for by `soon` runs, in order, before time passes; timers run by their time, and in the order of
 *        their making where times are equal. Nothing runs outside `advance`, `run`, `settle` and `elapse`.
 */
export class VirtualTimebase implements Timebase {
  #nowUs: number;
  /** By time, then by age: an insertion goes behind its equals. */
  readonly #timers: Timer[] = [];
  readonly #soon: (() => void)[] = [];
  #turnsAtThisInstant = 0;

  constructor(startUs = 0) {
    this.#nowUs = startUs;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  /** Wake-ups that are still to come, timers and `soon` together. */
  get pending(): number {
    return this.#timers.length + this.#soon.length;
  }

  after(delayMs: number, wake: () => void): Wakeup {
    const timer: Timer = { atUs: this.#nowUs + Math.max(0, Math.round(delayMs * 1000)), wake };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#timers[middle].atUs <= timer.atUs) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return {
      cancel: () => {
        const at = this.#timers.indexOf(timer);
        if (at >= 0) this.#timers.splice(at, 1);
      },
      ref: () => undefined,
      unref: () => undefined,
    };
  }

  soon(wake: () => void): void {
    this.#soon.push(wake);
  }

  /** Runs what is due now; time stands still. */
  settle(): void {
    this.advance(0);
  }

  /** Lets `ms` pass and runs what falls due in it; the time is then exactly `ms` later. */
  advance(ms: number): void {
    const endUs = this.#nowUs + Math.round(ms * 1000);
    while (this.#step(endUs));
    this.#passTo(endUs);
  }

  /** Runs until nothing is left to wake, for `limitMs` of virtual time at most. */
  run(limitMs = Infinity): void {
    const endUs = this.#nowUs + limitMs * 1000;
    while (this.#step(endUs));
  }

  /** `advance`, where promises and streams take part: the real turn ends after every wake-up. */
  async elapse(ms: number): Promise<void> {
    const endUs = this.#nowUs + Math.round(ms * 1000);
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#step(endUs));
    this.#passTo(endUs);
  }

  /** Runs the next wake-up that is due by `endUs`; `false` where there is none. */
  #step(endUs: number): boolean {
    let wake = this.#soon.shift();
    if (wake === undefined) {
      const timer = this.#timers[0] as Timer | undefined;
      if (timer === undefined || timer.atUs > endUs) return false;
      this.#timers.shift();
      this.#passTo(timer.atUs);
      wake = timer.wake;
    }
    this.#turnsAtThisInstant++;
    assert(this.#turnsAtThisInstant <= TURNS_AT_ONE_INSTANT_MAX, "time passes between wake-ups");
    wake();
    return true;
  }

  #passTo(us: number): void {
    if (us > this.#nowUs) this.#turnsAtThisInstant = 0;
    this.#nowUs = Math.max(this.#nowUs, us);
  }
}
