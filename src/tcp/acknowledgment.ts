/** What an acceptable ACK does to the sending side: RFC 9293 §3.10.7.4 (fifth), RFC 6298, RFC 5681 §3.2, RFC 7323 §4. */
import { type Seq, seqDiff, seqGe, seqLt } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import { type Delivery, SSTHRESH_INFINITE } from "./congestion/controller.ts";
import type { RateSampler } from "./congestion/rate-sampler.ts";
import { isEcho } from "./ecn.ts";
import { ageUs, type InFlight, RETRANSMITTED, SACKED } from "./in-flight.ts";
import {
  applySack,
  deliverUpTo,
  detectLossByDuplicates,
  detectLossByTime,
  endRecovery,
  probeRepairedLoss,
  pipe,
  reduceProportionally,
  reportsDuplicate,
  takeBack,
  takeDuplicateReport,
} from "./recovery.ts";
import { sampleRtt } from "./rtt.ts";
import { FAST_RECOVERY, OPEN, type Sender } from "./sender.ts";
import { DRAIN_DUE, FIN_QUEUED, FIN_SENT, RTO_ARMED, SACK_OK, TAIL_PROBE_DUE, TIMESTAMPS, type Tcb } from "./tcb.ts";
import { learnFromProbe, type ProbeFate } from "./tail-loss-probe.ts";
import { watchLoss } from "./timers.ts";

/** A window beyond any that a peer can offer: RFC 7323 §2.3. */
const CWND_MAX = 1 << 30;

/**
 * Takes in SEG.ACK, SEG.WND and the SACK blocks. Precondition: SND.UNA <= SEG.ACK <= SND.NXT, a synchronized state.
 * The caller looks afterwards whether the FIN was acknowledged and whether there is something to send.
 */
export function acknowledge(c: TcpConnection, seg: Segment): void {
  const sender = c.sender;
  const acked = seqDiff(seg.ack, c.sndUna);
  const window = (seg.window << c.sndWscale) >>> 0;
  if (sender === null) {
    updateWindow(c, seg, window);
    return;
  }
  const flightBefore = c.flightSize;
  const una = c.sndUna;
  const pipeBefore = sender.rates === null ? 0 : pipe(c, sender);
  // With a closed window it answers a probe: nothing was lost.
  const duplicate = acked === 0 && flightBefore > 0 && seg.len === 0 && window === c.sndWnd && window > 0;
  const recovering = sender.phase === FAST_RECOVERY; // Its last ACK too finds the window set already: RFC 6582 §3.2 (3).
  const dupBefore = sender.dupAcks;
  const sackedBefore = sender.inFlight.sackedOctets;
  const rttUs = acked > 0 ? progress(c, sender, seg) : 0;
  const kept = sender.inFlight.sackedOctets;
  const sack = c.has(SACK_OK);
  const dsack = sack && reportsDuplicate(seg);
  const newlySacked = sack && seg.sackCount > 0 ? applySack(c, sender, seg) : 0;
  if (acked > 0 && isSpurious(c, sender, seg, una)) takeBack(c, sender);
  if (dsack) takeDuplicateReport(c, sender, seg);
  takeProbesFate(c, sender.probe.acknowledged(seg.ack, dsack, duplicate && seg.sackCount === 0));
  endRecovery(c, sender);
  if (acked > 0) watchProgress(c, sender);
  if (!sack) detectLossByDuplicates(c, sender, acked, duplicate);
  else if (acked > 0 || newlySacked > 0) detectLossByTime(c, sender);
  const reported = acked - (sackedBefore - kept) + newlySacked;
  // Without SACK, each duplicate ACK stands for a segment, which the ACK that covers it must not count again.
  const delivered = sack ? reported : Math.max(0, acked - dupBefore) + (duplicate ? c.sendMss : 0);
  if (sender.rates !== null) giveSample(c, sender, sender.rates, delivered, rttUs, pipeBefore);
  else if (sender.phase === FAST_RECOVERY) reduceProportionally(c, sender, delivered);
  else if (acked > 0 && !recovering && !isEcho(c, seg) && sender.usage.mayGrow(c)) {
    // Not for duplicate ACKs: they let new segments out and leave the window as it is (RFC 3042 §2).
    c.controller?.delivered?.(c, fillDelivery(c, reported, rttUs));
  }
  updateWindow(c, seg, window);
  if (acked > 0) settle(c, sender);
}

function takeProbesFate(c: Tcb, fate: ProbeFate): void {
  learnFromProbe(c, fate);
  if (fate === "repaired") probeRepairedLoss(c);
}

/** RFC 3522 §3.2 (6): the ACK of the first retransmission answers the original instead. Not with ECE: RFC 4015 §3.1. */
function isSpurious(c: Tcb, sender: Sender, seg: Segment, una: Seq): boolean {
  if (sender.phase === OPEN || isEcho(c, seg) || !c.has(TIMESTAMPS) || !seg.hasTimestamps || seg.tsEcr === 0)
    return false;
  return sender.undo.provenByTimestamp(una, seg.tsEcr, c.tsOffset);
}

/** RFC 6298 (5.2), (5.3): the timer runs anew, or not at all. */
function watchProgress(c: TcpConnection, sender: Sender): void {
  if (c.flightSize > 0) watchLoss(c, sender);
  else c.unset(RTO_ARMED | TAIL_PROBE_DUE);
}

function fillDelivery(c: Tcb, octets: number, rttUs: number): Delivery {
  const { delivery } = c.tcp;
  delivery.octets = octets;
  delivery.rttUs = rttUs;
  delivery.srttUs = c.srttUs;
  delivery.nowUs = c.tcp.clock.nowUs;
  delivery.sndUna = c.sndUna;
  delivery.sndNxt = c.sndNxt;
  return delivery;
}

/** To a controller that reckons with rates. What it sets is made a window that can send at all. */
function giveSample(
  c: Tcb,
  sender: Sender,
  rates: RateSampler,
  delivered: number,
  rttUs: number,
  pipeBefore: number,
): void {
  const { lostTotal } = sender.inFlight;
  rates.acknowledged(c.tcp.clock.nowUs, delivered, c.minRttUs, lostTotal);
  if (rates.ackedOctets === 0 && rates.lostOctets === 0) return;
  rates.rttUs = rttUs > 0 || delivered === 0 ? rttUs : sender.rack.rttUs; // What SACK blocks report has its time, too.
  rates.priorInFlight = pipeBefore;
  rates.inFlight = pipe(c, sender);
  rates.inRecovery = sender.phase !== OPEN;
  c.controller?.acknowledged?.(c, rates);
  c.cwnd = Math.max(c.sendMss, Math.min(Math.floor(c.cwnd), CWND_MAX) || 0);
}

/** The round-trip time that this ACK shows, in us; 0 where it shows none. RFC 6298 §3 (Karn), RFC 7323 §4. */
function measureRtt(c: Tcb, sender: Sender, seg: Segment): number {
  const { clock } = c.tcp;
  const sentUs = newestSentOnce(sender.inFlight, seg.ack);
  if (sentUs !== null) return Math.max(1, ageUs(clock.nowUs, sentUs));
  if (!c.has(TIMESTAMPS) || !seg.hasTimestamps || seg.tsEcr === 0) return 0;
  const elapsedMs = (clock.nowMs + c.tsOffset - seg.tsEcr) | 0;
  return elapsedMs < 0 ? 0 : Math.max(1, elapsedMs) * 1000;
}

/** SND.UNA moves: samples the round trip, lets acknowledged octets go, restarts the timer. Returns the sample. */
function progress(c: TcpConnection, sender: Sender, seg: Segment): number {
  const { clock } = c.tcp;
  const rttUs = measureRtt(c, sender, seg);
  if (rttUs > 0) sampleRtt(c, rttUs);
  deliverUpTo(c, sender, seg);
  c.advanceUna(seg.ack);
  c.expirations = 0;
  c.progressAtMs = clock.nowMs;
  sender.queue.acknowledge(seg.ack);
  const forgotten = sender.inFlight.acknowledge(seg.ack);
  sender.retransmitFrom = Math.max(0, sender.retransmitFrom - forgotten);
  return rttUs;
}

/**
 * When the newest wholly acknowledged range was sent, or null where any of them was sent twice (Karn's rule) or SACKed
 * before: then this ACK has waited for a hole to be mended, and not for the network.
 */
function newestSentOnce(inFlight: InFlight, ack: Seq): number | null {
  const newest = inFlight.firstEndingAfter(ack) - 1;
  for (let i = newest; i >= 0; i--) if ((inFlight.flags(i) & (RETRANSMITTED | SACKED)) !== 0) return null;
  return newest < 0 ? null : inFlight.sentUs(newest);
}

/** After progress: an idle sender is given back. */
function settle(c: TcpConnection, sender: Sender): void {
  const finWaits = c.has(FIN_QUEUED) && !c.has(FIN_SENT);
  if (sender.rates !== null && !c.has(FIN_SENT)) return; // Its model would be forgotten.
  if (c.flightSize === 0 && c.notSent === 0 && !finWaits) {
    c.sender = null;
    c.tcp.giveBackSender(sender);
    if (c.controller !== null && c.ssthresh === SSTHRESH_INFINITE) {
      c.tcp.giveBackController(c.controller, c.congestion);
      c.controller = null;
    }
  }
}

/** The owner may go on, once the ACK's other effects are complete: it may do anything, even throw. */
export function tellDrained(c: TcpConnection): void {
  if (!c.has(DRAIN_DUE) || c.queuedOctets > c.sendHighWater >> 1) return;
  c.unset(DRAIN_DUE);
  c.handler.drain?.(c);
}

/** SND.WND from a segment that is not older than the last one used: RFC 9293 §3.10.7.4. */
function updateWindow(c: Tcb, seg: Segment, window: number): void {
  const newer = seqLt(c.sndWl1, seg.seq) || (c.sndWl1 === seg.seq && seqGe(seg.ack, c.sndWl2));
  if (!newer) return;
  const opened = c.sndWnd === 0 && window > 0;
  c.sndWnd = window;
  c.sndWl1 = seg.seq;
  c.sndWl2 = seg.ack;
  if (window > c.maxSndWnd) c.maxSndWnd = window;
  if (window === 0) {
    c.progressAtMs = c.tcp.clock.nowMs; // MUST-37: a peer that answers probes is alive.
    c.expirations = 0;
  }
  if (opened) resumeAfterProbes(c);
}

/** The window has opened again: what was sent into the closed one goes out once more, and the timer forgets the wait. */
function resumeAfterProbes(c: Tcb): void {
  c.backoff = 0;
  c.expirations = 0;
  const sender = c.sender;
  if (sender === null) return;
  c.unset(RTO_ARMED);
  sender.markUnsent(c.sndUna);
}
