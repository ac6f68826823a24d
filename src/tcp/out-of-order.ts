import { type Seq, seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, seqMin } from "../base/seq.ts";
import { SACK_BLOCKS_MAX, type Segment } from "../wire/segment.ts";

/** What one kept segment costs beside its octets. */
const OUT_OF_ORDER_OVERHEAD = 256;

/**
 * Text that came ahead of a hole (RFC 9293 SHLD-31), and the SACK blocks that report it (RFC 2018 §4).
 *
 * Shape: entries in order of sequence, none overlapping: what an entry already covers is not stored again.
 * Owner: each entry's octets are its own copy.
 */
export class OutOfOrder {
  readonly #starts: Seq[] = [];
  readonly #chunks: Uint8Array[] = [];
  /** Blocks as last reported, the newest first; at most `SACK_BLOCKS_MAX`. */
  readonly #edges = new Int32Array(SACK_BLOCKS_MAX * 2);
  #blocks = 0;
  readonly #duplicate = new Int32Array(2);
  #hasDuplicate = false;
  readonly #reports: boolean;
  octets = 0;

  /** Where the peer's FIN stands, if it came ahead of the hole. */
  finAt: Seq | null = null;

  /** `reports`: the peer takes SACK. */
  constructor(reports: boolean) {
    this.#reports = reports;
  }

  get segments(): number {
    return this.#chunks.length;
  }
  /** Octets that it costs the stack's memory budget. */
  get charge(): number {
    return this.octets + this.#chunks.length * OUT_OF_ORDER_OVERHEAD;
  }

  /**
   * Keeps what of `bytes[at, at + length)`, whose first octet is `seq`, is not here yet; returns the octets added.
   * Precondition: it begins after RCV.NXT.
   */
  insert(seq: Seq, bytes: Uint8Array, at: number, length: number): number {
    const end = (seq + length) | 0;
    let added = 0;
    let from = seq;
    let i = this.#firstEndingAfter(seq);
    while (seqLt(from, end as Seq)) {
      const start = i < this.#starts.length ? this.#starts[i] : (end as Seq);
      if (seqLt(from, start)) {
        const until = seqLt(start, end as Seq) ? start : (end as Seq);
        const offset = at + seqDiff(from, seq);
        this.#starts.splice(i, 0, from);
        this.#chunks.splice(i, 0, bytes.slice(offset, offset + seqDiff(until, from)));
        added += seqDiff(until, from);
        from = until;
        i++;
      } else {
        const there = seqMin(this.#endOf(i), end as Seq);
        if (added === seqDiff(from, seq)) this.reportDuplicate(from, there); // The first of them: RFC 2883 §4.2.
        from = this.#endOf(i);
        i++;
      }
    }
    this.octets += added;
    this.#report(seq, end as Seq);
    return added;
  }

  /** The chunk that continues the stream at `rcvNxt`, already trimmed to it, or null. It is the caller's now. */
  take(rcvNxt: Seq): Uint8Array | null {
    while (this.#chunks.length > 0 && seqLe(this.#starts[0], rcvNxt)) {
      const skip = seqDiff(rcvNxt, this.#starts[0]);
      const chunk = this.#chunks[0];
      this.#starts.shift();
      this.#chunks.shift();
      this.octets -= chunk.length;
      if (skip > 0) this.reportDuplicate(seqAdd(rcvNxt, -skip), seqMin(rcvNxt, seqAdd(rcvNxt, chunk.length - skip)));
      if (skip < chunk.length) return skip === 0 ? chunk : chunk.subarray(skip);
    }
    return null;
  }

  /** [left, right) has come a second time: the next ACK says so, once. RFC 2883 §4. */
  reportDuplicate(left: Seq, right: Seq): void {
    if (!this.#reports) return;
    this.#duplicate[0] = left;
    this.#duplicate[1] = right;
    this.#hasDuplicate = true;
  }

  /** Whether nothing is kept here any more. */
  get isEmpty(): boolean {
    return this.#chunks.length === 0 && this.finAt === null && !this.#hasDuplicate;
  }

  /**
   * Writes at most `limit` blocks into `seg`: a duplicate first (RFC 2883 §4), then those that lie after `rcvNxt`, the newest
   * first (RFC 2018 §4). The duplicate is forgotten once `seg` is on its way: `reported`.
   */
  fillSack(seg: Segment, rcvNxt: Seq, limit: number): void {
    this.#forgetBelow(rcvNxt);
    let count = 0;
    if (this.#hasDuplicate && limit > 0) {
      seg.sackEdges.set(this.#duplicate);
      count = 1;
    }
    for (let block = 0; block < this.#blocks && count < limit; block++, count++) {
      seg.sackEdges[2 * count] = this.#edges[2 * block];
      seg.sackEdges[2 * count + 1] = this.#edges[2 * block + 1];
    }
    seg.sackCount = count;
  }

  /** What `fillSack` wrote has left: a duplicate is reported once. RFC 2883 §4 (1). */
  reported(): void {
    this.#hasDuplicate = false;
  }

  #forgetBelow(rcvNxt: Seq): void {
    let kept = 0;
    for (let i = 0; i < this.#blocks; i++) {
      if (seqLe(this.#edges[2 * i + 1] as Seq, rcvNxt)) continue;
      this.#edges[2 * kept] = this.#edges[2 * i];
      this.#edges[2 * kept + 1] = this.#edges[2 * i + 1];
      kept++;
    }
    this.#blocks = kept;
  }

  /** Puts the contiguous block that holds [seq, end) in front of those reported before and removes what it swallows. */
  #report(seq: Seq, end: Seq): void {
    let low = this.#firstEndingAfter(seq);
    let high = low;
    while (low > 0 && this.#endOf(low - 1) === this.#starts[low]) low--;
    while (high + 1 < this.#starts.length && this.#endOf(high) === this.#starts[high + 1]) high++;
    const left = this.#starts[low];
    const right = seqGt(this.#endOf(high), end) ? this.#endOf(high) : end;
    let kept = 1;
    const old = this.#edges.slice();
    for (let i = 0; i < this.#blocks && kept < SACK_BLOCKS_MAX; i++) {
      if (seqGe(old[2 * i] as Seq, left) && seqLe(old[2 * i + 1] as Seq, right)) continue;
      this.#edges[2 * kept] = old[2 * i];
      this.#edges[2 * kept + 1] = old[2 * i + 1];
      kept++;
    }
    this.#edges[0] = left;
    this.#edges[1] = right;
    this.#blocks = kept;
  }

  #endOf(i: number): Seq {
    return ((this.#starts[i] + this.#chunks[i].length) | 0) as Seq;
  }

  #firstEndingAfter(seq: Seq): number {
    let low = 0;
    let high = this.#starts.length;
    // Segments beyond a hole come in order: the end is tried first.
    if (high > 0 && seqLe(this.#endOf(high - 1), seq)) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqLe(this.#endOf(middle), seq)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
