import type { FourTupleHash } from "./four-tuple-hash.ts";
import {
  displacementOf,
  type FourTupleIndex,
  homeOf,
  SEGMENT_SLOTS,
  slotId,
  tagMask,
  tagOf,
} from "./four-tuple-index.ts";
import { BURST, DIRECTORY_AT, type FourTupleMemory, recordAt } from "./four-tuple-memory.ts";
import { HASH, PORTS, REMOTE } from "./four-tuple-record.ts";

/** Looks up many keys together, so that their cache misses overlap. */
export interface Burst {
  /**
   * `out[from + i]` becomes the id of the key in `keys[(from + i) * 3, …)`, or -1, for each of `count`, at most `BURST`.
   * `shift` is the index's, ids from `highWater` on were never in use.
   */
  find(keys: Int32Array, from: number, count: number, shift: number, highWater: number, out: Int32Array): void;
}

const KEY_WORDS = 3;
/** Slots of each chain that are looked at without a branch: nearly all entries lie in them. */
const FIRST_SLOTS = 4;
const SLOT_MASK = SEGMENT_SLOTS - 1;

/**
 * A burst in JavaScript: five small loops, hash, touch the index, compare tags, touch the records, verify. Each does one
 * thing without a branch, so that the processor has many reads under way.
 */
export class PlainBurst implements Burst {
  readonly #memory: FourTupleMemory;
  readonly #index: FourTupleIndex;
  readonly #hash: FourTupleHash;
  /** Written, so that the compiler does not leave out reads whose only use is that they were made. */
  readonly #touched = new Int32Array(1);
  readonly #hashes = new Int32Array(BURST);
  readonly #starts = new Int32Array(BURST);
  readonly #ids = new Int32Array(BURST);

  constructor(memory: FourTupleMemory, index: FourTupleIndex, hash: FourTupleHash) {
    this.#memory = memory;
    this.#index = index;
    this.#hash = hash;
  }

  /** @hot */
  find(keys: Int32Array, from: number, count: number, shift: number, highWater: number, out: Int32Array): void {
    this.#hash.ofBurst(keys, from * KEY_WORDS, count, this.#hashes);
    this.#touched[0] = this.#start(count, shift);
    this.#match(count, highWater);
    this.#touched[0] = this.#touch(count);
    this.#verify(keys, from, count, out);
  }

  /** Where the chains begin, and a read of each. */
  #start(count: number, shift: number): number {
    const hashes = this.#hashes;
    const starts = this.#starts;
    const words = this.#memory.words;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i];
      const start = words[DIRECTORY_AT + (hash >>> shift)] + homeOf(hash);
      starts[i] = start;
      touched |= words[start];
    }
    return touched;
  }

  /**
   * What may be the ids: from the first `FIRST_SLOTS` of each chain, which hold nearly all there are. The one whose tag is
   * right leaves its bits in `match`; two that are right leave rubbish, an empty one nothing. Behind the end of a segment
   * other words are read. All that is left to `#verify`.
   */
  #match(count: number, highWater: number): void {
    const hashes = this.#hashes;
    const starts = this.#starts;
    const ids = this.#ids;
    const words = this.#memory.words;
    for (let i = 0; i < count; i++) {
      const tag = tagOf(hashes[i]);
      const at = starts[i];
      const a = words[at];
      const b = words[at + 1];
      const c = words[at + 2];
      const d = words[at + 3];
      const match = (a & tagMask(a, tag)) | (b & tagMask(b, tag)) | (c & tagMask(c, tag)) | (d & tagMask(d, tag));
      const id = slotId(match);
      ids[i] = id & ((id - highWater) >> 31); // -1 where nothing matched, 0 for rubbish that is no record's.
    }
  }

  /** A read of each record that may be meant. */
  #touch(count: number): number {
    const ids = this.#ids;
    const { base, words } = this.#memory;
    let touched = 0;
    for (let i = 0; i < count; i++) touched |= words[recordAt(base, ids[i] & ~(ids[i] >> 31))];
    return touched;
  }

  /** Who has the key gets the answer; for the few others, and for what is absent, the chain is walked. */
  #verify(keys: Int32Array, from: number, count: number, out: Int32Array): void {
    const ids = this.#ids;
    const hashes = this.#hashes;
    const { base, words } = this.#memory;
    for (let i = 0, at = from * KEY_WORDS; i < count; i++, at += KEY_WORDS) {
      const id = ids[i];
      const word = recordAt(base, id & ~(id >> 31));
      const difference =
        (words[word] ^ keys[at]) |
        (words[word + REMOTE] ^ keys[at + 1]) |
        (words[word + PORTS] ^ keys[at + 2]) |
        (words[word + HASH] ^ hashes[i]) | // Rubbish may be a freed record, which still has its key.
        (id >> 31);
      if (difference === 0) out[from + i] = id;
      else if (id < 0 && this.#endsEarly(this.#starts[i])) out[from + i] = -1;
      else out[from + i] = this.#index.find(keys[at], keys[at + 1], keys[at + 2], hashes[i]);
    }
  }

  /** Whether the chain that begins at this slot surely ends within `FIRST_SLOTS`. */
  #endsEarly(start: number): boolean {
    const last = start + FIRST_SLOTS - 1;
    if ((start & SLOT_MASK) > SLOT_MASK - FIRST_SLOTS + 1) return false; // It may go on at the segment's first slot.
    const slot = this.#memory.words[last];
    return slot === 0 || displacementOf(slot, last) < FIRST_SLOTS - 1;
  }
}
