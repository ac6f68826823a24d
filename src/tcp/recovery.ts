/**
 * Loss: how it is noticed, and what follows. RACK (RFC 8985) where the peer sends SACK, duplicate ACKs (RFC 6582) where it
 * does not; RFC 6675's scoreboard and pipe; RFC 5681 §3.1 and RFC 6298 §5 after a time-out.
 */
import { type Seq, seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import { isEcho, reduced } from "./ecn.ts";
import { AGE_US_MAX, ageUs, COPY_IN_FLIGHT, LOST, RETRANSMITTED, SACKED } from "./in-flight.ts";
import { FAST_RECOVERY, OPEN, RTO_RECOVERY, type Sender } from "./sender.ts";
import { type Tcb, TIMESTAMPS } from "./tcb.ts";
import { armReordering } from "./timers.ts";

/** RFC 5681 §3.2. */
const DUP_THRESH = 3;
/** Beyond so many ranges an ACK's blocks cut no more: what they cover in part stays as it was. */
const RANGES_MAX = 8192;

/** RFC 6675 §4 (2): an estimate of the octets that are in the network now. */
export const pipe = (c: Tcb, sender: Sender): number =>
  Math.max(0, c.flightSize - sender.inFlight.sackedOctets - sender.inFlight.lostOctets - sender.dupAcks);

/** Tells RACK of every range that SND.UNA passes when it moves to `ack`. Comes before the ranges are forgotten. */
export function deliverUpTo(c: Tcb, sender: Sender, seg: Segment): void {
  const { inFlight } = sender;
  for (let i = 0; i < inFlight.count && seqLe(inFlight.end(i), seg.ack); i++) {
    if ((inFlight.flags(i) & SACKED) === 0) delivered(c, sender, seg, i);
  }
  const { rates } = sender;
  const cut = rates === null ? inFlight.count : inFlight.firstEndingAfter(seg.ack);
  if (cut < inFlight.count && seqLt(inFlight.start(cut), seg.ack))
    rates?.reports(inFlight.sentUs(cut), c.tcp.clock.nowUs);
}

/** RFC 8985 §6.2 steps 1 to 3 for range `i`. */
function delivered(c: Tcb, sender: Sender, seg: Segment, i: number): void {
  const { inFlight } = sender;
  const { nowUs, nowMs } = c.tcp.clock;
  const sentUs = inFlight.sentUs(i);
  const flags = inFlight.flags(i);
  const age = ageUs(nowUs, sentUs);
  let ambiguous = age === AGE_US_MAX; // When it was sent is not known.
  if ((flags & RETRANSMITTED) !== 0) {
    const sentMs = nowMs - Math.ceil(age / 1000);
    ambiguous ||= c.has(TIMESTAMPS) && ((seg.tsEcr - (sentMs + c.tsOffset)) | 0) < 0;
    ambiguous ||= age < c.minRttUs;
  }
  sender.rack.delivered(inFlight.end(i), sentUs, flags, nowUs, ambiguous);
  if (sender.rates !== null) sender.rates.reports(sentUs, nowUs);
}

/**
 * Marks what the blocks of `seg` report; returns the octets that were not reported before. RFC 2018 §5. The lowest block
 * comes first, whatever the peer's order, so that what one ACK reports does not look reordered.
 */
export function applySack(c: Tcb, sender: Sender, seg: Segment): number {
  const { inFlight } = sender;
  const before = inFlight.sackedOctets;
  let from = c.sndUna;
  for (let taken = 0; taken < seg.sackCount; taken++) {
    const block = lowestBlock(seg, from);
    if (block < 0) break;
    const right = seg.sackEdges[2 * block + 1] as Seq;
    if (seqLe(right, c.sndNxt)) markSacked(c, sender, seg, seg.sackEdges[2 * block] as Seq, right);
    from = seqAdd(seg.sackEdges[2 * block] as Seq, 1);
  }
  return inFlight.sackedOctets - before;
}

/** The block that starts first at or after `from`, -1 where none does; empty ones do not count, nor do D-SACKs below it. */
function lowestBlock(seg: Segment, from: Seq): number {
  let lowest = -1;
  for (let block = 0; block < seg.sackCount; block++) {
    const left = seg.sackEdges[2 * block] as Seq;
    if (seqLt(left, from) || seqLe(seg.sackEdges[2 * block + 1] as Seq, left)) continue;
    if (lowest < 0 || seqLt(left, seg.sackEdges[2 * lowest] as Seq)) lowest = block;
  }
  return lowest;
}

function markSacked(c: Tcb, sender: Sender, seg: Segment, left: Seq, right: Seq): void {
  const { inFlight } = sender;
  let i = inFlight.firstEndingAfter(left);
  if (i < inFlight.count && seqLt(inFlight.start(i), left)) {
    const isNews = (inFlight.flags(i) & SACKED) === 0;
    if (isNews && inFlight.count < RANGES_MAX) inFlight.split(i, left);
    i++;
  }
  for (; i < inFlight.count && seqLt(inFlight.start(i), right); i++) {
    if ((inFlight.flags(i) & SACKED) !== 0) continue;
    if (seqGt(inFlight.end(i), right)) {
      if (inFlight.count >= RANGES_MAX) return;
      inFlight.split(i, right);
    }
    delivered(c, sender, seg, i);
    const before = inFlight.count;
    i = inFlight.sack(i);
    // What has become one moves all that lies behind it.
    sender.retransmitFrom = Math.max(0, sender.retransmitFrom - (before - inFlight.count));
  }
}

/** RFC 2883 §4: whether the first block reports a duplicate: it lies below the ACK, or inside the second block. */
export function reportsDuplicate(seg: Segment): boolean {
  if (seg.sackCount === 0) return false;
  const left = seg.sackEdges[0] as Seq;
  const right = seg.sackEdges[1] as Seq;
  if (seqLe(right, seg.ack)) return true;
  if (seg.sackCount < 2) return false;
  return seqGe(left, seg.sackEdges[2] as Seq) && seqLe(right, seg.sackEdges[3] as Seq);
}

/** A D-SACK: RACK's window widens, and a recovery that sent only what had arrived is taken back. */
export function takeDuplicateReport(c: Tcb, sender: Sender, seg: Segment): void {
  c.tcp.counters.dsacksReceived++;
  sender.rack.duplicateReported(c.sndUna, c.sndNxt);
  if (!isEcho(c, seg) && sender.undo.provenByDsack(seg.sackEdges[0] as Seq, seg.sackEdges[1] as Seq))
    takeBack(c, sender);
}

/** The response to the loss is undone, and what was thought lost is not any more. */
export function takeBack(c: Tcb, sender: Sender): void {
  const { inFlight } = sender;
  c.tcp.counters.spuriousRecoveries++;
  if (sender.rates === null) sender.undo.apply(c);
  c.controller?.undone?.(c);
  for (let i = 0; i < inFlight.count; i++) {
    const flags = inFlight.flags(i);
    if ((flags & (LOST | COPY_IN_FLIGHT)) === LOST) inFlight.setFlags(i, flags & ~LOST);
  }
  sender.phase = OPEN;
  sender.dupAcks = 0;
  sender.rack.searchAnew();
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

/** A recovery ends once everything that was outstanding when it began is acknowledged: RFC 6582 §3.2 step 3, RFC 6675 §5. */
export function endRecovery(c: Tcb, sender: Sender): void {
  if (sender.phase === OPEN || !seqGe(c.sndUna, sender.recoveryPoint)) return;
  const wasFast = sender.phase === FAST_RECOVERY;
  if (wasFast && sender.rates === null) c.cwnd = c.ssthresh; // RFC 6937 §3.1, at the end of recovery.
  sender.phase = OPEN;
  sender.dupAcks = 0;
  sender.rack.recovered();
  c.controller?.recovered?.(c);
  // What was sent during the recovery that has just ended, and was found lost in it, is a congestion event of its own.
  if (wasFast && sender.inFlight.count > 0 && (sender.inFlight.flags(0) & LOST) !== 0) enterFastRecovery(c, sender);
}

/** RFC 8985 §6.2 steps 4 and 5, and §6.3: the rest of the reordering window is waited for. */
export function detectLossByTime(c: TcpConnection, sender: Sender): void {
  const { inFlight, rack } = sender;
  // Without a hole nothing outstanding was sent before what has arrived.
  if (inFlight.sackedOctets === 0 && sender.phase === OPEN) return rack.searchAnew();
  // Small segments are ranges of their own.
  const sackedSegments = Math.max(Math.floor(inFlight.sackedOctets / c.sendMss), inFlight.sackedRanges);
  const reoWndUs = rack.reorderingWindowUs(c.minRttUs, c.srttUs, sender.phase !== OPEN, sackedSegments);
  const first = rack.detectLoss(inFlight, c.tcp.clock.nowUs, reoWndUs);
  if (first >= 0) {
    sender.retransmitFrom = Math.min(sender.retransmitFrom, first);
    if (sender.phase === OPEN) enterFastRecovery(c, sender);
  }
  if (rack.waitUs > 0) armReordering(c, rack.waitUs);
}

/** RACK's timer has come. */
export function reorderingEnds(c: TcpConnection, sender: Sender): void {
  detectLossByTime(c, sender);
  if (sender.phase === FAST_RECOVERY) reduceProportionally(c, sender, 0);
}

/** RFC 6582 §3.2, for a peer without SACK; `duplicate` as RFC 5681 §2 defines it. */
export function detectLossByDuplicates(c: Tcb, sender: Sender, acked: number, duplicate: boolean): void {
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

const headResent = (sender: Sender): boolean =>
  sender.inFlight.count > 0 && (sender.inFlight.flags(0) & RETRANSMITTED) !== 0;

function enterFastRecovery(c: Tcb, sender: Sender): void {
  sender.undo.begin(c, headResent(sender));
  sender.phase = FAST_RECOVERY;
  sender.recoveryPoint = c.sndNxt;
  sender.firstIsDue = true;
  sender.prr.begin(c.flightSize);
  sender.probe.outstanding = false;
  c.tcp.counters.fastRetransmits++;
  reduced(c, sender);
  // RFC 5681 §3.2 (2): without what limited transmit has sent, which is all that is in flight beyond cwnd.
  c.controller?.lost(c, Math.min(c.flightSize, c.cwnd));
}

/** RFC 6937 §3.1, for each ACK of a fast recovery. */
export function reduceProportionally(c: Tcb, sender: Sender, deliveredOctets: number): void {
  if (sender.rates !== null) return; // The model reckons with losses itself.
  c.cwnd = sender.prr.window(deliveredOctets, pipe(c, sender), c.ssthresh, c.sendMss);
}

/** RFC 8985 §7.4.2: the probe has repaired a loss of its own. The window is reduced, and there is nothing to send again. */
export function probeRepairedLoss(c: Tcb): void {
  c.controller?.lost(c, c.flightSize);
}

/**
 * RFC 6298 (5.4) to (5.6) and RFC 5681 §3.1: all that is outstanding counts as lost and is sent again as the window
 * grows. SACK blocks are no longer trusted: the peer may have dropped what it had reported (RFC 2018 §8).
 */
export function timeOut(c: Tcb, sender: Sender): void {
  const { inFlight } = sender;
  // Fast recovery has reduced the window for these losses already: RFC 5681 (4) speaks of the first retransmission. Linux too.
  const first = c.expirations === 0 && sender.phase !== FAST_RECOVERY;
  if (first) sender.undo.begin(c, headResent(sender));
  for (let i = 0; i < inFlight.count; i++)
    inFlight.setFlags(i, (inFlight.flags(i) | LOST) & ~(SACKED | COPY_IN_FLIGHT));
  sender.phase = RTO_RECOVERY;
  sender.recoveryPoint = c.sndNxt;
  sender.dupAcks = 0;
  sender.retransmitFrom = 0;
  sender.probe.outstanding = false;
  sender.rack.searchAnew();
  reduced(c, sender);
  c.controller?.timedOut(c, c.flightSize, first);
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
