const ARENA_OCTETS = 16_384;
/** Larger writes get memory of their own, so that a slow reader pins at most what it was sent, times a small factor. */
const SMALL_WRITE_MAX = 2048;

/** Where the octets of small copied writes lie side by side, so that a small write costs a copy and no object. */
export class CopyArena {
  #chunk = new Uint8Array(ARENA_OCTETS);
  #used = 0;
  /** Where the last copy went: `chunk[at, at + length)`. */
  chunk = this.#chunk;
  at = 0;

  /** Copies `octets` to `chunk` from `at` on. */
  copy(octets: Uint8Array): void {
    if (octets.length > SMALL_WRITE_MAX) {
      this.chunk = new Uint8Array(octets); // Not `slice`: a Buffer's shares its memory.
      this.at = 0;
      return;
    }
    if (this.#used + octets.length > ARENA_OCTETS) {
      this.#chunk = new Uint8Array(ARENA_OCTETS);
      this.#used = 0;
    }
    this.#chunk.set(octets, this.#used);
    this.chunk = this.#chunk;
    this.at = this.#used;
    this.#used += octets.length;
  }
}
