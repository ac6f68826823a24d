const OCTETS_FIRST = 512;

/** Writes the presentation language of RFC 5246 §4 into memory that grows. */
export class OctetWriter {
  #octets = Buffer.alloc(OCTETS_FIRST);
  #at = 0;

  /** A big-endian integer of 1 to 4 octets. */
  uint(length: number, value: number): this {
    this.#reserve(length);
    this.#octets.writeUIntBE(value, this.#at, length);
    this.#at += length;
    return this;
  }

  octets(octets: Uint8Array): this {
    this.#reserve(octets.length);
    this.#octets.set(octets, this.#at);
    this.#at += octets.length;
    return this;
  }

  /** What `write` writes, with its length in `lengthOctets` in front. */
  vector(lengthOctets: number, write: (writer: this) => void): this {
    const at = this.#at;
    this.uint(lengthOctets, 0);
    write(this);
    this.#octets.writeUIntBE(this.#at - at - lengthOctets, at, lengthOctets);
    return this;
  }

  /** Everything so far; the memory is handed over, so this is the last call. */
  finish(): Buffer {
    return this.#octets.subarray(0, this.#at);
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#octets.length) return;
    const larger = Buffer.alloc(Math.max(needed, this.#octets.length * 2));
    larger.set(this.#octets.subarray(0, this.#at));
    this.#octets.fill(0);
    this.#octets = larger;
  }
}
