import type { Seq } from "../base/seq.ts";

/** What autotuning knows of a connection that has received text; see `tuneBuffer`. */
export class BufferTuning {
  /** Nothing was measured of late: the next text only begins a round trip. */
  rests = true;
  /** RCV.NXT less what the owner had not taken, and the clock, when a round trip was last measured. */
  takenUpTo = 0 as Seq;
  atMs = 0;
  /** The most that its owner ever took in one. */
  most = 0;
  /** Twice what its owner took in the last one: what it may hold although memory is tight. */
  earned = 0;

  /** A round trip begins. */
  begin(takenUpTo: Seq, nowMs: number): void {
    this.rests = false;
    this.takenUpTo = takenUpTo;
    this.atMs = nowMs;
  }
}
