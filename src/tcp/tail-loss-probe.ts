/** Tail loss probe: one segment that brings the ACK which a lost tail never would. RFC 8985 §7. */
import { type Seq, seqGe, seqGt } from "../base/seq.ts";
import { OPEN, type Sender } from "./sender.ts";
import { SACK_OK, type Tcb } from "./tcb.ts";

/** RFC 8985 §7.2: the peer may hold back the ACK of a lone segment so long. */
const MAX_ACK_DELAY_MS = 200;
/** On a short path the peer's scheduling takes longer than the round trip: a probe sooner would mostly be in vain. */
const PROBE_MS_MIN = 10;

export class TailLossProbe {
  /** SND.NXT when a probe was sent whose fate is open; meaningful with `outstanding`. */
  #end = 0 as Seq;
  #isRetransmission = false;
  outstanding = false;

  reset(): void {
    this.outstanding = false;
  }

  sent(sndNxt: Seq, isRetransmission: boolean): void {
    this.outstanding = true;
    this.#end = sndNxt;
    this.#isRetransmission = isRetransmission;
  }

  /**
   * §7.4.2: what an ACK tells of the probe. True where it has repaired a loss that nothing else has shown: the window must
   * be reduced for it.
   */
  acknowledged(ack: Seq, dsack: boolean, plainDuplicate: boolean): boolean {
    if (!this.outstanding || !seqGe(ack, this.#end)) return false;
    if (!this.#isRetransmission || dsack) {
      this.outstanding = false;
      return false;
    }
    if (seqGt(ack, this.#end)) {
      this.outstanding = false;
      return true;
    }
    if (plainDuplicate) this.outstanding = false;
    return false;
  }
}

/** §7.2: the time after which a probe is sent, in ms, or -1 where none may be. */
export function probeTimeoutMs(c: Tcb, sender: Sender): number {
  if (!c.has(SACK_OK) || sender.phase !== OPEN || sender.probe.outstanding || c.sndWnd === 0) return -1;
  if (!c.measuredSinceProbe) return -1; // §7.3, the second condition.
  if (sender.inFlight.sackedOctets > 0 || c.srttUs === 0 || c.flightSize === 0) return -1;
  const twoTripsMs = Math.ceil((2 * c.srttUs) / 1000);
  return Math.max(twoTripsMs, PROBE_MS_MIN) + (c.flightSize <= c.sendMss ? MAX_ACK_DELAY_MS : 0);
}
