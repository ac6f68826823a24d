/** Whether the congestion window is what limits the sender: only then may it grow. RFC 9438 §4.6 and §5.8, RFC 7661 §4.1. */
import { type Seq, seqGe } from "../../base/seq.ts";
import type { CongestionWindow } from "./controller.ts";

/**
 * Looks at one window of data at a time, since an ACK that happens to come while the application pauses for a moment says
 * nothing about the whole. Linux decides in the same way.
 */
export class WindowUsage {
  #limited = false;
  /** The most that was in flight in this window of data, which ends at `#end`. */
  #flightMax = 0;
  #end = 0 as Seq;

  reset(sndNxt: Seq): void {
    this.#limited = false;
    this.#flightMax = 0;
    this.#end = sndNxt;
  }

  /** The sender has sent what it could. `limited`: it would have sent more with a larger window. */
  sent(sndUna: Seq, sndNxt: Seq, inFlight: number, limited: boolean): void {
    if (!limited && !seqGe(sndUna, this.#end) && (this.#limited || inFlight <= this.#flightMax)) return;
    this.#limited = limited;
    this.#flightMax = inFlight;
    this.#end = sndNxt;
  }

  /** In slow start a window that was half full may double: what was sent has filled all of the last one. */
  mayGrow({ cwnd, ssthresh }: CongestionWindow): boolean {
    return this.#limited || (cwnd < ssthresh && cwnd < 2 * this.#flightMax);
  }
}
