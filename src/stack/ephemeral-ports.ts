import type { Address } from "../base/address.ts";
import { type Random, randomBelow } from "../base/random.ts";
import { newSipKey, type SipKey, sipHash24 } from "../base/siphash.ts";

/** Linux's default range; RFC 6056 §3.2 asks for as wide a one as can be. */
export const EPHEMERAL_FIRST = 32_768;
export const EPHEMERAL_LAST = 60_999;
const RANGE = EPHEMERAL_LAST - EPHEMERAL_FIRST + 1;

/** Chooses local ports: the simple hash-based algorithm of RFC 6056 §3.3.3, its step random as §3.3.5 has it. */
export class EphemeralPorts {
  readonly #random: Random;
  readonly #key: SipKey;
  readonly #words = new Int32Array(3);
  readonly #hash = new Int32Array(2);
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#key = newSipKey(random);
  }

  /** A port that `isFree`, or -1 where none is. */
  choose(local: Address, remote: Address, remotePort: number, isFree: (port: number) => boolean): number {
    this.#words[0] = local;
    this.#words[1] = remote;
    this.#words[2] = remotePort;
    sipHash24(this.#key, this.#words, 3, this.#hash);
    const offset = this.#hash[0] >>> 0;
    this.#next = (this.#next + 1 + randomBelow(this.#random, 16)) % RANGE;
    for (let tried = 0; tried < RANGE; tried++) {
      const port = EPHEMERAL_FIRST + ((offset + this.#next) % RANGE);
      if (isFree(port)) return port;
      this.#next = (this.#next + 1) % RANGE;
    }
    return -1;
  }
}
