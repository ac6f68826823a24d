/**
 * Loss: how it is noticed, and what is sent again. RFC 6675 where the peer sends SACK, RFC 6582 where it does not,
 * RFC 5681 §3.1 and RFC 6298 §5 after a time-out.
 */
import { type Seq, seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import { COPY_IN_FLIGHT, LOST, SACKED } from "./in-flight.ts";
import { FAST_RECOVERY, OPEN, RTO_RECOVERY, type Sender } from "./sender.ts";
import { SACK_OK, type Tcb } from "./tcb.ts";

/** RFC 5681 §3.2, RFC 6675 §2. */
const DUP_THRESH = 3;
/** Beyond so many ranges an ACK's blocks are no longer used to cut more. */
const RANGES_MAX = 8192;

/** RFC 6675 §4 (2): an estimate of the octets that are in the network now. */
export const pipe = (c: Tcb, sender: Sender): number =>
  Math.max(0, c.flightSize - sender.inFlight.sackedOctets - sender.inFlight.lostOctets - sender.dupAcks);

/** Marks what the blocks of `seg` report; returns the octets that were not reported before. RFC 2018 §5. */
export function applySack(c: Tcb, sender: Sender, seg: Segment): number {
  const { inFlight } = sender;
  const before = inFlight.sackedOctets;
  for (let block = 0; block < seg.sackCount && inFlight.count < RANGES_MAX; block++) {
    const left = seg.sackEdges[2 * block] as Seq;
    const right = seg.sackEdges[2 * block + 1] as Seq;
    if (seqLt(left, c.sndUna) || seqLe(right, left) || seqGt(right, c.sndNxt)) continue; // D-SACK, or not ours.
    markSacked(sender, left, right);
  }
  return inFlight.sackedOctets - before;
}

function markSacked(sender: Sender, left: Seq, right: Seq): void {
  const { inFlight } = sender;
  let i = inFlight.firstEndingAfter(left);
  if (i < inFlight.count && seqLt(inFlight.start(i), left)) inFlight.split(i++, left);
  for (; i < inFlight.count && seqLt(inFlight.start(i), right); i++) {
    if (seqGt(inFlight.end(i), right)) inFlight.split(i, right);
    const flags = inFlight.flags(i);
    if ((flags & SACKED) === 0) inFlight.setFlags(i, (flags | SACKED) & ~(LOST | COPY_IN_FLIGHT));
  }
}

/**
 * RFC 6675 §4 (1) IsLost: above a range, more than two segments' octets were SACKed, or three segments of any size (which
 * are ranges of their own, so that this is §5's count of duplicate ACKs too). Marks all such; says if any was new.
 */
function markLostBySack(c: Tcb, sender: Sender): boolean {
  const { inFlight } = sender;
  const threshold = (DUP_THRESH - 1) * c.sendMss;
  let octets = 0;
  let ranges = 0;
  let found = false;
  let i = inFlight.count - 1;
  for (; i >= 0 && octets <= threshold && ranges < DUP_THRESH; i--) {
    if ((inFlight.flags(i) & SACKED) === 0) continue;
    octets += inFlight.length(i);
    ranges++;
  }
  for (; i >= 0; i--) {
    const flags = inFlight.flags(i);
    if ((flags & LOST) !== 0) break; // What lies below it was judged when it was.
    if ((flags & SACKED) !== 0) continue;
    inFlight.setFlags(i, flags | LOST);
    found = true;
  }
  if (found) sender.retransmitFrom = 0;
  return found;
}

/** Without SACK, only the first segment is known to be missing. RFC 6582 §3.2 steps 2 and 3. */
function markHeadLost(c: Tcb, sender: Sender): void {
  const { inFlight } = sender;
  if (inFlight.count === 0) return;
  if (inFlight.length(0) > c.sendMss) inFlight.split(0, seqAdd(inFlight.start(0), c.sendMss));
  inFlight.setFlags(0, (inFlight.flags(0) | LOST) & ~COPY_IN_FLIGHT);
  sender.retransmitFrom = 0;
  sender.firstIsDue = true;
}

/**
 * Loss detection after an acceptable ACK was taken in: `acked` octets cumulatively, `newlySacked` by its blocks;
 * `duplicate` as RFC 5681 §2 defines it.
 */
export function detectLoss(c: Tcb, sender: Sender, acked: number, newlySacked: number, duplicate: boolean): void {
  const wasFast = sender.phase === FAST_RECOVERY;
  if (sender.phase !== OPEN && seqGe(c.sndUna, sender.recoveryPoint)) endRecovery(sender);
  if (c.has(SACK_OK)) {
    if (acked === 0 && newlySacked === 0) return;
    const found = markLostBySack(c, sender);
    // What was sent during the recovery that has just ended, and was found lost in it, is a congestion event of its own.
    const left = wasFast && sender.inFlight.count > 0 && (sender.inFlight.flags(0) & LOST) !== 0;
    if ((found || left) && sender.phase === OPEN) enterFastRecovery(c, sender);
    return;
  }
  if (acked > 0) {
    sender.dupAcks = sender.phase === FAST_RECOVERY ? Math.max(0, sender.dupAcks + c.sendMss - acked) : 0;
    if (sender.phase === FAST_RECOVERY) markHeadLost(c, sender); // A partial ACK.
  } else if (duplicate && sender.phase !== RTO_RECOVERY) {
    // No more can have left the network than is outstanding, however many ACKs say so.
    sender.dupAcks = Math.min(sender.dupAcks + c.sendMss, Math.max(c.flightSize, DUP_THRESH * c.sendMss));
    const enough = sender.dupAcks >= DUP_THRESH * c.sendMss;
    if (sender.phase === OPEN && enough && seqGt(c.sndUna, sender.recoveryPoint)) {
      enterFastRecovery(c, sender);
      markHeadLost(c, sender);
    }
  }
}

function enterFastRecovery(c: Tcb, sender: Sender): void {
  sender.phase = FAST_RECOVERY;
  sender.recoveryPoint = c.sndNxt;
  sender.firstIsDue = true;
  c.tcp.counters.fastRetransmits++;
  c.controller?.lost(c, c.flightSize);
}

function endRecovery(sender: Sender): void {
  sender.phase = OPEN;
  sender.dupAcks = 0;
}

/**
 * RFC 6298 (5.4) to (5.6) and RFC 5681 §3.1: all that is outstanding counts as lost and is sent again as the window
 * grows. SACK blocks are no longer trusted: the peer may have dropped what it had reported (RFC 2018 §8).
 */
export function timeOut(c: Tcb, sender: Sender): void {
  const { inFlight } = sender;
  for (let i = 0; i < inFlight.count; i++)
    inFlight.setFlags(i, (inFlight.flags(i) | LOST) & ~(SACKED | COPY_IN_FLIGHT));
  sender.phase = RTO_RECOVERY;
  sender.recoveryPoint = c.sndNxt;
  sender.dupAcks = 0;
  sender.retransmitFrom = 0;
  c.controller?.timedOut(c, c.flightSize, c.expirations === 0);
}

/** The next range to send again, or -1. Precondition: `lostOctets` > 0. */
export function nextLost(sender: Sender): number {
  const { inFlight } = sender;
  for (let i = sender.retransmitFrom; i < inFlight.count; i++) {
    if ((inFlight.flags(i) & (LOST | SACKED | COPY_IN_FLIGHT)) === LOST) {
      sender.retransmitFrom = i;
      return i;
    }
  }
  return -1;
}

/** How far the right edge of the peer's window lies behind `seq`; negative beyond it. */
export const windowBehind = (c: Tcb, seq: Seq): number => seqDiff(seqAdd(c.sndUna, c.sndWnd), seq);
