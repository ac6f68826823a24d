/** What the next ACKs tell of text beyond a hole: RFC 2018 §4, RFC 2883 §4. */
import { type Seq, seqGe, seqGt, seqLe } from "../base/seq.ts";
import { SACK_BLOCKS_MAX, type Segment } from "../wire/segment.ts";

/** The blocks as last reported, the newest first, and a duplicate that is still to be told. */
export class SackReport {
  readonly #edges = new Int32Array(SACK_BLOCKS_MAX * 2);
  #blocks = 0;
  #duplicateLeft = 0 as Seq;
  #duplicateRight = 0 as Seq;
  hasDuplicate = false;

  /** The block [left, right) has grown or is new: it goes to the front, and what it has swallowed goes. */
  add(left: Seq, right: Seq): void {
    const edges = this.#edges;
    let kept = 0;
    for (let i = 0; i < this.#blocks; i++) {
      if (seqGe(edges[2 * i] as Seq, left) && seqLe(edges[2 * i + 1] as Seq, right)) continue;
      this.#move(i, kept++);
    }
    this.#blocks = Math.min(kept + 1, SACK_BLOCKS_MAX);
    edges.copyWithin(2, 0, 2 * (this.#blocks - 1));
    edges[0] = left;
    edges[1] = right;
  }

  /** [left, right) has come a second time: the next ACK says so, once. */
  addDuplicate(left: Seq, right: Seq): void {
    this.#duplicateLeft = left;
    this.#duplicateRight = right;
    this.hasDuplicate = true;
  }

  /** Text from `seq` on is not here any more. RFC 2018 §8 allows that. */
  forgetFrom(seq: Seq): void {
    const edges = this.#edges;
    let kept = 0;
    for (let i = 0; i < this.#blocks; i++) {
      if (seqGe(edges[2 * i] as Seq, seq)) continue;
      if (seqGt(edges[2 * i + 1] as Seq, seq)) edges[2 * i + 1] = seq;
      this.#move(i, kept++);
    }
    this.#blocks = kept;
  }

  /** Writes at most `limit` blocks that lie behind `rcvNxt` into `seg`, the duplicate before them. */
  fill(seg: Segment, rcvNxt: Seq, limit: number): void {
    this.#forgetBelow(rcvNxt);
    let count = 0;
    if (this.hasDuplicate && limit > 0) {
      seg.sackEdges[0] = this.#duplicateLeft;
      seg.sackEdges[1] = this.#duplicateRight;
      count = 1;
    }
    for (let block = 0; block < this.#blocks && count < limit; block++, count++) {
      seg.sackEdges[2 * count] = this.#edges[2 * block];
      seg.sackEdges[2 * count + 1] = this.#edges[2 * block + 1];
    }
    seg.sackCount = count;
  }

  #forgetBelow(rcvNxt: Seq): void {
    let kept = 0;
    for (let i = 0; i < this.#blocks; i++) if (!seqLe(this.#edges[2 * i + 1] as Seq, rcvNxt)) this.#move(i, kept++);
    this.#blocks = kept;
  }

  #move(from: number, to: number): void {
    this.#edges[2 * to] = this.#edges[2 * from];
    this.#edges[2 * to + 1] = this.#edges[2 * from + 1];
  }
}
