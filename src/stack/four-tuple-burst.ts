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
import {
  DIRECTORY_AT,
  FOUND_AT,
  HIGH_WATER_AT,
  type FourTupleMemory,
  KEYS_AT,
  PLACES_AT,
  recordAt,
  SHIFT_AT,
  STARTS_AT,
} from "./four-tuple-memory.ts";
import { HASH, PORTS, REMOTE } from "./four-tuple-record.ts";

/** Looks up many keys together, so that their cache misses overlap. */
export interface Burst {
  /**
   * For the `count` keys that stand in the memory, at most `BURST`: the ids, or -1 each, are there afterwards.
   */
  find(count: number): void;
}

/** Slots of each chain that are looked at without a branch: nearly all entries lie in them. */
const FIRST_SLOTS = 4;
const SLOT_MASK = SEGMENT_SLOTS - 1;

// V8 knows the value of what a file keeps to itself, and reads what is imported each time.
const DIRECTORY = DIRECTORY_AT;
const KEYS = KEYS_AT;
const FOUND = FOUND_AT;
const STARTS = STARTS_AT;
const PLACES = PLACES_AT;
const OF_HASH = HASH;

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

  constructor(memory: FourTupleMemory, index: FourTupleIndex, hash: FourTupleHash) {
    this.#memory = memory;
    this.#index = index;
    this.#hash = hash;
  }

  /** @hot */
  find(count: number): void {
    this.#hash.ofBurst(this.#memory.words, KEYS_AT, count);
    this.#touched[0] = this.#start(count);
    this.#match(count);
    this.#touched[0] = this.#touch(count);
    this.#verify(count);
  }

  /** Where the chains begin, and a read of each. */
  #start(count: number): number {
    const { words } = this.#memory;
    const shift = words[SHIFT_AT];
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const hash = words[(KEYS + OF_HASH + (i << 2)) | 0];
      const start = (words[(DIRECTORY + (hash >>> shift)) | 0] + homeOf(hash)) | 0;
      words[STARTS + i] = start;
      touched |= words[start] | words[(start + FIRST_SLOTS - 1) | 0]; // Perhaps in two cache lines.
    }
    return touched;
  }

  /**
   * What may be the ids: from the first `FIRST_SLOTS` of each chain, which hold nearly all there are. The one whose tag is
   * right leaves its bits in `match`; two that are right leave rubbish, an empty one nothing. Behind the end of a segment
   * other words are read. All that is left to `#verify`.
   */
  #match(count: number): void {
    const { base, words } = this.#memory;
    const highWater = words[HIGH_WATER_AT];
    for (let i = 0; i < count; i++) {
      const tag = tagOf(words[(KEYS + OF_HASH + (i << 2)) | 0]);
      const at = words[STARTS + i];
      const a = words[at];
      const b = words[(at + 1) | 0];
      const c = words[(at + 2) | 0];
      const d = words[(at + 3) | 0];
      const match = (a & tagMask(a, tag)) | (b & tagMask(b, tag)) | (c & tagMask(c, tag)) | (d & tagMask(d, tag));
      const some = slotId(match);
      const id = some & ((some - highWater) >> 31); // -1 where nothing matched, 0 for rubbish that is no record's.
      words[FOUND + i] = id;
      words[PLACES + i] = recordAt(base, id & ~(id >> 31));
    }
  }

  /** A read of each record that may be meant. */
  #touch(count: number): number {
    const { words } = this.#memory;
    let touched = 0;
    for (let i = 0; i < count; i++) touched |= words[words[PLACES + i]];
    return touched;
  }

  /** Who has the key gets the answer; for the few others, and for what is absent, the chain is walked. */
  #verify(count: number): void {
    const { words } = this.#memory;
    for (let i = 0; i < count; i++) {
      const id = words[FOUND + i];
      const place = words[PLACES + i];
      const at = (KEYS + (i << 2)) | 0;
      const difference =
        (words[place] ^ words[at]) |
        (words[(place + 1) | 0] ^ words[(at + 1) | 0]) |
        (words[(place + 2) | 0] ^ words[(at + 2) | 0]) |
        (words[(place + OF_HASH) | 0] ^ words[(at + OF_HASH) | 0]) | // Rubbish may be a freed record, which still has its key.
        (id >> 31);
      if (difference !== 0) words[FOUND + i] = this.#walk(id, words[STARTS + i], at);
    }
  }

  /** The id of the key at `at`, which the look at the first slots has not verified; `id` is -1 if it has seen no tag either. */
  #walk(id: number, start: number, at: number): number {
    if (id < 0 && this.#endsEarly(start)) return -1;
    const { words } = this.#memory;
    return this.#index.find(words[at], words[at + REMOTE], words[at + PORTS], words[at + HASH]);
  }

  /** Whether the chain that begins at this slot surely ends within `FIRST_SLOTS`. */
  #endsEarly(start: number): boolean {
    const last = start + FIRST_SLOTS - 1;
    if ((start & SLOT_MASK) > SLOT_MASK - FIRST_SLOTS + 1) return false; // It may go on at the segment's first slot.
    const slot = this.#memory.words[last];
    return slot === 0 || displacementOf(slot, last) < FIRST_SLOTS - 1;
  }
}
