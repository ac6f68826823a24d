import { assert } from "../base/assert.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import { type Seq, seqAdd, seqDiff, seqGe, seqLe } from "../base/seq.ts";
import { TX_PIECES_PER_ROW, type TxBatch } from "../base/tx-batch.ts";

const PIECES_INITIAL = 8;
/** How much larger than a piece the memory must be that it keeps alive, for `unshare` to copy it. */
const SHARED_RATIO = 4;
/** What a piece costs beside its octets: the application's view of them, and its place here. */
const PIECE_OVERHEAD = 128;

/**
 * The octets of the stream from SND.UNA on, in the pieces in which the application gave them, indexed by sequence number.
 * Any range of it can be put into a row again and again; a piece is let go when all of it is acknowledged.
 *
 * Owner: it borrows or owns whole pieces (`push`), and never writes to one. What they cost is in `memory.send`.
 */
export class SendQueue {
  readonly #memory: MemoryBudget;
  /** Rings of one size, a power of two; piece `i` of the queue lies at `(#head + i) & mask`. */
  #bytes: (Uint8Array | null)[] = new Array<Uint8Array | null>(PIECES_INITIAL).fill(null);
  #start = new Int32Array(PIECES_INITIAL);
  #at = new Int32Array(PIECES_INITIAL);
  #head = 0;
  #count = 0;
  /** Sequence number behind the last octet. */
  end = 0 as Seq;
  /** Octets of memory that it holds: a piece counts until all of it is acknowledged. */
  charge = 0;

  constructor(memory: MemoryBudget) {
    this.#memory = memory;
  }

  /** Empties it; the next octet pushed has number `seq`. */
  reset(seq: Seq): void {
    this.#account(-this.charge);
    const mask = this.#bytes.length - 1;
    for (let i = 0; i < this.#count; i++) this.#bytes[(this.#head + i) & mask] = null;
    this.#head = 0;
    this.#count = 0;
    this.end = seq;
  }

  #account(octets: number): void {
    this.charge += octets;
    this.#memory.send += octets;
  }

  /** Lets large rings go. Precondition: it is empty. */
  shrink(): void {
    if (this.#bytes.length === PIECES_INITIAL) return;
    this.#bytes = new Array<Uint8Array | null>(PIECES_INITIAL).fill(null);
    this.#start = new Int32Array(PIECES_INITIAL);
    this.#at = new Int32Array(PIECES_INITIAL);
  }

  get pieces(): number {
    return this.#count;
  }

  /** Appends `bytes[at, at + length)`. */
  push(bytes: Uint8Array, at: number, length: number): void {
    if (length === 0) return;
    if (this.#count === this.#bytes.length) this.#grow();
    const slot = (this.#head + this.#count) & (this.#bytes.length - 1);
    this.#bytes[slot] = bytes;
    this.#start[slot] = this.end;
    this.#at[slot] = at;
    this.#count++;
    this.end = seqAdd(this.end, length);
    this.#account(length + PIECE_OVERHEAD);
  }

  /** Whether `bytes[at, …)` would directly continue the last piece; then `extend` serves instead of `push`. */
  continues(bytes: Uint8Array, at: number): boolean {
    if (this.#count === 0) return false;
    const slot = (this.#head + this.#count - 1) & (this.#bytes.length - 1);
    return this.#bytes[slot] === bytes && this.#at[slot] + seqDiff(this.end, this.#start[slot] as Seq) === at;
  }

  extend(length: number): void {
    this.end = seqAdd(this.end, length);
    this.#account(length);
  }

  /** Lets go of every piece that lies wholly before `una`. */
  acknowledge(una: Seq): void {
    const mask = this.#bytes.length - 1;
    while (this.#count > 0) {
      const next = this.#count > 1 ? (this.#start[(this.#head + 1) & mask] as Seq) : this.end;
      if (!seqLe(next, una)) return;
      this.#account(-seqDiff(next, this.#start[this.#head] as Seq) - PIECE_OVERHEAD);
      this.#bytes[this.#head] = null;
      this.#head = (this.#head + 1) & mask;
      this.#count--;
    }
  }

  /**
   * What waits for long gets memory of its own, where it is a small part of a larger one that it would keep alive: the arena of
   * small writes, which others share.
   */
  unshare(): void {
    const mask = this.#bytes.length - 1;
    for (let i = 0; i < this.#count; i++) {
      const slot = (this.#head + i) & mask;
      const next = i + 1 < this.#count ? (this.#start[(slot + 1) & mask] as Seq) : this.end;
      const length = seqDiff(next, this.#start[slot] as Seq);
      const bytes = this.#bytes[slot];
      if (bytes === null || length * SHARED_RATIO > bytes.buffer.byteLength) continue;
      this.#bytes[slot] = new Uint8Array(bytes.subarray(this.#at[slot], this.#at[slot] + length));
      this.#at[slot] = 0;
    }
  }

  /**
   * Borrows octets [seq, seq + length) to the newest row of `tx`; returns how many, fewer where the row has no place for
   * more pieces. Precondition: the range is in the queue.
   */
  lend(tx: TxBatch, seq: Seq, length: number): number {
    if (length === 0) return 0;
    const mask = this.#bytes.length - 1;
    let i = this.#find(seq);
    let from = seq;
    let left = length;
    for (let pieces = 0; left > 0 && pieces < TX_PIECES_PER_ROW; pieces++, i++) {
      const slot = (this.#head + i) & mask;
      const start = this.#start[slot] as Seq;
      const next = i + 1 < this.#count ? (this.#start[(this.#head + i + 1) & mask] as Seq) : this.end;
      const take = Math.min(left, seqDiff(next, from));
      const bytes = this.#bytes[slot];
      assert(bytes !== null && take > 0, "a range that is lent lies in the send queue");
      tx.addPiece(bytes, this.#at[slot] + seqDiff(from, start), take);
      from = seqAdd(from, take);
      left -= take;
    }
    return length - left;
  }

  /** The last piece that starts at or before `seq`, by bisection. */
  #find(seq: Seq): number {
    const mask = this.#bytes.length - 1;
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (seqGe(seq, this.#start[(this.#head + middle) & mask] as Seq)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #grow(): void {
    const size = this.#bytes.length;
    const bytes = new Array<Uint8Array | null>(size * 2).fill(null);
    const start = new Int32Array(size * 2);
    const at = new Int32Array(size * 2);
    for (let i = 0; i < size; i++) {
      const slot = (this.#head + i) & (size - 1);
      bytes[i] = this.#bytes[slot];
      start[i] = this.#start[slot];
      at[i] = this.#at[slot];
    }
    this.#bytes = bytes;
    this.#start = start;
    this.#at = at;
    this.#head = 0;
  }
}
