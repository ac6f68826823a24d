import type { Timebase, Wakeup } from "../base/timebase.ts";
import { Fifo } from "./fifo.ts";

/** Octets of blocks that are held back at most; the oldest go early. */
export const HELD_OCTETS_MAX = 1 << 20;

interface Held {
  readonly block: Uint8Array;
  readonly dueUs: number;
}

/**
 * Blocks on their way to a capture, each held back for some time, so that what must stand before it can still be put there.
 *
 * Owner: the caller writes what `release` is given, and calls `flush` at the end.
 */
export class HeldBlocks {
  readonly #timebase: Timebase;
  readonly #holdMs: number;
  readonly #release: (block: Uint8Array) => void;
  readonly #blocks = new Fifo<Held>();
  #octets = 0;
  #wakeup: Wakeup | null = null;

  /** `holdMs` 0 holds back nothing. */
  constructor(timebase: Timebase, holdMs: number, release: (block: Uint8Array) => void) {
    this.#timebase = timebase;
    this.#holdMs = holdMs;
    this.#release = release;
  }

  /** Of the blocks that are held back now. */
  get octets(): number {
    return this.#octets;
  }

  push(block: Uint8Array): void {
    if (this.#holdMs === 0) {
      this.#release(block);
      return;
    }
    this.#blocks.push({ block, dueUs: this.#timebase.nowUs() + this.#holdMs * 1000 });
    this.#octets += block.length;
    while (this.#octets > HELD_OCTETS_MAX) this.#releaseOldest();
    if (this.#wakeup === null) this.#arm(this.#holdMs);
  }

  /** Releases everything. */
  flush(): void {
    this.#wakeup?.cancel();
    this.#wakeup = null;
    while (this.#blocks.length > 0) this.#releaseOldest();
  }

  #arm(delayMs: number): void {
    this.#wakeup = this.#timebase.after(delayMs, () => {
      this.#wakeup = null;
      this.#releaseDue();
    });
    this.#wakeup.unref();
  }

  #releaseDue(): void {
    const nowUs = this.#timebase.nowUs();
    for (let oldest = this.#blocks.peek(); oldest !== undefined; oldest = this.#blocks.peek()) {
      if (oldest.dueUs > nowUs) return this.#arm((oldest.dueUs - nowUs) / 1000);
      this.#releaseOldest();
    }
  }

  #releaseOldest(): void {
    const oldest = this.#blocks.shift();
    if (oldest === undefined) return;
    this.#octets -= oldest.block.length;
    this.#release(oldest.block);
  }
}
