import type { Seq } from "../base/seq.ts";

/** What autotuning knows of a connection that has received text; see `tuneBuffer`. */
export class BufferTuning {
  /** RCV.NXT less what the owner had not taken, and the clock, when a round trip was last measured. */
  takenUpTo: Seq;
  atMs: number;
  /** The most that its owner ever took in one. */
  most = 0;
  /** Twice what its owner took in the last one: what it may hold although memory is tight. */
  earned = 0;

  constructor(takenUpTo: Seq, nowMs: number) {
    this.takenUpTo = takenUpTo;
    this.atMs = nowMs;
  }
}
