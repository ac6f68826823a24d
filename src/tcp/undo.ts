/**
 * Taking back a response to a loss that was none: by timestamps (Eifel, RFC 3522 §3.2 and RFC 4015 §3) or by D-SACK (RFC 3708 §3).
 */
import { type Seq, seqGe, seqLt } from "../base/seq.ts";
import { SSTHRESH_INFINITE } from "./congestion/controller.ts";
import type { Tcb } from "./tcb.ts";

export class Undo {
  #cwnd = 0;
  #ssthresh = SSTHRESH_INFINITE;
  #una = 0 as Seq;
  #possible = false;
  /** When the range at `#una` was first sent again, in ms; only with `#headSentAgain`. */
  #headAtMs = 0;
  #headSentAgain = false;
  /** It had been sent again before this recovery: its ACK proves nothing. */
  #headAmbiguous = false;
  #sentAgain = false;
  /** Octets sent again and not yet reported as duplicates. */
  #unproven = 0;

  reset(): void {
    this.#possible = false;
  }

  /** A recovery begins: what would have to be restored. `headResent`: the first range outstanding is a copy already. */
  begin(c: Tcb, headResent: boolean): void {
    this.#cwnd = c.cwnd;
    this.#ssthresh = c.ssthresh;
    this.#una = c.sndUna;
    this.#possible = true;
    this.#sentAgain = false;
    this.#headSentAgain = false;
    this.#headAmbiguous = headResent;
    this.#unproven = 0;
  }

  sentAgain(start: Seq, octets: number, nowMs: number): void {
    if (start === this.#una && !this.#headSentAgain) {
      this.#headAtMs = nowMs;
      this.#headSentAgain = true;
    }
    this.#sentAgain = true;
    this.#unproven += octets;
  }

  /** The first ACK of new data echoes a timestamp from before the first retransmission: the original had arrived. */
  provenByTimestamp(una: Seq, tsEcr: number, tsOffset: number): boolean {
    if (!this.#possible || !this.#headSentAgain || this.#headAmbiguous || una !== this.#una) return false;
    return ((tsEcr - (this.#headAtMs + tsOffset)) | 0) < 0;
  }

  /** The peer had [left, right) twice. True once that holds for everything that was sent again. */
  provenByDsack(left: Seq, right: Seq): boolean {
    if (!this.#possible || !this.#sentAgain || seqLt(left, this.#una) || seqGe(left, right)) return false;
    this.#unproven -= (right - left) | 0;
    return this.#unproven <= 0;
  }

  /** Restores what was before. RFC 4015 §3.2; the window is not made smaller than it has grown meanwhile. */
  apply(c: Tcb): void {
    this.#possible = false;
    c.cwnd = Math.max(c.cwnd, this.#cwnd);
    c.ssthresh = Math.max(c.ssthresh, this.#ssthresh);
  }
}
