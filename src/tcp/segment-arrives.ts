/**
 * SEGMENT ARRIVES: RFC 9293 §3.10.7.3 (SYN-SENT) and §3.10.7.4 (other states), step by step under its numbers, with
 * RFC 5961 (blind attacks), RFC 7323 §5.3 (PAWS), RFC 1337 (TIME-WAIT). Begin reading at `segmentArrives`.
 */
import { assert, InvariantError } from "../base/assert.ts";
import { type Seq, seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, toSeq } from "../base/seq.ts";
import { RST, type Segment } from "../wire/segment.ts";
import { acknowledge, tellDrained } from "./acknowledgment.ts";
import type { TcpConnection } from "./connection.ts";
import { agreeOnEcn, takeEcho, takeMarks } from "./ecn.ts";
import { finSeq, outOfOrder, receiveEnd, receiveText, reportDuplicate } from "./receive.ts";
import { sampleRtt } from "./rtt.ts";
import { closedInOrder } from "./state-change.ts";
import {
  CLOSED,
  CLOSE_WAIT,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  LISTEN,
  SYN_RECEIVED,
  SYN_SENT,
  TIME_WAIT,
} from "./states.ts";
import {
  FIN_QUEUED,
  FIN_RECEIVED,
  FIN_SENT,
  HELD,
  LIFE_ARMED,
  OWNER_GONE,
  PASSIVE,
  RTO_ARMED,
  SACK_OK,
  SOFT_TOLD,
  SYN_DUE,
  SYN_RETRANSMITTED,
  type Tcb,
  TIMESTAMPS,
  TS_RECENT_VALID,
  WINDOW_SCALE,
} from "./tcb.ts";
import { armRto } from "./timers.ts";
import { takeUrgent } from "./urgent.ts";
import { isAcceptable } from "./window.ts";

/** RFC 7323 §5.5: after so long without a segment, TS.Recent proves nothing any more. 24 days. */
const TS_RECENT_LIFE_S = 24 * 86_400;

/**
 * A peer that announces less is not believed, as Linux does (TCP_MIN_MSS): each octet would cost a header and a place in every
 * queue. Departs from RFC 9293 MUST-16.
 */
const PEER_MSS_MIN = 88;

export function segmentArrives(c: TcpConnection, seg: Segment): void {
  switch (c.state) {
    case CLOSED:
      return;
    case LISTEN:
      return assert(false, "a connection never listens");
    case SYN_SENT:
      return arrivesInSynSent(c, seg);
    case SYN_RECEIVED:
      return c.has(HELD) ? arrivesWhileHeld(c, seg) : arrivesOtherwise(c, seg);
    case ESTABLISHED:
    case FIN_WAIT_1:
    case FIN_WAIT_2:
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK:
    case TIME_WAIT:
      return arrivesOtherwise(c, seg);
  }
}

/** The SYN waits for a verdict and nothing was answered: to the peer this is LISTEN still (§3.10.7.2). Its RST ends the wait. */
function arrivesWhileHeld(c: TcpConnection, seg: Segment): void {
  if (seg.rst) {
    if (seg.seq === c.rcvNxt) c.fail(null);
  } else if (seg.acks) {
    c.tcp.host.reset(c, seg.ack, toSeq(0), RST);
  }
}

/** §3.10.7.3. */
function arrivesInSynSent(c: TcpConnection, seg: Segment): void {
  // First, the ACK bit.
  if (seg.acks && !(seqGt(seg.ack, c.iss) && seqLe(seg.ack, c.sndNxt))) {
    if (!seg.rst) c.tcp.host.reset(c, seg.ack, toSeq(0), RST);
    return;
  }
  // Second, RST.
  if (seg.rst) {
    if (seg.acks) c.fail("ECONNREFUSED");
    return;
  }
  // Third, security: there are no compartments here. Fourth, SYN.
  if (!seg.syn) return;
  takeSyn(c, seg);
  if (!seg.acks) {
    c.enter(SYN_RECEIVED); // Simultaneous open: MUST-10.
    c.set(SYN_DUE);
    c.wantsTurn();
    return;
  }
  synAcknowledged(c, seg);
  c.ackNow();
  establish(c, seg);
  // What else the segment holds is for the steps from the sixth on.
  processText(c, seg);
  checkFin(c, seg);
}

/** The peer's SYN: its numbers, and which options both sides have. RFC 9293 §3.7.1, RFC 7323 §2.2 and §3.2, RFC 2018 §2. */
export function takeSyn(c: TcpConnection, seg: Segment): void {
  c.irs = seg.seq;
  c.rcvNxt = c.lastAckSent = seqAdd(seg.seq, 1);
  c.rcvAdv = seqAdd(c.rcvNxt, Math.min(c.tcp.config.receiveBuffer, 65_535));
  if (seg.mss > 0) c.peerMss = Math.max(seg.mss, PEER_MSS_MIN);
  c.sndWnd = c.maxSndWnd = seg.window;
  c.sndWl1 = seg.seq;
  c.sndWl2 = seg.acks ? seg.ack : c.iss;
  agreeOnEcn(c, seg, c.has(PASSIVE));
  agree(c, TIMESTAMPS, seg.hasTimestamps);
  agree(c, SACK_OK, seg.sackPermitted);
  agree(c, WINDOW_SCALE, seg.windowScale >= 0);
  c.sndWscale = c.has(WINDOW_SCALE) ? seg.windowScale : 0;
  if (!c.has(WINDOW_SCALE)) c.rcvWscale = 0;
  if (c.has(TIMESTAMPS)) {
    takeTimestamp(c, seg);
    c.set(TS_RECENT_VALID);
  }
  c.updateSendMss();
}

/** A passive side has an option if the peer's SYN has it; an active one has wished for it and may have to give it up. */
function agree(c: TcpConnection, option: number, offered: boolean): void {
  if (!offered) c.unset(option);
  else if (c.has(PASSIVE)) c.set(option);
}

function synAcknowledged(c: TcpConnection, seg: Segment): void {
  const sentOnce = !c.has(SYN_RETRANSMITTED);
  if (sentOnce) sampleRtt(c, Math.max(1, (c.tcp.clock.nowMs - c.lastSentAtMs) | 0) * 1000);
  else c.rtoMs = c.tcp.config.rtoMsAfterSynLoss; // RFC 6298 (5.7).
  c.advanceUna(seg.ack);
  c.backoff = 0;
  c.progressAtMs = c.tcp.clock.nowMs;
  c.unset(RTO_ARMED | SYN_DUE);
}

function establish(c: TcpConnection, seg: Segment): void {
  c.cwnd = c.initialWindow;
  c.sndWnd = seg.syn ? seg.window : (seg.window << c.sndWscale) >>> 0;
  c.maxSndWnd = Math.max(c.maxSndWnd, c.sndWnd);
  c.sndWl1 = seg.seq;
  c.sndWl2 = seg.ack;
  c.enter(ESTABLISHED);
  const { listener } = c;
  c.listener = null;
  if (listener !== null) listener.established(c);
  else c.handler.open?.(c);
  if (c.has(FIN_QUEUED) && c.state === ESTABLISHED) c.enter(FIN_WAIT_1); // CLOSE came first: §3.10.4, SYN-RECEIVED.
  if (c.sender !== null) c.wantsTurn();
}

/** §3.10.7.4. A check returns `false` for "drop the segment and return". */
function arrivesOtherwise(c: TcpConnection, seg: Segment): void {
  if (!checkSequence(c, seg)) return; // First.
  if (c.keepAlive !== null) c.keepAlive.heard(c.tcp.clock.nowMs);
  if (!checkRst(c, seg)) return; // Second.
  //                                Third, security: there are no compartments here.
  if (!checkSyn(c, seg)) return; // Fourth.
  if (c.ecn !== 0) takeMarks(c, seg);
  const goesOn = checkAck(c, seg); // Fifth.
  tellDrained(c);
  if (!goesOn) return;
  takeUrgent(c, seg); // Sixth.
  processText(c, seg); // Seventh.
  checkFin(c, seg); // Eighth.
}

/** First: PAWS (RFC 7323 §5.3 R1), then the window. What is not acceptable is answered with an ACK, an RST with nothing. */
function checkSequence(c: TcpConnection, seg: Segment): boolean {
  const { counters } = c.tcp;
  if (c.has(TIMESTAMPS) && !seg.rst && !checkTimestamps(c, seg)) {
    counters.pawsDropped++;
    return false;
  }
  if (!isAcceptable(c, seg.seq, seg.len)) {
    if (speaksFromTheEdge(c, seg)) return true;
    counters.outsideWindow++;
    if (!seg.rst) answerUnacceptable(c, seg);
    return false;
  }
  return true;
}

/**
 * A segment that begins where the window ends. §3.10.7.4: with a closed window, valid ACKs, URGs and RSTs are still taken
 * (MUST-66). Departs from it for a window that is open: a peer that has filled it and waits for a hole to be mended sends
 * its ACKs from there, and dropping them would stop our own sending (Linux takes them too).
 */
function speaksFromTheEdge(c: Tcb, seg: Segment): boolean {
  return seg.seq === c.rcvAdv && (c.rcvWnd === 0 || (seg.len === 0 && !seg.rst));
}

/** "If an incoming segment is not acceptable, an acknowledgment should be sent in reply." */
function answerUnacceptable(c: TcpConnection, seg: Segment): void {
  if (c.state === SYN_RECEIVED && seg.syn && !seg.acks && seg.seq === c.irs) {
    c.set(SYN_DUE); // The peer has not seen our SYN-ACK.
    c.wantsTurn();
    return;
  }
  if (seg.fin && c.state === TIME_WAIT && finSeq(seg) === seqAdd(c.rcvNxt, -1)) c.enter(TIME_WAIT); // (Re)starts 2 MSL.
  if (seg.textLength > 0) {
    c.tcp.counters.duplicateSegs++;
    if (seqLe(finSeq(seg), c.rcvNxt)) reportDuplicate(c, seg.seq, finSeq(seg));
  }
  // Text or FIN is sent again because our ACK was lost; anything else might be the other end of a loop of ACKs.
  if (seg.len > 0 && !seg.syn) c.ackStale();
  else c.challenge();
}

/**
 * RFC 7323 §4.3: TS.Recent follows the segment that the next ACK will answer. Only once SEG.ACK has been believed: whoever
 * merely hits the window could set it far ahead, and PAWS would then drop the peer's own segments.
 */
function followTimestamp(c: Tcb, seg: Segment): void {
  if (seg.hasTimestamps && c.has(TIMESTAMPS) && seqLe(seg.seq, c.lastAckSent)) takeTimestamp(c, seg);
}

function takeTimestamp(c: Tcb, seg: Segment): void {
  c.tsRecent = seg.tsVal;
  c.tsRecentAtS = secondsOf(c);
}

/** Seconds, since milliseconds as an int32 would wrap within the life that they have to measure. */
const secondsOf = (c: Tcb): number => Math.floor(c.tcp.clock.nowUs / 1_000_000);

/** RFC 7323 §3.2: a segment without the option is dropped in silence; §5.3: one with an old value is answered. */
function checkTimestamps(c: TcpConnection, seg: Segment): boolean {
  if (!seg.hasTimestamps) return false;
  if (!c.has(TS_RECENT_VALID) || ((seg.tsVal - c.tsRecent) | 0) >= 0) return true;
  if (secondsOf(c) - c.tsRecentAtS > TS_RECENT_LIFE_S) return true;
  c.challenge();
  return false;
}

/** Second. RFC 5961 §3.2: only an RST that stands exactly at RCV.NXT is believed. */
function checkRst(c: TcpConnection, seg: Segment): boolean {
  if (!seg.rst) return true;
  if (c.state === TIME_WAIT) return false; // Departs from RFC 9293: RFC 1337 §3, an RST does not end TIME-WAIT.
  if (seg.seq !== c.rcvNxt) {
    c.challenge();
    return false;
  }
  if (c.state === SYN_RECEIVED && c.has(PASSIVE))
    c.fail(null); // Back to LISTEN: MUST-11.
  else c.fail(c.state === SYN_RECEIVED ? "ECONNREFUSED" : "ECONNRESET");
  return false;
}

/** Fourth. RFC 5961 §4.2: a SYN in the window is answered with a challenge ACK, whatever its number. */
function checkSyn(c: TcpConnection, seg: Segment): boolean {
  if (!seg.syn) return true;
  if (c.state === SYN_RECEIVED && c.has(PASSIVE)) {
    c.fail(null); // Back to LISTEN: §3.10.7.4, fourth.
    return false;
  }
  c.challenge();
  return false;
}

/** Fifth. */
function checkAck(c: TcpConnection, seg: Segment): boolean {
  if (!seg.acks) return false;
  if (c.state === SYN_RECEIVED) return checkAckOfSyn(c, seg);
  // RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT.
  if (seqGt(seg.ack, c.sndNxt) || seqLt(seg.ack, seqAdd(c.sndUna, -c.maxSndWnd))) {
    c.challenge();
    return false;
  }
  followTimestamp(c, seg);
  if (seqGe(seg.ack, c.sndUna)) {
    const advanced = seg.ack !== c.sndUna;
    acknowledge(c, seg);
    if (c.ecn !== 0) takeEcho(c, seg);
    if (advanced) c.unset(SOFT_TOLD);
    if (c.sender !== null) c.wantsTurn();
  }
  const finAcked = c.has(FIN_SENT) && c.sndUna === c.sndNxt;
  switch (c.state) {
    case ESTABLISHED:
    case CLOSE_WAIT:
    case FIN_WAIT_2:
      return true;
    case FIN_WAIT_1:
      if (!finAcked) return true;
      c.enter(FIN_WAIT_2);
      c.handler.finished?.(c);
      return true;
    case CLOSING:
      if (finAcked) c.enter(TIME_WAIT);
      return finAcked;
    case LAST_ACK:
      if (finAcked) closedInOrder(c);
      return false;
    case TIME_WAIT: // A FIN that came again was answered in the first step; one at RCV.NXT gets an ACK too.
      if (seg.fin) c.challenge();
      return false;
    case CLOSED: // Its owner was told something and has aborted it.
      return false;
    case LISTEN:
    case SYN_SENT:
      throw new InvariantError("handled before");
  }
}

function checkAckOfSyn(c: TcpConnection, seg: Segment): boolean {
  if (!(seqGt(seg.ack, c.sndUna) && seqLe(seg.ack, c.sndNxt))) {
    c.tcp.host.reset(c, seg.ack, toSeq(0), RST);
    return false;
  }
  if (c.listener !== null && !c.listener.hasRoom()) {
    c.tcp.counters.acceptQueueOverflows++;
    return false; // As Linux does: the SYN-ACK is sent again later, and its answer finds room perhaps.
  }
  followTimestamp(c, seg);
  synAcknowledged(c, seg);
  establish(c, seg);
  return c.state !== CLOSED;
}

/** Seventh. The segment is cut to the window here: what lies before RCV.NXT was taken, what lies beyond was not asked for. */
function processText(c: TcpConnection, seg: Segment): void {
  if (seg.textLength === 0) return;
  switch (c.state) {
    case ESTABLISHED:
    case FIN_WAIT_1:
    case FIN_WAIT_2:
      break;
    case CLOSED:
    case LISTEN:
    case SYN_SENT:
    case SYN_RECEIVED:
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK:
    case TIME_WAIT:
      return; // Behind a FIN there is nothing.
  }
  const first = seqAdd(seg.seq, seg.syn ? 1 : 0);
  const before = Math.max(0, seqDiff(c.rcvNxt, first));
  const beyond = Math.max(0, seqDiff(seqAdd(first, seg.textLength), c.rcvAdv));
  const length = seg.textLength - before - beyond;
  if (length <= 0) {
    c.ackStale();
    return;
  }
  if (c.has(OWNER_GONE)) {
    c.abort(); // SHLD-3: nobody will read it.
    return;
  }
  if (before > 0) reportDuplicate(c, first, c.rcvNxt);
  if (before > 0 || beyond > 0) c.ackNow(); // The peer learns at once what of it was taken.
  receiveText(c, seg, seqAdd(first, before), seg.textAt + before, length);
}

/** Eighth. A FIN counts once everything before it is here; one that came too early is remembered. */
function checkFin(c: TcpConnection, seg: Segment): void {
  if (c.state === CLOSED || c.has(FIN_RECEIVED)) return; // An owner has aborted it; or the FIN was taken long ago.
  const kept = c.outOfOrder;
  let fin = false;
  if (seg.fin) {
    const at = finSeq(seg);
    fin = at === c.rcvNxt;
    if (!fin && seqGt(at, c.rcvNxt) && seqLt(at, c.rcvAdv)) {
      outOfOrder(c).finAt = at;
      if (seg.textLength === 0) c.ackEach();
    }
  } else if (kept !== null && kept.finAt !== null) {
    fin = kept.finAt === c.rcvNxt;
  }
  if (fin) takeFin(c);
}

function takeFin(c: TcpConnection): void {
  switch (c.state) {
    case SYN_RECEIVED:
    case ESTABLISHED:
      c.enter(CLOSE_WAIT);
      break;
    case FIN_WAIT_1:
      c.enter(CLOSING); // The fifth step has moved on to FIN-WAIT-2 where our FIN was acknowledged.
      break;
    case FIN_WAIT_2:
      break; // To TIME-WAIT, once the owner was told of the end.
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK:
    case TIME_WAIT:
    case CLOSED:
      return; // Remain.
    case LISTEN:
    case SYN_SENT:
      return assert(false, "handled in §3.10.7.2 and .3");
  }
  c.dropOutOfOrder();
  c.advanceRcvNxt(1);
  c.rcvAdv = seqGt(c.rcvNxt, c.rcvAdv) ? c.rcvNxt : c.rcvAdv;
  c.ackNow();
  const lingers = c.state === FIN_WAIT_2;
  try {
    receiveEnd(c);
  } finally {
    if (lingers && c.state === FIN_WAIT_2) c.enter(TIME_WAIT);
  }
}

/** RFC 9293 MAY-2 and RFC 6191: whether a SYN may open the four-tuple anew that lingers in TIME-WAIT. */
export function reopens(c: TcpConnection, seg: Segment): boolean {
  if (c.state !== TIME_WAIT || !seg.syn || seg.acks || seg.rst) return false;
  const later: Seq = c.rcvNxt;
  if (c.has(TS_RECENT_VALID) && seg.hasTimestamps) {
    const age = (seg.tsVal - c.tsRecent) | 0;
    return age > 0 || (age === 0 && seqGt(seg.seq, later));
  }
  return seqGt(seg.seq, later);
}

/** After the verdict "later": the SYN-ACK goes out, its timer starts now. */
export function admit(c: TcpConnection): void {
  c.unset(HELD | LIFE_ARMED);
  c.set(SYN_DUE);
  armRto(c, c.rtoMs);
  c.wantsTurn();
}

/** The ACK of a SYN-ACK that was a cookie: the handshake is over, although no SYN-RECEIVED was ever kept. RFC 4987 §3.6. */
export function arrivesWithCookie(c: TcpConnection, seg: Segment): void {
  c.advanceUna(seg.ack);
  establish(c, seg);
  if (c.state === CLOSED) return;
  processText(c, seg);
  checkFin(c, seg);
}
