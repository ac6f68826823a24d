import type { Random } from "../base/random.ts";

/**
 * The secret hash of a four-tuple to 32 bits: a sum of the family MULTILINEAR-HM over the key's six 16-bit halves,
 * modulo 2^32, and a fixed bijection that spreads it over all bits and breaks up arithmetic sequences (ports that count up).
 *
 * Promise: whichever two keys someone chooses who does not know the secret, their hashes are equal with a probability of at
 *          most 2^-17 (the upper 17 bits of the sum are strongly universal); for keys that differ in an odd multiple of a
 *          small power of two it is near 2^-32. Where luck or a leak defeats that, the table's own bounds hold.
 * Departs from SipHash, which also withstands someone who can measure single look-ups, but takes several times as long.
 * Source: Lemire and Kaser, "Strongly universal string hashing is fast", The Computer Journal 57(11), 2014, §3.
 */
export class FourTupleHash {
  readonly #m0: number;
  readonly #m1: number;
  readonly #m2: number;
  readonly #m3: number;
  readonly #m4: number;
  readonly #m5: number;
  readonly #m6: number;

  /** Takes seven words of `random`; they are the secret. */
  constructor(random: Random) {
    this.#m0 = random.nextInt32();
    this.#m1 = random.nextInt32();
    this.#m2 = random.nextInt32();
    this.#m3 = random.nextInt32();
    this.#m4 = random.nextInt32();
    this.#m5 = random.nextInt32();
    this.#m6 = random.nextInt32();
  }

  /** The secret, for WebAssembly code: seven words to `words` from `at` on. */
  copySecret(words: Int32Array, at: number): void {
    words.set([this.#m0, this.#m1, this.#m2, this.#m3, this.#m4, this.#m5, this.#m6], at);
  }

  /** The hash of one key: both addresses, and `localPort << 16 | remotePort`. @hot */
  of(local: number, remote: number, ports: number): number {
    const sum =
      (this.#m0 +
        Math.imul(this.#m1 + (local >>> 16), this.#m2 + (local & 0xffff)) +
        Math.imul(this.#m3 + (remote >>> 16), this.#m4 + (remote & 0xffff)) +
        Math.imul(this.#m5 + (ports >>> 16), this.#m6 + (ports & 0xffff))) |
      0;
    return spread(sum);
  }

  /** Puts the hash of each of the `count` keys behind its three words, from `keys[at]` on. @hot */
  ofBurst(keys: Int32Array, at: number, count: number): void {
    // The secret stands in locals here: the loop is a third shorter than one that reads fields.
    const m0 = this.#m0;
    const m1 = this.#m1;
    const m2 = this.#m2;
    const m3 = this.#m3;
    const m4 = this.#m4;
    const m5 = this.#m5;
    const m6 = this.#m6;
    for (let i = 0; i < count; i++, at += 4) {
      const local = keys[at];
      const remote = keys[at + 1];
      const ports = keys[at + 2];
      const sum =
        (m0 +
          Math.imul(m1 + (local >>> 16), m2 + (local & 0xffff)) +
          Math.imul(m3 + (remote >>> 16), m4 + (remote & 0xffff)) +
          Math.imul(m5 + (ports >>> 16), m6 + (ports & 0xffff))) |
        0;
      keys[at + 3] = spread(sum);
    }
  }
}

function spread(sum: number): number {
  const mixed = Math.imul(sum ^ (sum >>> 15), 0x2c1b_3c6d);
  return mixed ^ (mixed >>> 14);
}
