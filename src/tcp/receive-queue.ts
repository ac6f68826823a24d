const CHUNK_MIN = 4096;
const CHUNK_MAX = 65_536;

/**
 * Octets received in order that nobody has taken yet, in chunks of its own. Small segments of a batch end up in one chunk.
 *
 * Owner: a chunk belongs to the queue until `shift` gives it away.
 */
export class ReceiveQueue {
  readonly #chunks: Uint8Array[] = [];
  /** The chunk that is being filled, and how much of it is; it follows all of `#chunks`. */
  #open: Uint8Array | null = null;
  #filled = 0;
  octets = 0;

  /** Copies `bytes[start, end)` behind what is there. */
  push(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    this.octets += end - start;
    while (from < end) {
      this.#open ??= this.#newChunk(end - from);
      const take = Math.min(end - from, this.#open.length - this.#filled);
      this.#open.set(bytes.subarray(from, from + take), this.#filled);
      this.#filled += take;
      from += take;
      if (this.#filled === this.#open.length) this.#seal();
    }
  }

  /** The oldest chunk, now the caller's; null where none is left. */
  shift(): Uint8Array | null {
    if (this.#chunks.length === 0) this.#seal();
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return null;
    this.octets -= chunk.length;
    return chunk;
  }

  #seal(): void {
    if (this.#open === null) return;
    if (this.#filled > 0) this.#chunks.push(this.#open.subarray(0, this.#filled));
    this.#open = null;
    this.#filled = 0;
  }

  /** A lone segment gets just its size; what follows unread segments is expected to go on. */
  #newChunk(octets: number): Uint8Array {
    const size = this.#chunks.length === 0 ? octets : Math.max(octets, CHUNK_MIN * 4 ** this.#chunks.length);
    return new Uint8Array(Math.min(size, Math.max(CHUNK_MAX, octets)));
  }
}
