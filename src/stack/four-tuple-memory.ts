import { GrowableWords } from "../base/growable-words.ts";
import { RECORD_SHIFT } from "./four-tuple-record.ts";

/*  All of a table's words, in one memory, so that WebAssembly code can work on them:
 *
 *       0  keys of a burst            64 x 3 words
 *     192  ids that were found        64
 *     256  hashes of the keys         64
 *     320  where their chains begin   64
 *     384  the hash's secret           7
 *     512  directory of the index     as large as it can become
 *    base  groups, each 64 KiB:       records of 1,024 ids, then 16 segments of the index
 *
 *  Records and segments grow together; where either has room left, its pages are never touched and so never there. */
export const KEYS_AT = 0;
export const FOUND_AT = 192;
export const SECRET_AT = 384;
export const DIRECTORY_AT = 512;
/** Keys that a burst has at most. */
export const BURST = 64;

/** Words of a segment of the index. */
export const SEGMENT_SHIFT = 9;
const GROUP_IDS_SHIFT = 10;
const GROUP_SEGMENTS_SHIFT = 4;
const GROUP_IDS_MASK = (1 << GROUP_IDS_SHIFT) - 1;
const GROUP_SEGMENTS_MASK = (1 << GROUP_SEGMENTS_SHIFT) - 1;
const GROUP_SHIFT = 14;
const SEGMENTS_IN_GROUP_AT = 1 << (GROUP_IDS_SHIFT + RECORD_SHIFT);
/** The base lies on a page of 4 KiB. */
const PAGE_WORDS = 1024;
/** Behind the last group: what a read past the end of its last segment may reach. */
const WORDS_BEHIND = 16;

/** The first word of a record. @hot */
export const recordAt = (base: number, id: number): number => base + ((id + (id & ~GROUP_IDS_MASK)) << RECORD_SHIFT);
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

  #growToGroup(group: number): void {
    this.#words.growTo(this.base + ((group + 1) << GROUP_SHIFT) + WORDS_BEHIND);
    this.words = this.#words.words;
  }
}
