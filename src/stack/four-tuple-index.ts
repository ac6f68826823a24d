import {
  DIRECTORY_AT,
  FourTupleMemory,
  NOBODY_AT,
  recordAt,
  segmentAt,
  segmentOf,
  SEGMENT_SHIFT,
  SHIFT_AT,
} from "./four-tuple-memory.ts";
import { HASH, PORTS, REMOTE } from "./four-tuple-record.ts";

/** Homes and slots of one segment. It splits alone, and so no insertion ever moves more than these. */
export const SEGMENT_SLOTS = 1 << SEGMENT_SHIFT;
const SLOT_MASK = SEGMENT_SLOTS - 1;
// V8 knows the value of what a file keeps to itself, and reads what is imported each time.
const DIRECTORY = DIRECTORY_AT;
const NOBODY = NOBODY_AT;
/** A segment splits when it holds more entries than this: 78 % of its slots. */
export const SEGMENT_ENTRIES_MAX = 200;
/** No entry lies this many slots or more behind its home: the longest chain, whatever keys are chosen. */
export const CHAIN_MAX = 32;
/** Bits of the hash that choose the segment at most. */
const DEPTH_MAX = 19;
/** A segment may be split this many times more than an even spread calls for; thereafter insertions into it are refused. */
export const DEPTH_SLACK = 4;
/** There are no more segments than one for so many ids of the capacity: less than a split leaves in each half. */
const SEGMENT_ENTRIES_LEAST = 50;
/** Bits of a slot that hold id + 1. */
const ID_BITS = 22;
const ID_MASK = (1 << ID_BITS) - 1;
/** How many ids a slot can tell apart: 4,194,303. */
export const ID_LIMIT = ID_MASK;

/*  One slot, 32 bits; 0 is an empty one:
 *
 *   31       27 26        22 21                                    0
 *  +-----------+------------+---------------------------------------+
 *  | hash 5..9 | hash 0..4  |                id + 1                 |
 *  +-----------+------------+---------------------------------------+
 *
 *  and what else becomes of the hash: bits 0 to 4 and 10 to 12 are the home in the segment, the uppermost bits the
 *  segment. So a slot says by itself how far it lies behind its home, and an entry is moved without reading its record. */
export const homeOf = (hash: number): number => (hash & 31) | ((hash >>> 5) & 224);
/** The upper ten bits of a slot of `hash`, the others 0. */
export const tagOf = (hash: number): number => hash << ID_BITS;
export const slotTagIs = (slot: number, tag: number): boolean => (slot ^ tag) >>> ID_BITS === 0;
/** All ones where the slot has this tag, else 0: `slotTagIs` without a branch. */
export const tagMask = (slot: number, tag: number): number => (((slot ^ tag) >>> ID_BITS) - 1) >> 31;
/** -1 for an empty slot. */
export const slotId = (slot: number): number => (slot & ID_MASK) - 1;
/** How far the entry `slot` at place `at` of its segment lies behind its home, in slots. */
export const displacementOf = (slot: number, at: number): number => (at - (slot >>> ID_BITS)) & (CHAIN_MAX - 1);

const segmentsFor = (capacity: number): number => Math.ceil(capacity / SEGMENT_ENTRIES_LEAST) + (1 << DEPTH_SLACK);
/** How many bits of the hash choose among so many segments at most. */
const depthFor = (segments: number): number => Math.min(DEPTH_MAX, 32 - Math.clz32(segments) + DEPTH_SLACK);

/**
 * From hashes to ids: extendible hashing over segments of linear probing, kept in the order of homes (Robin Hood), so
 * that chains are short and a look-up of what is absent ends as early as one of what is there.
 *
 * Bound: no entry lies `CHAIN_MAX` slots behind its home, no segment holds more than `SEGMENT_ENTRIES_MAX`: it splits
 *        instead, which moves its own entries only. Where that is not allowed any more, `add` refuses and changes nothing
 *        that a look-up can see.
 * Memory: the directory has at most 2^(DEPTH_SLACK + 1) entries a segment. Segments are never merged: the index stays
 *        as large as it was at its fullest.
 */
export class FourTupleIndex {
  /** `DIRECTORY + (hash >>> shift)` is the place in the memory where the place of the segment stands. Also in the memory. */
  #shift = 31;
  readonly #memory: FourTupleMemory;
  readonly #segmentsMax: number;
  readonly #depthMax: number;
  #segments = 1;
  /** By segment: how many of the hash's bits all its entries share, and how many entries there are. */
  #depths = new Uint8Array(16);
  #entries = new Uint16Array(16);
  /** While a segment splits: 1 for each slot whose entry moves. */
  readonly #moves = new Uint8Array(SEGMENT_SLOTS);
  /** And where the hash of each stands. */
  readonly #places = new Int32Array(SEGMENT_SLOTS);

  /** `memory` is what `memoryFor` made; records' hashes are read in it when a segment splits. */
  constructor(capacity: number, memory: FourTupleMemory) {
    this.#segmentsMax = segmentsFor(capacity);
    this.#depthMax = depthFor(this.#segmentsMax);
    this.#memory = memory;
    memory.words[SHIFT_AT] = this.#shift;
    memory.words.fill(segmentAt(memory.base, 0), DIRECTORY_AT, DIRECTORY_AT + 2);
  }

  /** A memory for up to `capacity` ids and their index. */
  static memoryFor(capacity: number): FourTupleMemory {
    const segmentsMax = segmentsFor(capacity);
    return new FourTupleMemory(capacity, segmentsMax, 1 << depthFor(segmentsMax));
  }

  /** Octets in use: slots and directory. */
  get octets(): number {
    return this.#segments * (SEGMENT_SLOTS * 4 + 3) + 4 * 2 ** (32 - this.#shift);
  }

  /** Enters `id`, whose record holds `hash`. False: refused, the bounds stand in the way. */
  add(hash: number, id: number): boolean {
    for (;;) {
      const place = this.#placeOf(hash);
      const segment = segmentOf(this.#memory.base, place);
      if (this.#entries[segment] < SEGMENT_ENTRIES_MAX && this.#place(place, hash, id)) {
        this.#entries[segment]++;
        return true;
      }
      if (!this.#split(segment, hash)) return false; // Each turn takes one more of the hash's `DEPTH_MAX` bits.
    }
  }

  /** The id of the key, whose hash this is, or -1. @hot */
  find(local: number, remote: number, ports: number, hash: number): number {
    const { base, words } = this.#memory;
    const place = words[(DIRECTORY + (hash >>> this.#shift)) | 0];
    const home = homeOf(hash);
    const tag = tagOf(hash);
    for (let distance = 0; distance < CHAIN_MAX; distance++) {
      const slotAt = (home + distance) & SLOT_MASK;
      const slot = words[place + slotAt];
      if (slot === 0) return -1;
      if (slotTagIs(slot, tag)) {
        const id = slotId(slot);
        const at = recordAt(base, id);
        if (words[at] === local && words[at + REMOTE] === remote && words[at + PORTS] === ports) return id;
      } else if (displacementOf(slot, slotAt) < distance) return -1;
    }
    return -1;
  }

  /** Takes `id` out, which is in under `hash`; those behind it move up, so that no chain has a gap. */
  remove(hash: number, id: number): void {
    const slots = this.#memory.words;
    const place = this.#placeOf(hash);
    let at = homeOf(hash);
    while (slotId(slots[place + at]) !== id) at = (at + 1) & SLOT_MASK;
    for (;;) {
      const next = (at + 1) & SLOT_MASK;
      const slot = slots[place + next];
      if (slot === 0 || displacementOf(slot, next) === 0) break;
      slots[place + at] = slot;
      at = next;
    }
    slots[place + at] = 0;
    this.#entries[segmentOf(this.#memory.base, place)]--;
  }

  /** Slots from the home of `hash` to the end of its chain: what a look-up of it reads at most. */
  chainLength(hash: number): number {
    const place = this.#placeOf(hash);
    const home = homeOf(hash);
    let length = 0;
    for (; length < CHAIN_MAX; length++) {
      const at = (home + length) & SLOT_MASK;
      const slot = this.#memory.words[place + at];
      if (slot === 0 || displacementOf(slot, at) < length) break;
    }
    return length;
  }

  #placeOf(hash: number): number {
    return this.#memory.words[(DIRECTORY + (hash >>> this.#shift)) | 0];
  }

  /** Puts the entry behind those of its home; false if any entry would come to lie `CHAIN_MAX` behind its own. */
  #place(place: number, hash: number, id: number): boolean {
    const slots = this.#memory.words;
    const home = homeOf(hash);
    let at = home;
    for (let distance = 0; ; distance++) {
      if (distance === CHAIN_MAX) return false;
      const slot = slots[place + at];
      if (slot === 0 || displacementOf(slot, at) < distance) break;
      at = (at + 1) & SLOT_MASK;
    }
    for (let end = at; slots[place + end] !== 0; end = (end + 1) & SLOT_MASK) {
      if (displacementOf(slots[place + end], end) === CHAIN_MAX - 1) return false;
    }
    for (let carry = tagOf(hash) | (id + 1); carry !== 0; at = (at + 1) & SLOT_MASK) {
      const slot = slots[place + at];
      slots[place + at] = carry;
      carry = slot;
    }
    return true;
  }

  /** Divides the segment, which `hash` belongs to, by the next bit of its entries' hashes. False: not allowed. */
  #split(segment: number, hash: number): boolean {
    const depth = this.#depths[segment];
    const depthLimit = Math.min(this.#depthMax, depthFor(this.#segments));
    if (depth >= depthLimit || this.#segments === this.#segmentsMax) return false;
    if (depth === 32 - this.#shift) this.#doubleDirectory();
    const sibling = this.#segments++;
    this.#memory.growToSegment(sibling);
    this.#growCounts();
    this.#depths[segment] = depth + 1;
    this.#depths[sibling] = depth + 1;
    this.#divide(segment, sibling, depth);

    // All directory entries of the segment stand together; the upper half of them is the sibling's now.
    const half = 1 << (31 - this.#shift - depth);
    const first = DIRECTORY_AT + (depth === 0 ? 0 : hash >>> (32 - depth)) * half * 2;
    this.#memory.words.fill(segmentAt(this.#memory.base, sibling), first + half, first + half * 2);
    return true;
  }

  /** Moves the entries whose hash has a 1 behind its first `depth` bits to `sibling`; both stay in the order of homes. */
  #divide(segment: number, sibling: number, depth: number): void {
    const { base, words: slots } = this.#memory;
    const from = segmentAt(base, segment);
    const to = segmentAt(base, sibling);
    // Apart from the moves, and from finding out where the hashes are, so that the records' cache misses overlap.
    const places = this.#places;
    const moves = this.#moves;
    let empty = 0;
    for (let at = 0; at <= SLOT_MASK; at++) {
      const slot = slots[(from + at) | 0];
      if (slot === 0) empty = at;
      places[at] = slot === 0 ? NOBODY : recordAt(base, slotId(slot)) + HASH;
    }
    for (let at = 0; at <= SLOT_MASK; at++) moves[at] = (slots[places[at]] >>> (31 - depth)) & 1;
    // From behind an empty slot on, places and homes both ascend. An entry goes to its home or behind the last one put.
    let stayed = 0;
    let moved = 0;
    let nextToStay = 0;
    let nextToMove = 0;
    for (let i = 0; i < SEGMENT_SLOTS; i++) {
      const at = (empty + 1 + i) & SLOT_MASK;
      const slot = slots[from + at];
      if (slot === 0) continue;
      slots[from + at] = 0;
      const home = i - displacementOf(slot, at);
      if (moves[at] === 1) {
        nextToMove = Math.max(nextToMove, home);
        slots[to + ((empty + 1 + nextToMove++) & SLOT_MASK)] = slot;
        moved++;
      } else {
        nextToStay = Math.max(nextToStay, home);
        slots[from + ((empty + 1 + nextToStay++) & SLOT_MASK)] = slot;
        stayed++;
      }
    }
    this.#entries[segment] = stayed;
    this.#entries[sibling] = moved;
  }

  #doubleDirectory(): void {
    const { words } = this.#memory;
    for (let i = 2 ** (32 - this.#shift) - 1; i >= 0; i--) {
      const place = words[DIRECTORY_AT + i];
      words[DIRECTORY_AT + 2 * i] = place;
      words[DIRECTORY_AT + 2 * i + 1] = place;
    }
    words[SHIFT_AT] = --this.#shift;
  }

  #growCounts(): void {
    if (this.#segments <= this.#depths.length) return;
    const depths = new Uint8Array(this.#segments * 2);
    depths.set(this.#depths);
    this.#depths = depths;
    const entries = new Uint16Array(this.#segments * 2);
    entries.set(this.#entries);
    this.#entries = entries;
  }
}
