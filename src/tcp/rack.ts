/** RACK: loss by time. RFC 8985 §6. It serves connections with SACK, and replaces counting duplicate ACKs there. */
import { type Seq, seqGt, seqLt } from "../base/seq.ts";
import { AGE_US_MAX, ageUs, COPY_IN_FLIGHT, type InFlight, LOST, RETRANSMITTED, SACKED } from "./in-flight.ts";

/** RFC 8985 §6.2 step 4: recoveries for which a widened reordering window is kept. */
const REO_WND_PERSIST = 16;
/** Ranges that one search for losses looks at. */
const STEPS_MAX = 256;
/** RFC 5681 §3.2, in segments. */
const DUP_THRESH = 3;

/** What RACK knows of one connection's path while something is in flight. Times are the clock's us as int32. */
export class Rack {
  /** When the range that was sent last of all those delivered was sent, where it ends, and its round-trip time. */
  xmitUs = 0;
  endSeq = 0 as Seq;
  rttUs = 0;
  waitUs = 0;
  #known = false;
  /** Where the last search for losses has stopped, if it did not come to its end. */
  #resumes = false;
  #resumeAt = 0 as Seq;
  /** Whether what it has passed by may be lost when it comes to its end: a wait was found, or something was delivered since. */
  #leftBehind = false;
  /** The end of the highest range ever delivered. */
  #fack = 0 as Seq;
  #reorderingSeen = false;
  #reoWndMult = 1;
  #reoWndPersist = REO_WND_PERSIST;
  /** A D-SACK widens the window once a round trip: SND.NXT when it last did. */
  #dsackRoundEnd = 0 as Seq;
  #dsackRound = false;

  reset(sndUna: Seq): void {
    this.rttUs = 0;
    this.#known = false;
    this.#resumes = false;
    this.#fack = sndUna;
    this.#reorderingSeen = false;
    this.#reoWndMult = 1;
    this.#reoWndPersist = REO_WND_PERSIST;
    this.#dsackRound = false;
  }

  /** Steps 1 to 3 for a range that the peer has now. `ambiguous`: when that left which has arrived is not known, it was sent twice perhaps. */
  delivered(end: Seq, sentUs: number, flags: number, nowUs: number, ambiguous: boolean): void {
    if (ambiguous) return;
    this.rttUs = (nowUs - sentUs) | 0;
    if (!this.#isKnown(nowUs) || sentAfter(sentUs, end, this.xmitUs, this.endSeq)) {
      this.xmitUs = sentUs;
      this.endSeq = end;
      this.#known = true;
      if (this.#resumes) this.#leftBehind = true;
    }
    if (seqGt(end, this.#fack)) this.#fack = end;
    else if (seqLt(end, this.#fack) && (flags & RETRANSMITTED) === 0) this.#reorderingSeen = true;
  }

  /** Step 4: a D-SACK says that something was sent again in vain. */
  duplicateReported(sndUna: Seq, sndNxt: Seq): void {
    if (this.#dsackRound && !seqGt(sndUna, this.#dsackRoundEnd)) return;
    this.#dsackRound = true;
    this.#dsackRoundEnd = sndNxt;
    this.#reoWndMult++;
    this.#reoWndPersist = REO_WND_PERSIST;
  }

  /** What was found of the ranges outstanding holds no longer: the next search for losses begins with the first of them. */
  searchAnew(): void {
    this.#resumes = false;
  }

  /** Step 4: a recovery is over. */
  recovered(): void {
    if (this.#reoWndPersist > 0 && --this.#reoWndPersist === 0) this.#reoWndMult = 1;
  }

  /** Step 4: how much later than a delivered range another may arrive and still count as reordered, in us. */
  reorderingWindowUs(minRttUs: number, srttUs: number, inRecovery: boolean, sackedSegments: number): number {
    if (!this.#reorderingSeen && (inRecovery || sackedSegments >= DUP_THRESH)) return 0;
    return Math.min((this.#reoWndMult * minRttUs) >> 2, srttUs);
  }

  /** Whether it is known what was sent last of all that was delivered, and not too long ago to compare with. */
  #isKnown(nowUs: number): boolean {
    return this.#known && ageUs(nowUs, this.xmitUs) < AGE_US_MAX;
  }

  /** Whether range `i` left before what was sent last of all that was delivered. The place of a copy says nothing: only time does. */
  #leftBefore(inFlight: InFlight, i: number): boolean {
    const sentUs = inFlight.sentUs(i);
    if ((inFlight.flags(i) & COPY_IN_FLIGHT) !== 0) return ((this.xmitUs - sentUs) | 0) > 0;
    return sentAfter(this.xmitUs, this.endSeq, sentUs, inFlight.end(i));
  }

  /**
   * Step 5: marks what was sent so long before the last delivered range that it must be lost, copies included; returns the first
   * of it, -1 where none was. `waitUs` becomes the time after which the rest of it would be, 0 where nothing waits.
   *
   * Work: `STEPS_MAX` ranges a call. Where more are left, the next ACK or the next tick of the timer goes on from there; where
   * something that was passed by has perhaps come due meanwhile, a search begins anew.
   */
  detectLoss(inFlight: InFlight, nowUs: number, reoWndUs: number): number {
    let found = -1;
    this.waitUs = 0;
    if (!this.#isKnown(nowUs)) return -1;
    const from = this.#resumes ? inFlight.firstEndingAfter(this.#resumeAt) : 0;
    if (from === 0) this.#leftBehind = false;
    const until = Math.min(inFlight.count, from + STEPS_MAX);
    this.#resumes = until < inFlight.count;
    for (let i = from; i < until; i++) {
      const flags = inFlight.flags(i);
      if ((flags & SACKED) !== 0) continue;
      const age = ageUs(nowUs, inFlight.sentUs(i));
      if (age < AGE_US_MAX && !this.#leftBefore(inFlight, i)) {
        if ((flags & RETRANSMITTED) !== 0) continue;
        this.#resumes = false; // Those behind it were sent later still.
        break;
      }
      if ((flags & (LOST | COPY_IN_FLIGHT)) === LOST) continue;
      const remaining = this.rttUs + reoWndUs - age;
      if (remaining > 0) {
        this.waitUs = Math.max(this.waitUs, remaining);
        continue;
      }
      inFlight.setFlags(i, (flags | LOST) & ~COPY_IN_FLIGHT);
      if (found < 0) found = i;
    }
    if (this.#resumes) {
      this.#resumeAt = inFlight.start(until);
      this.#leftBehind ||= this.waitUs > 0;
      this.waitUs = 1;
    } else if (from > 0 && this.#leftBehind) {
      this.waitUs = 1;
    }
    return found;
  }
}

/** RFC 8985 §6.1, RACK_sent_after: by time, then by place. */
const sentAfter = (aUs: number, aEnd: Seq, bUs: number, bEnd: Seq): boolean =>
  ((aUs - bUs) | 0) > 0 || (aUs === bUs && seqGt(aEnd, bEnd));
