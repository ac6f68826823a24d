import type { Timebase, Wakeup } from "../base/timebase.ts";

/**
 * Calls `expired` after `timeoutMs` without a `touch`; then waits for the next touch before it counts again.
 * A touch only notes the time, so activity costs no timer: one wake-up in `timeoutMs` looks what has become of it.
 */
export class IdleTimer {
  readonly #timebase: Timebase;
  readonly #timeoutMs: number;
  readonly #expired: () => void;
  #touchedUs = 0;
  #wakeup: Wakeup | null = null;

  constructor(timebase: Timebase, timeoutMs: number, expired: () => void) {
    this.#timebase = timebase;
    this.#timeoutMs = timeoutMs;
    this.#expired = expired;
    this.touch();
  }

  touch(): void {
    this.#touchedUs = this.#timebase.nowUs();
    if (this.#wakeup === null) this.#arm(this.#timeoutMs);
  }

  stop(): void {
    this.#wakeup?.cancel();
    this.#wakeup = null;
  }

  #arm(delayMs: number): void {
    const wakeup = this.#timebase.after(delayMs, () => this.#look());
    // As in node:net: an idle timer alone is no reason for a process to live.
    wakeup.unref();
    this.#wakeup = wakeup;
  }

  #look(): void {
    this.#wakeup = null;
    const leftMs = this.#timeoutMs - (this.#timebase.nowUs() - this.#touchedUs) / 1000;
    if (leftMs > 0) this.#arm(leftMs);
    else this.#expired();
  }
}
