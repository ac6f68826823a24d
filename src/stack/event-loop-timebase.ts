import type { Timebase, Wakeup } from "../base/timebase.ts";

/** Longest delay that `setTimeout` takes; longer ones are armed again. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/**
 * One wake-up on the event loop. Node's timers count whole milliseconds of a truncated clock, so that one may fire up to a
 * millisecond early: then, and after `TIMEOUT_MS_MAX`, it is armed again for the rest.
 */
class TimerWakeup implements Wakeup {
  readonly #timebase: Timebase;
  readonly #dueUs: number;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout;
  #refed = true;

  constructor(timebase: Timebase, delayMs: number, wake: () => void) {
    this.#timebase = timebase;
    this.#dueUs = timebase.nowUs() + delayMs * 1000;
    this.#wake = wake;
    this.#timer = this.#arm(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  ref(): void {
    this.#refed = true;
    this.#timer.ref();
  }

  unref(): void {
    this.#refed = false;
    this.#timer.unref();
  }

  #arm(delayMs: number): NodeJS.Timeout {
    return setTimeout(
      () => {
        const leftMs = (this.#dueUs - this.#timebase.nowUs()) / 1000;
        if (leftMs <= 0) return this.#wake();
        this.#timer = this.#arm(leftMs);
        if (!this.#refed) this.#timer.unref();
      },
      Math.min(Math.ceil(delayMs), TIMEOUT_MS_MAX),
    );
  }
}

/** The time of the process: `performance.now`, `setTimeout` and `setImmediate`. */
export class EventLoopTimebase implements Timebase {
  nowUs(): number {
    return Math.floor(performance.now() * 1000);
  }

  after(delayMs: number, wake: () => void): Wakeup {
    return new TimerWakeup(this, delayMs, wake);
  }

  /** `setImmediate`: behind all ticks and microtasks of this turn, and the loop does not sleep before it has run. */
  soon(wake: () => void): void {
    setImmediate(wake);
  }
}

/** The wall clock, in microseconds since 1970-01-01 00:00 UTC; it may be set back. For time stamps that people read. */
export const wallClockUs = (): number => Date.now() * 1000;
