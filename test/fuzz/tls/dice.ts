import { randomBelow, SeededRandom } from "../../../src/base/random.ts";

/** What a case of the fuzzer decides by: the same seed decides the same. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** Uniform in [0, bound). */
  below(bound: number): number {
    return randomBelow(this.#random, bound);
  }
  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
  /** In [0, most], small far more often than large. */
  skewed(most: number): number {
    return this.below(this.below(most + 1) + 1);
  }
  /** Precondition: there is something to pick. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }
  octets(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
