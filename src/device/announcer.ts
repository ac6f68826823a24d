import type { Timebase } from "../base/timebase.ts";
import type { DeviceEvents } from "./device.ts";

/**
 * Tells a device's owner what has happened: by `Timebase.soon`, so never from inside `read` or `write`, and at most one
 * wake-up at a time. `readable` comes again while something is left to read; `down` comes once, behind what can still be read.
 */
export class Announcer {
  readonly #timebase: Timebase;
  readonly #waiting: () => number;
  #events: DeviceEvents | null = null;
  #scheduled = false;
  #writable = false;
  /** `undefined` while the device is up. */
  #down: Error | null | undefined = undefined;

  /** `waiting` tells how much is left to read, in any unit; 0 for nothing. */
  constructor(timebase: Timebase, waiting: () => number) {
    this.#timebase = timebase;
    this.#waiting = waiting;
  }

  start(events: DeviceEvents): void {
    this.#events = events;
    this.#schedule();
  }

  /** Something may have come that can be read. */
  readable(): void {
    this.#schedule();
  }

  /** Rows can be offered again. */
  writable(): void {
    this.#writable = true;
    this.#schedule();
  }

  /** The device has gone; the first reason given is told. */
  down(error: Error | null): void {
    if (this.#down === undefined) this.#down = error;
    this.#schedule();
  }

  /** From now on nothing is told. */
  stop(): void {
    this.#events = null;
  }

  #schedule(): void {
    if (this.#scheduled || this.#events === null) return;
    this.#scheduled = true;
    this.#timebase.soon(() => {
      this.#scheduled = false;
      this.#tell();
    });
  }

  #tell(): void {
    const waiting = this.#waiting();
    if (waiting > 0) this.#events?.readable();
    if (this.#writable) {
      this.#writable = false;
      this.#events?.writable();
    }
    const left = this.#waiting();
    // An owner that reads no more hears `down` all the same.
    if (this.#down !== undefined && (left === 0 || left >= waiting)) {
      const events = this.#events;
      this.stop();
      events?.down(this.#down);
    } else if (left > 0) {
      this.#schedule();
    }
  }
}
