const EMPTY = new Uint8Array(0);

/**
 * Reads the presentation language of RFC 5246 §4. What lies behind the end reads as 0 or as nothing and is remembered:
 * a parser reads all its fields and asks `complete` once.
 */
export class OctetReader {
  readonly #octets: Uint8Array;
  #at = 0;
  #short = false;

  /** Borrows `octets`; what it returns are views of them. */
  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Octets not read yet. */
  get left(): number {
    return this.#octets.length - this.#at;
  }
  /** Everything asked for was there, within its bounds. */
  get ok(): boolean {
    return !this.#short;
  }
  /** Everything asked for was there, and nothing is left. */
  get complete(): boolean {
    return !this.#short && this.left === 0;
  }

  /** A big-endian integer of 1 to 4 octets. */
  uint(length: number): number {
    if (this.left < length) {
      this.#fail();
      return 0;
    }
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + this.#octets[this.#at++];
    return value;
  }

  take(length: number): Uint8Array {
    if (this.left < length) return this.#fail();
    this.#at += length;
    return this.#octets.subarray(this.#at - length, this.#at);
  }

  /** A vector with a length of `lengthOctets` in front, itself in octets within [least, most]. */
  vector(lengthOctets: number, least = 0, most = Infinity): Uint8Array {
    const length = this.uint(lengthOctets);
    return length < least || length > most ? this.#fail() : this.take(length);
  }

  /** A vector of integers of `size` octets each. */
  uints(lengthOctets: number, size: number, least = 0): number[] {
    const octets = this.vector(lengthOctets, least);
    if (octets.length % size !== 0) {
      this.#fail();
      return [];
    }
    const inner = new OctetReader(octets);
    const values: number[] = [];
    while (inner.left > 0) values.push(inner.uint(size));
    return values;
  }

  #fail(): Uint8Array {
    this.#short = true;
    this.#at = this.#octets.length;
    return EMPTY;
  }
}
