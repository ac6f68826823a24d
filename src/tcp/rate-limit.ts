import type { Clock } from "../base/clock.ts";

/** At most `perSecond` events a second of the clock, all of them at once if need be. RFC 5961 §7 asks for such a limit. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #second = -1;
  #left = 0;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Whether one more is allowed now; counts it if so. */
  take(): boolean {
    const second = Math.floor(this.#clock.nowUs / 1_000_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#left = this.#perSecond;
    }
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
