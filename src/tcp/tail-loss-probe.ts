/** Tail loss probe: one segment that brings the ACK which a lost tail never would. RFC 8985 §7. */
import { type Seq, seqGe, seqGt } from "../base/seq.ts";
import { OPEN, type Sender } from "./sender.ts";
import { SACK_OK, type Tcb } from "./tcb.ts";

/** RFC 8985 §7.2: the peer may hold back the ACK of a lone segment so long. */
const MAX_ACK_DELAY_MS = 200;
/** On a short path the peer's scheduling takes longer than the round trip: a probe sooner would mostly be in vain. */
const PROBE_MS_MIN = 10;
/** How often that is doubled at most: 160 ms, so that a probe still comes before the RTO. */
const IN_VAIN_MAX = 4;

/** What became of a probe: nobody knows yet, nothing had been lost, or it has repaired a loss that nothing else has shown. */
export type ProbeFate = "open" | "in vain" | "repaired";

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

  /** §7.4.2: what an ACK tells of the probe. Where it was a loss, the window must be reduced for it. */
  acknowledged(ack: Seq, dsack: boolean, plainDuplicate: boolean): ProbeFate {
    if (!this.outstanding || !seqGe(ack, this.#end)) return "open";
    if (!this.#isRetransmission || dsack) {
      this.outstanding = false;
      return this.#isRetransmission ? "in vain" : "open";
    }
    if (seqGt(ack, this.#end)) {
      this.outstanding = false;
      return "repaired";
    }
    if (!plainDuplicate) return "open";
    this.outstanding = false;
    return "in vain";
  }
}

/**
 * A peer whose ACKs wait for its scheduler, or for its application to read, is given twice the time; one that has lost a tail the
 * least again. RFC 8985 §7.2 leaves a least time open.
 */
export function learnFromProbe(c: Tcb, fate: ProbeFate): void {
  if (fate === "in vain") c.probesInVain = Math.min(c.probesInVain + 1, IN_VAIN_MAX);
  else if (fate === "repaired") c.probesInVain = 0;
}

/** §7.2: the time after which a probe is sent, in ms, or -1 where none may be. */
export function probeTimeoutMs(c: Tcb, sender: Sender): number {
  if (!c.has(SACK_OK) || sender.phase !== OPEN || sender.probe.outstanding || c.sndWnd === 0) return -1;
  if (c.probedUnmeasured) return -1; // §7.3, the second condition.
  if (sender.inFlight.sackedOctets > 0 || c.srttUs === 0 || c.flightSize === 0) return -1;
  const twoTripsMs = Math.ceil((2 * c.srttUs) / 1000);
  return Math.max(twoTripsMs, PROBE_MS_MIN << c.probesInVain) + (c.flightSize <= c.sendMss ? MAX_ACK_DELAY_MS : 0);
}
