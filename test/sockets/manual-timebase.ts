import type { Timebase, Wakeup } from "../../src/base/timebase.ts";

/** Time that only `advance` moves. */
export class ManualTimebase implements Timebase {
  #nowUs = 0;
  readonly #armed = new Set<{ readonly atUs: number; readonly wake: () => void }>();

  nowUs(): number {
    return this.#nowUs;
  }
  after(delayMs: number, wake: () => void): Wakeup {
    const entry = { atUs: this.#nowUs + delayMs * 1000, wake };
    this.#armed.add(entry);
    return { cancel: () => void this.#armed.delete(entry), ref: () => {}, unref: () => {} };
  }
  soon(wake: () => void): void {
    setImmediate(wake);
  }

  /** How many wake-ups are armed. */
  get armed(): number {
    return this.#armed.size;
  }

  /** Lets `ms` pass, with every wake-up that falls into it, in order. */
  advance(ms: number): void {
    const end = this.#nowUs + ms * 1000;
    for (;;) {
      const due = [...this.#armed].filter(({ atUs }) => atUs <= end).sort((a, b) => a.atUs - b.atUs);
      if (due.length === 0) break;
      this.#armed.delete(due[0]);
      this.#nowUs = due[0].atUs;
      due[0].wake();
    }
    this.#nowUs = end;
  }
}
