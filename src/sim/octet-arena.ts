const CHUNK_OCTETS = 1 << 18;

/** Memory for datagrams, cut from large chunks: a chunk lives as long as one of its datagrams. */
export class OctetArena {
  #chunk = new Uint8Array(new ArrayBuffer(0));
  #used = 0;

  take(octets: number): Uint8Array {
    if (octets > CHUNK_OCTETS) return new Uint8Array(octets);
    if (this.#used + octets > this.#chunk.length) {
      this.#chunk = new Uint8Array(CHUNK_OCTETS);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += octets;
    return new Uint8Array(this.#chunk.buffer, at, octets);
  }

  copy(bytes: Uint8Array): Uint8Array {
    const copied = this.take(bytes.length);
    copied.set(bytes);
    return copied;
  }
}
