/**
 * SEGMENT ARRIVES: RFC 9293 §3.10.7.4, step by step under its numbers, with RFC 5961 (blind attacks), RFC 7323 §5.3 (PAWS), RFC 1337
 * (TIME-WAIT). Begin reading at `segmentArrives`; what precedes ESTABLISHED is in `handshake.ts`, the last steps in `text-arrives.ts`.
 */
import { assert, InvariantError } from "../base/assert.ts";
import { type Seq, seqAdd, seqGe, seqGt, seqLe, seqLt } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import { acknowledge, tellDrained } from "./acknowledgment.ts";
import type { TcpConnection } from "./connection.ts";
import { takeEcho, takeMarks } from "./ecn.ts";
import { arrivesInSynSent, arrivesWhileHeld, checkAckOfSyn } from "./handshake.ts";
import { finSeq, reportDuplicate } from "./receive.ts";
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
import { FIN_SENT, HELD, PASSIVE, SOFT_TOLD, SYN_DUE, type Tcb, TIMESTAMPS, TS_RECENT_VALID } from "./tcb.ts";
import { checkFin, processText } from "./text-arrives.ts";
import { checkTimestamps, followTimestamp } from "./timestamps.ts";
import { takeUrgent } from "./urgent.ts";
import { isAcceptable } from "./window.ts";

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
