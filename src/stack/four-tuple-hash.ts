import type { Random } from "../base/random.ts";

/**
 * The secret hash of a four-tuple to 32 bits.
 *
 * Two sums of the family MULTILINEAR-HM over the key's six 16-bit halves, modulo 2^32, under independent secret words;
 * the upper 16 bits of each are kept. For any two different keys the pair of hashes is uniform over all pairs (strongly
 * universal), so someone who does not see hashes cannot choose keys that collide more often than random ones. The mixing
 * step at the end is a bijection: it keeps that and breaks up arithmetic sequences (ports that count up).
 * Source: Lemire and Kaser, "Strongly universal string hashing is fast", The Computer Journal 57(11), 2014, §3.
 *
 * Departs from SipHash, which also withstands an attacker who measures single look-ups: that costs twice the time here,
 * and the table bounds its chains whatever the hash does.
 */
export class FourTupleHash {
  readonly #a0: number;
  readonly #a1: number;
  readonly #a2: number;
  readonly #a3: number;
  readonly #a4: number;
  readonly #a5: number;
  readonly #a6: number;
  readonly #b0: number;
  readonly #b1: number;
  readonly #b2: number;
  readonly #b3: number;
  readonly #b4: number;
  readonly #b5: number;
  readonly #b6: number;

  /** Takes 14 words of `random`; they are the secret. */
  constructor(random: Random) {
    this.#a0 = random.nextInt32();
    this.#a1 = random.nextInt32();
    this.#a2 = random.nextInt32();
    this.#a3 = random.nextInt32();
    this.#a4 = random.nextInt32();
    this.#a5 = random.nextInt32();
    this.#a6 = random.nextInt32();
    this.#b0 = random.nextInt32();
    this.#b1 = random.nextInt32();
    this.#b2 = random.nextInt32();
    this.#b3 = random.nextInt32();
    this.#b4 = random.nextInt32();
    this.#b5 = random.nextInt32();
    this.#b6 = random.nextInt32();
  }

  /** The hash of one key: both addresses, and `localPort << 16 | remotePort`. @hot */
  of(local: number, remote: number, ports: number): number {
    const localHigh = local >>> 16;
    const localLow = local & 0xffff;
    const remoteHigh = remote >>> 16;
    const remoteLow = remote & 0xffff;
    const portHigh = ports >>> 16;
    const portLow = ports & 0xffff;
    const a =
      this.#a0 +
      Math.imul((this.#a1 + localHigh) | 0, (this.#a2 + localLow) | 0) +
      Math.imul((this.#a3 + remoteHigh) | 0, (this.#a4 + remoteLow) | 0) +
      Math.imul((this.#a5 + portHigh) | 0, (this.#a6 + portLow) | 0);
    const b =
      this.#b0 +
      Math.imul((this.#b1 + localHigh) | 0, (this.#b2 + localLow) | 0) +
      Math.imul((this.#b3 + remoteHigh) | 0, (this.#b4 + remoteLow) | 0) +
      Math.imul((this.#b5 + portHigh) | 0, (this.#b6 + portLow) | 0);
    const h = (a & 0xffff_0000) | (b >>> 16);
    const mixed = Math.imul(h ^ (h >>> 15), 0x2c1b_3c6d);
    return mixed ^ (mixed >>> 16);
  }
}
