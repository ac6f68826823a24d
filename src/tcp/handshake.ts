/**
 * The three-way handshake, RFC 9293 §3.5: what the peer's SYN says, SEGMENT ARRIVES in SYN-SENT (§3.10.7.3) and while a listener has
 * not decided (§3.10.7.2), and the ACK that opens a connection.
 */
import { seqAdd, seqGt, seqLe, toSeq } from "../base/seq.ts";
import { RST, type Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import { agreeOnEcn } from "./ecn.ts";
import { sampleRtt } from "./rtt.ts";
import { CLOSED, ESTABLISHED, FIN_WAIT_1, SYN_RECEIVED } from "./states.ts";
import {
  FIN_QUEUED,
  HELD,
  LIFE_ARMED,
  PASSIVE,
  RTO_ARMED,
  SACK_OK,
  SYN_DUE,
  SYN_RETRANSMITTED,
  TIMESTAMPS,
  TS_RECENT_VALID,
  WINDOW_SCALE,
} from "./tcb.ts";
import { checkFin, processText } from "./text-arrives.ts";
import { armRto } from "./timers.ts";
import { followTimestamp, takeTimestamp } from "./timestamps.ts";

/**
 * A peer that announces less is not believed, as Linux does (TCP_MIN_MSS): each octet would cost a header and a place in every
 * queue. Departs from RFC 9293 MUST-16.
 */
const PEER_MSS_MIN = 88;

/** The SYN waits for a verdict and nothing was answered: to the peer this is LISTEN still (§3.10.7.2). Its RST ends the wait. */
export function arrivesWhileHeld(c: TcpConnection, seg: Segment): void {
  if (seg.rst) {
    if (seg.seq === c.rcvNxt) c.fail(null);
  } else if (seg.acks) {
    c.tcp.host.reset(c, seg.ack, toSeq(0), RST);
  }
}

/** §3.10.7.3. */
export function arrivesInSynSent(c: TcpConnection, seg: Segment): void {
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

/** Fifth of §3.10.7.4, in SYN-RECEIVED: the ACK of our SYN opens the connection; false where the segment is dropped. */
export function checkAckOfSyn(c: TcpConnection, seg: Segment): boolean {
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
