import { assert } from "../base/assert.ts";
import { type Seq, seqDiff, seqGe, seqLe, seqLt } from "../base/seq.ts";

/** The peer has it by SACK; it is thought lost; it was sent more than once; the copy of a lost one is on its way; it ends in FIN. */
export const SACKED = 1,
  LOST = 2,
  RETRANSMITTED = 4,
  COPY_IN_FLIGHT = 8,
  WITH_FIN = 16;

/** In the flags of a range that is SACKED: how many more it has swallowed, counted in the bits above all others. */
const SWALLOWED_SHIFT = 8;
const FLAG_BITS = (1 << SWALLOWED_SHIFT) - 1;

const WORDS = 4,
  START = 0,
  END = 1,
  SENT_US = 2,
  FLAGS = 3;
const RANGES_INITIAL = 16;

/** The oldest that something in flight can look. */
export const AGE_US_MAX = 0x7fff_ffff;

/** How long ago `sentUs` was; `AGE_US_MAX` for more than an int32 holds: a peer was gone, or the host stood still, for 36 minutes. */
export function ageUs(nowUs: number, sentUs: number): number {
  const age = (nowUs - sentUs) | 0;
  return age < 0 ? AGE_US_MAX : age;
}

/**
 * What was sent and not yet acknowledged: consecutive ranges of sequence space in order, each with its last time of
 * transmission and its fate as far as it is known (the scoreboard of RFC 6675 §2). A range is what one call of the
 * sender put on the wire, a super-segment perhaps; it is split where an acknowledgment or a loss cuts it.
 *
 * Units: `sentUs` is the clock's microseconds as int32: ask `ageUs` how long ago that was. It wraps after 71 minutes.
 */
export class InFlight {
  #words = new Int32Array(RANGES_INITIAL * WORDS);
  #head = 0;
  #count = 0;
  /** Octets of ranges that are SACKED, and of ranges that are LOST with no copy on its way. */
  sackedOctets = 0;
  lostOctets = 0;
  /** Ranges that were SACKED, those included that have become one with others since, as far as it is sure that they still count. */
  sackedRanges = 0;
  /** Octets that were ever found lost, copies included, modulo 2^32. */
  lostTotal = 0;

  get count(): number {
    return this.#count;
  }

  reset(): void {
    this.#head = 0;
    this.#count = 0;
    this.sackedOctets = 0;
    this.sackedRanges = 0;
    this.lostOctets = 0;
    this.lostTotal = 0;
  }

  /** Lets a large array go. Precondition: nothing is in flight. */
  shrink(): void {
    if (this.#words.length > RANGES_INITIAL * WORDS) this.#words = new Int32Array(RANGES_INITIAL * WORDS);
  }

  start(i: number): Seq {
    return this.#words[(this.#head + i) * WORDS + START] as Seq;
  }
  end(i: number): Seq {
    return this.#words[(this.#head + i) * WORDS + END] as Seq;
  }
  sentUs(i: number): number {
    return this.#words[(this.#head + i) * WORDS + SENT_US];
  }
  flags(i: number): number {
    return this.#words[(this.#head + i) * WORDS + FLAGS] & FLAG_BITS;
  }
  #swallowedBy(i: number): number {
    return this.#words[(this.#head + i) * WORDS + FLAGS] >> SWALLOWED_SHIFT;
  }
  #sackedRangesIn(i: number): number {
    return (this.flags(i) & SACKED) === 0 ? 0 : 1 + this.#swallowedBy(i);
  }
  length(i: number): number {
    return seqDiff(this.end(i), this.start(i));
  }

  /** Appends the range just sent. Precondition: it starts where the last one ends. */
  push(start: Seq, end: Seq, sentUs: number, flags: number): void {
    assert(this.#count === 0 || this.end(this.#count - 1) === start, "ranges in flight are consecutive");
    if ((this.#head + this.#count) * WORDS === this.#words.length) this.#makeRoom();
    this.#write(this.#count++, start, end, sentUs, flags);
  }

  /** Forgets everything before `una`; a range that it cuts keeps its rest. Returns the number of ranges forgotten. */
  acknowledge(una: Seq): number {
    const before = this.#count;
    while (this.#count > 0 && seqLe(this.end(0), una)) {
      this.#account(0, -this.length(0));
      this.sackedRanges -= this.#sackedRangesIn(0);
      this.#head++;
      this.#count--;
    }
    if (this.#count === 0) {
      this.#head = 0;
      return before;
    }
    const cut = seqDiff(una, this.start(0));
    if (cut > 0) {
      this.#account(0, -cut);
      this.sackedRanges -= this.#swallowedBy(0); // How many of them lie behind the cut is not known.
      this.#words[this.#head * WORDS + START] = una;
      this.#words[this.#head * WORDS + FLAGS] &= FLAG_BITS;
    }
    return before - this.#count;
  }

  /** Changes the flags of range `i`, and the sums with them. */
  setFlags(i: number, flags: number): void {
    const lostBefore = this.lostOctets;
    this.#account(i, -this.length(i));
    this.sackedRanges -= this.#sackedRangesIn(i);
    this.#words[(this.#head + i) * WORDS + FLAGS] = flags;
    this.#account(i, this.length(i));
    this.sackedRanges += this.#sackedRangesIn(i);
    if (this.lostOctets > lostBefore) this.lostTotal = (this.lostTotal + this.lostOctets - lostBefore) | 0;
  }

  /**
   * The peer has range `i`. It becomes one with SACKED neighbours, so that what lies between two holes is one step for every ACK to come.
   * Returns where it is now. What it was sent at is not told any more.
   */
  sack(i: number): number {
    this.setFlags(i, (this.flags(i) | SACKED) & ~(LOST | COPY_IN_FLIGHT));
    if (i + 1 < this.#count && (this.flags(i + 1) & SACKED) !== 0) this.#swallow(i);
    if (i === 0 || (this.flags(i - 1) & SACKED) === 0) return i;
    this.#swallow(i - 1);
    return i - 1;
  }

  /** Ranges `i` and `i + 1`, both SACKED, become one; the shorter side of the rest moves. */
  #swallow(i: number): void {
    const at = (this.#head + i) * WORDS;
    const next = at + WORDS;
    const swallowed = this.#sackedRangesIn(i) + this.#sackedRangesIn(i + 1) - 1;
    const flags = this.flags(i) | this.flags(i + 1) | (swallowed << SWALLOWED_SHIFT);
    if (i < this.#count >> 1) {
      this.#words[next + START] = this.#words[at + START];
      this.#words[next + FLAGS] = flags;
      this.#words.copyWithin((this.#head + 1) * WORDS, this.#head * WORDS, at);
      this.#head++;
    } else {
      this.#words[at + END] = this.#words[next + END];
      this.#words[at + FLAGS] = flags;
      this.#words.copyWithin(next, next + WORDS, (this.#head + this.#count) * WORDS);
    }
    this.#count--;
  }

  /** Range `i` went out again at `sentUs`. */
  resent(i: number, sentUs: number): void {
    this.setFlags(i, this.flags(i) | RETRANSMITTED | COPY_IN_FLIGHT);
    this.#words[(this.#head + i) * WORDS + SENT_US] = sentUs;
  }

  /** Cuts range `i` in two at `seq`, which lies inside it; FIN goes with the second, and so do all but one that it has swallowed. */
  split(i: number, seq: Seq): void {
    assert(seqLt(this.start(i), seq) && seqLt(seq, this.end(i)), "a cut lies inside its range");
    if ((this.#head + this.#count) * WORDS === this.#words.length) this.#makeRoom();
    const from = (this.#head + i) * WORDS;
    this.#words.copyWithin(from + WORDS, from, (this.#head + this.#count) * WORDS);
    this.#count++;
    this.#words[from + END] = seq;
    this.#words[from + FLAGS] = this.flags(i) & ~WITH_FIN;
    this.#words[from + WORDS + START] = seq;
    if (this.#swallowedBy(i + 1) > 0) this.#words[from + WORDS + FLAGS] -= 1 << SWALLOWED_SHIFT;
    else if ((this.flags(i) & SACKED) !== 0) this.sackedRanges++;
  }

  /** The first range that ends after `seq`, by bisection; `count` where none does. */
  firstEndingAfter(seq: Seq): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqGe(seq, this.end(middle))) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #account(i: number, octets: number): void {
    const flags = this.flags(i);
    if ((flags & SACKED) !== 0) this.sackedOctets += octets;
    else if ((flags & (LOST | COPY_IN_FLIGHT)) === LOST) this.lostOctets += octets;
  }

  #write(i: number, start: Seq, end: Seq, sentUs: number, flags: number): void {
    const at = (this.#head + i) * WORDS;
    this.#words[at + START] = start;
    this.#words[at + END] = end;
    this.#words[at + SENT_US] = sentUs;
    this.#words[at + FLAGS] = flags;
  }

  /** Moves the ranges to the front of the array, or to a larger one where it is more than half full. */
  #makeRoom(): void {
    const used = this.#words.subarray(this.#head * WORDS, (this.#head + this.#count) * WORDS);
    if (used.length * 2 > this.#words.length) {
      const larger = new Int32Array(this.#words.length * 2);
      larger.set(used);
      this.#words = larger;
    } else {
      this.#words.copyWithin(0, this.#head * WORDS, (this.#head + this.#count) * WORDS);
    }
    this.#head = 0;
  }
}
