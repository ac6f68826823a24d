/**
 * Octets copied from the application at a time. A write larger than that goes on as the queue drains, so that a single
 * `write` of a gigabyte is not copied whole.
 */
export const WRITE_SLICE_OCTETS = 1 << 16;

const WRITE_SLICE_MIN = 1024;

/**
 * A write of the stream API on its way into the send queue: the pieces that the application handed over, copied out in
 * slices that the queue may own.
 */
export class WriteSlices {
  readonly #pieces: readonly Uint8Array[];
  #piece = 0;
  #at = 0;
  #left: number;

  /** Borrows `pieces` until `next` has returned null, or the write is given up. */
  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    this.#left = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Octets that were not copied yet. */
  get left(): number {
    return this.#left;
  }

  /**
   * The next slice in memory of its own: full ones first, small pieces gathered into one. Null where nothing is left. `room`:
   * what the queue takes now, in octets; it gets more where that is next to nothing, so that it asks to wait.
   */
  next(room = WRITE_SLICE_OCTETS): Uint8Array | null {
    if (this.#left === 0) return null;
    const slice = Buffer.allocUnsafe(Math.min(this.#left, WRITE_SLICE_OCTETS, Math.max(room, WRITE_SLICE_MIN)));
    let filled = 0;
    while (filled < slice.length) {
      const piece = this.#pieces[this.#piece];
      const length = Math.min(piece.length - this.#at, slice.length - filled);
      slice.set(piece.subarray(this.#at, this.#at + length), filled);
      filled += length;
      this.#at += length;
      if (this.#at < piece.length) continue;
      this.#piece++;
      this.#at = 0;
    }
    this.#left -= slice.length;
    return slice;
  }

  /** As `next`, but lent: where a whole slice lies in one piece, a view of it. For those who copy it anyway, into a cipher's output, say. */
  lend(): Uint8Array | null {
    if (this.#left === 0) return null;
    const piece = this.#pieces[this.#piece];
    const length = Math.min(this.#left, WRITE_SLICE_OCTETS);
    if (piece.length - this.#at < length) return this.next();
    const view = piece.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#left -= length;
    if (this.#at === piece.length) {
      this.#piece++;
      this.#at = 0;
    }
    return view;
  }
}
