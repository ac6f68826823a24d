import { GrowableWords } from "../base/growable-words.ts";
import { OWN, RECORD_SHIFT } from "./four-tuple-record.ts";

/*  All of a table's words, in one memory, so that WebAssembly code can work on them:
 *
 *       0  keys of a burst            64 x 4 words: local address, remote address, both ports, hash
 *     256  ids that were found        64
 *     320  where their chains begin   64, in words here or octets, as the code likes it
 *     384  records that may be meant  64, the same
 *     448  the hash's secret           7
 *     456  scratch                     4
 *     460  the index's shift, the base in octets, the first id that was never in use
 *     464  a record that no key equals 4
 *     512  directory of the index     as large as it can become
 *    base  groups, each 64 KiB:       records of 1,024 ids, then 32 segments of the index
 *
 *  Records and segments grow together; where either has room left, its pages are never touched and so never there. */
export const KEYS_AT = 0;
/** Words of a key as a power of two. */
export const KEY_SHIFT = 2;
export const FOUND_AT = 256;
export const STARTS_AT = 320;
export const PLACES_AT = 384;
export const SECRET_AT = 448;
/** How far a hash is shifted to the right for its place in the directory. */
export const SHIFT_AT = 460;
export const BASE_OCTETS_AT = 461;
export const HIGH_WATER_AT = 462;
/** Zeroes, with a hash that is not theirs. */
export const NOBODY_AT = 464;
export const DIRECTORY_AT = 512;
/** Keys that a burst has at most. */
export const BURST = 64;

/** Words of a segment of the index. */
export const SEGMENT_SHIFT = 8;
const GROUP_IDS_SHIFT = 10;
const GROUP_SEGMENTS_SHIFT = 5;
const GROUP_IDS_MASK = (1 << GROUP_IDS_SHIFT) - 1;
const GROUP_SEGMENTS_MASK = (1 << GROUP_SEGMENTS_SHIFT) - 1;
const GROUP_SHIFT = 14;
const SEGMENTS_IN_GROUP_AT = 1 << (GROUP_IDS_SHIFT + RECORD_SHIFT);
/** The base lies on a page of 4 KiB. */
const PAGE_WORDS = 1024;
/** Behind the last group: what a read past the end of its last segment may reach. */
const WORDS_BEHIND = 16;

/** The first word of a record. `| 0`: the sum stays int32, so nothing is checked. @hot */
export const recordAt = (base: number, id: number): number =>
  (base + ((id + (id & ~GROUP_IDS_MASK)) << RECORD_SHIFT)) | 0;
/** The first slot of a segment. @hot */
export const segmentAt = (base: number, segment: number): number =>
  base +
  ((segment >>> GROUP_SEGMENTS_SHIFT) << GROUP_SHIFT) +
  SEGMENTS_IN_GROUP_AT +
  ((segment & GROUP_SEGMENTS_MASK) << SEGMENT_SHIFT);
/** The segment that begins there. */
export const segmentOf = (base: number, place: number): number =>
  (((place - base) >>> GROUP_SHIFT) << GROUP_SEGMENTS_SHIFT) |
  (((place - base) >>> SEGMENT_SHIFT) & GROUP_SEGMENTS_MASK);

// The same for hot code: V8 knows the value of what a file keeps to itself, and reads what is exported or imported each time.
const KEYS = KEYS_AT;
const FOUND = FOUND_AT;
const SHIFT = RECORD_SHIFT;
const OWNERS = OWN;
/** With fewer keys, copying one by one is faster than a call of the runtime for all. */
const KEYS_WORTH_SET = 8;

/** The memory of one table: how its parts lie, and that they grow. */
export class FourTupleMemory {
  /** Where groups begin. */
  readonly base: number;
  /** All words. Another array after growth. */
  words: Int32Array;
  readonly #words: GrowableWords;

  /** For so many ids, segments, and words of a directory at most. */
  constructor(idsMax: number, segmentsMax: number, directoryMax: number) {
    this.base = Math.ceil((DIRECTORY_AT + directoryMax) / PAGE_WORDS) * PAGE_WORDS;
    const groupsMax = Math.max(idsMax >>> GROUP_IDS_SHIFT, segmentsMax >>> GROUP_SEGMENTS_SHIFT) + 1;
    this.#words = new GrowableWords(this.base + (groupsMax << GROUP_SHIFT) + WORDS_BEHIND);
    this.words = this.#words.words;
    this.#growToGroup(0);
    this.words[BASE_OCTETS_AT] = this.base * 4;
  }

  /** The same for WebAssembly code; null where there is none. */
  get imported(): object | null {
    return this.#words.memory;
  }

  /** Makes room for the record `id`. */
  growToId(id: number): void {
    this.#growToGroup(id >>> GROUP_IDS_SHIFT);
  }
  /** Makes room for the segment. */
  growToSegment(segment: number): void {
    this.#growToGroup(segment >>> GROUP_SEGMENTS_SHIFT);
  }

  /** The burst's keys: the first `count` of `BURST`. @hot */
  putKeys(keys: Int32Array, count: number): void {
    if (count >= KEYS_WORTH_SET) this.words.set(keys, KEYS);
    else for (let i = 0; i < count << KEY_SHIFT; i++) this.words[(KEYS + i) | 0] = keys[i];
  }
  /** What was found for key `i` of the burst. @hot */
  found(i: number): number {
    return this.words[(FOUND + i) | 0];
  }
  /** Word `n` of the owner's in the record `id`. @hot */
  own(id: number, n: number): number {
    return this.words[(this.base + ((id + (id & ~GROUP_IDS_MASK)) << SHIFT) + OWNERS + n) | 0];
  }
  /** @hot */
  setOwn(id: number, n: number, value: number): void {
    this.words[(this.base + ((id + (id & ~GROUP_IDS_MASK)) << SHIFT) + OWNERS + n) | 0] = value;
  }

  #growToGroup(group: number): void {
    this.#words.growTo(this.base + ((group + 1) << GROUP_SHIFT) + WORDS_BEHIND);
    this.words = this.#words.words;
  }
}
