import type { MemoryBudget } from "../base/memory-budget.ts";
import { type Seq, seqAdd, seqDiff, seqGe, seqLe, seqLt, seqMax, seqMin } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import { SackReport } from "./sack-report.ts";

/** What one kept segment costs beside its octets: measured, Node 20 on x64. */
export const OUT_OF_ORDER_OVERHEAD = 384;

/** Text without a gap, in the chunks in which it came; those before `first` were taken. */
interface Run {
  start: Seq;
  end: Seq;
  readonly chunks: Uint8Array[];
  first: number;
}

/**
 * Text that came ahead of a hole (RFC 9293 SHLD-31), and the SACK blocks that report it (RFC 2018 §4).
 *
 * Shape: runs in order of sequence with a gap between any two. A segment adds one chunk at most: what of it is here already is
 *        not stored again, and whole runs that it covers make way for it.
 * Work:  for each segment a bisection, and at most one move of the chunks behind the gap that it fills.
 * Owner: each chunk is a copy of its own. What they cost is in `memory.outOfOrder`.
 */
export class OutOfOrder {
  readonly #memory: MemoryBudget;
  readonly #runs: Run[] = [];
  readonly #sack = new SackReport();
  readonly #reports: boolean;
  octets = 0;
  segments = 0;

  /** Where the peer's FIN stands, if it came ahead of the hole. */
  finAt: Seq | null = null;

  /** `reports`: the peer takes SACK. */
  constructor(memory: MemoryBudget, reports: boolean) {
    this.#memory = memory;
    this.#reports = reports;
    memory.queues++;
  }

  /** Octets of memory that it holds. */
  get charge(): number {
    return this.octets + this.segments * OUT_OF_ORDER_OVERHEAD;
  }
  /** Whether nothing is kept here any more. */
  get isEmpty(): boolean {
    return this.segments === 0 && this.finAt === null && !this.#sack.hasDuplicate;
  }
  /** Behind the last octet kept. Precondition: there is one. */
  get end(): Seq {
    return this.#runs[this.#runs.length - 1].end;
  }

  /**
   * Keeps what of `bytes[at, at + length)`, whose first octet is `seq`, is not here yet; returns the octets that are here
   * now and were not before. Precondition: it begins after RCV.NXT.
   */
  insert(seq: Seq, bytes: Uint8Array, at: number, length: number): number {
    const runs = this.#runs;
    const end = seqAdd(seq, length);
    const before = this.octets;
    let low = this.#firstReaching(seq);
    const met = low < runs.length && runs[low].end === seq ? low + 1 : low;
    if (met < runs.length && seqLt(runs[met].start, end)) {
      this.reportDuplicate(seqMax(runs[met].start, seq), seqMin(runs[met].end, end)); // The first of them: RFC 2883 §4.2.
    }
    const left = low < runs.length && seqLt(runs[low].start, seq) ? runs[low++] : null;
    const high = this.#dropCovered(low, end);
    const right = high < runs.length && seqLe(runs[high].start, end) ? runs[high] : null;
    const from = left === null ? seq : seqMax(left.end, seq);
    const until = right === null ? end : seqMin(right.start, end);
    if (seqLt(from, until))
      this.#join(left, right, high, from, this.#copy(bytes, at + seqDiff(from, seq), until, from));
    const holder = left ?? right ?? runs[high];
    this.#sack.add(holder.start, holder.end);
    return this.octets - before;
  }

  /** Runs from `low` on that lie before `end` make way; returns where the first that stays is. */
  #dropCovered(low: number, end: Seq): number {
    const runs = this.#runs;
    let high = low;
    while (high < runs.length && seqLt(runs[high].end, end)) {
      for (let i = runs[high].first; i < runs[high].chunks.length; i++) this.#account(-1, -runs[high].chunks[i].length);
      high++;
    }
    if (high > low) runs.splice(low, high - low);
    return low;
  }

  #copy(bytes: Uint8Array, at: number, until: Seq, from: Seq): Uint8Array {
    const chunk = bytes.slice(at, at + seqDiff(until, from));
    this.#account(1, chunk.length);
    return chunk;
  }

  /** Puts `chunk`, which begins at `from`, behind `left` and before `right`, as far as there are such neighbours. */
  #join(left: Run | null, right: Run | null, place: number, from: Seq, chunk: Uint8Array): void {
    if (left === null && right === null) {
      this.#runs.splice(place, 0, { start: from, end: seqAdd(from, chunk.length), chunks: [chunk], first: 0 });
    } else if (left === null) {
      right?.chunks.splice(right.first, 0, chunk);
      if (right !== null) right.start = from;
    } else {
      left.chunks.push(chunk);
      left.end = seqAdd(from, chunk.length);
      if (right === null) return;
      for (let i = right.first; i < right.chunks.length; i++) left.chunks.push(right.chunks[i]);
      left.end = right.end;
      this.#runs.splice(place, 1);
    }
  }

  /** The chunk that continues the stream at `rcvNxt`, already trimmed to it, or null. It is the caller's now. */
  take(rcvNxt: Seq): Uint8Array | null {
    while (this.#runs.length > 0 && seqLe(this.#runs[0].start, rcvNxt)) {
      const run = this.#runs[0];
      const skip = seqDiff(rcvNxt, run.start);
      const chunk = run.chunks[run.first++];
      run.start = seqAdd(run.start, chunk.length);
      if (run.first === run.chunks.length) this.#runs.shift(); // Of each run once, not of each chunk.
      this.#account(-1, -chunk.length);
      if (skip > 0) this.reportDuplicate(seqAdd(rcvNxt, -skip), seqMin(rcvNxt, seqAdd(rcvNxt, chunk.length - skip)));
      if (skip < chunk.length) return skip === 0 ? chunk : chunk.subarray(skip);
    }
    return null;
  }

  /** Gives up the chunk that is furthest from the hole; it will be sent again (RFC 2018 §8). Precondition: there is one. */
  dropLast(): void {
    const run = this.#runs[this.#runs.length - 1];
    const chunk = run.chunks.pop();
    if (chunk === undefined) return;
    run.end = seqAdd(run.end, -chunk.length);
    if (run.first === run.chunks.length) this.#runs.pop();
    this.#account(-1, -chunk.length);
    this.#sack.forgetFrom(run.end);
  }

  /** [left, right) has come a second time: the next ACK says so, once. RFC 2883 §4. */
  reportDuplicate(left: Seq, right: Seq): void {
    if (this.#reports) this.#sack.addDuplicate(left, right);
  }

  /**
   * Writes at most `limit` blocks into `seg`: a duplicate first (RFC 2883 §4), then those that lie after `rcvNxt`, the newest
   * first (RFC 2018 §4). The duplicate is forgotten once `seg` is on its way: `reported`.
   */
  fillSack(seg: Segment, rcvNxt: Seq, limit: number): void {
    this.#sack.fill(seg, rcvNxt, limit);
  }

  /** What `fillSack` wrote has left: a duplicate is reported once. RFC 2883 §4 (1). */
  reported(): void {
    this.#sack.hasDuplicate = false;
  }

  /** It is given up with all that is in it: its memory is the stack's again. */
  release(): void {
    this.#memory.outOfOrder -= this.charge;
    this.#memory.queues--;
  }

  #account(segments: number, octets: number): void {
    this.segments += segments;
    this.octets += octets;
    this.#memory.outOfOrder += octets + segments * OUT_OF_ORDER_OVERHEAD;
  }

  /** The first run that ends at or after `seq`, by bisection. */
  #firstReaching(seq: Seq): number {
    const runs = this.#runs;
    let low = 0;
    let high = runs.length;
    // Segments beyond a hole come in order: the last run is tried first.
    if (high > 0 && seqLe(runs[high - 1].start, seq)) return seqGe(runs[high - 1].end, seq) ? high - 1 : high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqLt(runs[middle].end, seq)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
