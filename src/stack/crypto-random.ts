import { randomFillSync } from "node:crypto";
import type { Random } from "../base/random.ts";

const POOL_WORDS = 256;

/** The operating system's randomness, drawn in pools. */
export class CryptoRandom implements Random {
  readonly #pool = new Int32Array(POOL_WORDS);
  #left = 0;

  nextInt32(): number {
    if (this.#left === 0) {
      randomFillSync(this.#pool);
      this.#left = POOL_WORDS;
    }
    return this.#pool[--this.#left];
  }
}
