import type { Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";

/** Counters among which source, destination and protocol are spread; two that share one still never repeat a number. */
export const IDENTIFICATION_COUNTERS = 2_048;
const ROUNDS = 4;
/** 2^32 over the golden ratio: an odd multiplier that spreads neighbouring values over the high bits. */
const SPREAD = 0x9e37_79b1;

/**
 * The Identification field of datagrams that may be fragmented: RFC 6864 §4.1 asks that none repeats for the same source,
 * destination and protocol within a datagram's lifetime, and RFC 7739 §5 that none can be foretold.
 *
 * So each of a fixed set of counters walks all 65,536 numbers before it repeats one, in an order of its own: a Feistel
 * network under a secret key, which is a permutation whatever its round function is.
 */
export class Identifications {
  readonly #next = new Uint16Array(IDENTIFICATION_COUNTERS);
  readonly #keys = new Int32Array(ROUNDS);
  readonly #seed: number;

  constructor(random: Random) {
    this.#seed = random.nextInt32();
    for (let i = 0; i < ROUNDS; i++) this.#keys[i] = random.nextInt32();
    for (let i = 0; i < IDENTIFICATION_COUNTERS; i++) this.#next[i] = random.nextInt32();
  }

  /** The next number, 0 to 65,535. */
  take(source: Address, destination: Address, protocol: number): number {
    let hash = Math.imul(this.#seed ^ source, SPREAD);
    hash = Math.imul((hash >>> 15) ^ hash ^ destination, SPREAD);
    hash = Math.imul((hash >>> 15) ^ hash ^ protocol, SPREAD);
    const counter = (hash >>> 16) % IDENTIFICATION_COUNTERS;
    return this.#permute(this.#next[counter]++, counter);
  }

  #permute(value: number, counter: number): number {
    let high = value >>> 8;
    let low = value & 255;
    for (let round = 0; round < ROUNDS; round++) {
      const mixed = Math.imul((low | (counter << 8)) ^ this.#keys[round], SPREAD);
      const next = high ^ (Math.imul(mixed ^ (mixed >>> 15), SPREAD) >>> 24);
      high = low;
      low = next;
    }
    return (high << 8) | low;
  }
}
