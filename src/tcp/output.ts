/**
 * What a connection puts on the wire when its turn comes: SYN, retransmissions, new text, FIN, probes, pure ACKs.
 * RFC 9293 §3.8.6.2.1 (when to send), §3.7.4 (Nagle), RFC 5681 (how much).
 */
import { type Seq, seqAdd, seqDiff, seqGt, seqMin } from "../base/seq.ts";
import { TX_NETWORK_HEADER, type TxBatch } from "../base/tx-batch.ts";
import { ACK, CWR, ECE, FIN, PSH, SYN, URG } from "../wire/segment.ts";
import { emitSegment, TCP_CHECKSUM_AT, TCP_HEADER } from "../wire/tcp.ts";
import { SSTHRESH_INFINITE } from "./congestion/controller.ts";
import type { TcpConnection } from "./connection.ts";
import { ECN_ASKED, ECN_OK, ecnField, ecnFlags } from "./ecn.ts";
import { SACKED, WITH_FIN } from "./in-flight.ts";
import { nextLost, pipe, windowBehind } from "./recovery.ts";
import { backedOffRtoMs } from "./rtt.ts";
import { FAST_RECOVERY, OPEN, type Sender } from "./sender.ts";
import { CLOSED, ESTABLISHED, SYN_SENT } from "./states.ts";
import {
  ACK_ARMED,
  ACK_NOW,
  FIN_QUEUED,
  FIN_SENT,
  HELD,
  KEEP_ALIVE_DUE,
  NO_DELAY,
  PROBE_DUE,
  RTO_ARMED,
  SACK_OK,
  SYN_DUE,
  SYN_RETRANSMITTED,
  TAIL_PROBE_DUE,
  TIMER_IS_PROBE,
  TIMER_IS_REORDERING,
  TIMESTAMPS,
  WINDOW_SCALE,
} from "./tcb.ts";
import { armPacer, armRto, watchLoss } from "./timers.ts";
import { urgentPointer } from "./urgent.ts";
import { announcedMss, offerWindow, windowScaleFor } from "./window.ts";

/** Octets that one connection may send before the next has its turn. */
const QUANTUM = 1 << 18;
/** SACK blocks that fit beside timestamps: RFC 2018 §3. */
const SACK_BESIDE_TIMESTAMPS = 3,
  SACK_ALONE = 4;
/** Octets of the option with its padding, and of one block. */
const SACK_OPTION = 4,
  SACK_BLOCK = 8;

/** Adds rows until nothing is due (false), or `tx` is full or the turn is over (true: come again). */
export function output(c: TcpConnection, tx: TxBatch): boolean {
  if (c.state === CLOSED || c.has(HELD)) return false;
  if (c.has(SYN_DUE)) {
    if (!tx.hasRoom()) return true;
    sendSyn(c, tx);
  }
  if (c.sender !== null && c.state >= ESTABLISHED && sendText(c, c.sender, tx)) return true;
  return sendAcks(c, tx);
}

function sendSyn(c: TcpConnection, tx: TxBatch): void {
  const { config, counters } = c.tcp;
  const first = c.sndNxt === c.iss;
  c.unset(SYN_DUE);
  c.sndNxt = seqAdd(c.iss, 1);
  if (first) c.progressAtMs = c.tcp.clock.nowMs;
  else {
    c.set(SYN_RETRANSMITTED);
    counters.retransSegs++;
  }
  const out = c.tcp.out;
  out.clearOptions();
  out.mss = announcedMss(c.mtu, config);
  out.sackPermitted = c.has(SACK_OK);
  if (c.has(WINDOW_SCALE)) out.windowScale = c.rcvWscale = windowScaleFor(config.receiveBufferMax);
  fillTimestamps(c);
  emit(c, tx, c.iss, 0, synFlags(c, first));
  armRto(c, backedOffRtoMs(c));
}

/** RFC 3168 §6.1.1, and §6.1.1.1: a SYN that was lost is sent again without asking for ECN. */
function synFlags(c: TcpConnection, first: boolean): number {
  if (c.state !== SYN_SENT) return (c.ecn & ECN_OK) !== 0 ? SYN | ACK | ECE : SYN | ACK;
  c.ecn = first && c.tcp.config.ecn === "on" ? ECN_ASKED : 0;
  return c.ecn === 0 ? SYN : SYN | ECE | CWR;
}

function fillTimestamps(c: TcpConnection): void {
  const out = c.tcp.out;
  out.hasTimestamps = c.has(TIMESTAMPS);
  out.tsVal = (c.tcp.clock.nowMs + c.tsOffset) | 0;
  out.tsEcr = c.tsRecent;
}

/** Options of a segment without SYN. */
function fillOptions(c: TcpConnection): void {
  const out = c.tcp.out;
  out.clearOptions();
  fillTimestamps(c);
  if (c.outOfOrder !== null && c.has(SACK_OK)) {
    const fitting = out.hasTimestamps ? SACK_BESIDE_TIMESTAMPS : SACK_ALONE;
    const room = (c.sendMss >> 1) - SACK_OPTION; // At least half of a segment is left for text.
    c.outOfOrder.fillSack(out, c.rcvNxt, Math.max(0, Math.min(fitting, Math.floor(room / SACK_BLOCK))));
  }
}

/** Text of a full-sized segment beside the options that are in `tcp.out` now: RFC 9293 MUST-16. */
function segmentText(c: TcpConnection): number {
  const { sackCount } = c.tcp.out;
  return c.sendMss - (sackCount > 0 ? SACK_OPTION + sackCount * SACK_BLOCK : 0);
}

/**
 * Emits one row: the header for `tcp.out`'s options, then text [seq, seq + length) as far as the row has place for its
 * pieces. Returns the octets of text sent. FIN is left out where the text was cut short.
 * @hot
 */
function emit(c: TcpConnection, tx: TxBatch, seq: Seq, length: number, flags: number): number {
  const { out, network, counters } = c.tcp;
  const row = tx.open(TCP_HEADER + out.optionsLength);
  let lent = 0;
  let sent = flags;
  if (length > 0 && c.sender !== null) {
    lent = c.sender.queue.lend(tx, seq, length);
    if (lent < length) sent &= ~FIN;
    if (seqAdd(seq, lent) === c.sender.queue.end) sent |= PSH; // RFC 9293 MUST-61.
  }
  const newText = lent > 0 && seq === c.sndNxt && c.sndWnd > 0; // RFC 3168 §6.1.6: a window probe is none.
  if (c.ecn !== 0) sent |= ecnFlags(c, newText);
  out.srcPort = c.localPort;
  out.dstPort = c.remotePort;
  out.seq = seq;
  out.flags = sent;
  out.urgentPointer = (flags & SYN) !== 0 ? 0 : urgentPointer(c, seq);
  if (out.urgentPointer > 0) out.flags |= URG;
  if ((flags & ACK) !== 0) {
    out.ack = c.rcvNxt;
    c.lastAckSent = c.rcvNxt;
    c.unset(ACK_NOW | ACK_ARMED);
  } else {
    out.ack = 0 as Seq;
  }
  out.window = offerWindow(c, (flags & SYN) !== 0);
  const text = segmentText(c);
  if (lent > text) tx.gsoSize[row] = text;
  const tcpLength = tx.length[row] - TX_NETWORK_HEADER;
  emitSegment(tx.head, tx.headerAt(row) + TX_NETWORK_HEADER, out, network.pseudoSum(c.local, c.remote, tcpLength));
  tx.checksumFrom[row] = TX_NETWORK_HEADER;
  tx.checksumAt[row] = TX_NETWORK_HEADER + TCP_CHECKSUM_AT;
  network.seal(tx, row, c.local, c.remote, ttlOf(c), trafficClass(c, newText));
  if (c.outOfOrder !== null) duplicatesReported(c);
  counters.outSegs++;
  if (lent > 0 || (flags & SYN) !== 0) c.lastSentAtMs = c.tcp.clock.nowMs;
  return lent;
}

/** A segment has left that was filled by `fillOptions`, or a SYN, before which nothing can have come twice. */
function duplicatesReported(c: TcpConnection): void {
  c.outOfOrder?.reported();
  if (c.outOfOrder?.isEmpty === true) c.dropOutOfOrder();
}

/** The most text that one row may carry: whole segments where the device cuts them, one segment otherwise. */
function rowLimit(c: TcpConnection, budget: number): number {
  const text = segmentText(c);
  if (c.path.segmentMax === 0 || urgentPointer(c, c.sndUna) > 0) return text; // A device that cuts would repeat the pointer.
  const most = c.path.segmentMax - TX_NETWORK_HEADER - TCP_HEADER - c.tcp.out.optionsLength;
  const room = Math.min(most, budget + text - 1); // The budget's last segment is whole.
  return Math.max(text, room - (room % text));
}

/** RFC 1700's recommendation, and Linux's default. */
const TTL = 64;
const ttlOf = (c: TcpConnection): number => c.settings?.ttl ?? TTL;
/** RFC 2474 §3 and RFC 3168 §5. */
const trafficClass = (c: TcpConnection, newText: boolean): number =>
  ((c.settings?.dscp ?? 0) << 2) | (c.ecn === 0 ? 0 : ecnField(c, newText));

function sendText(c: TcpConnection, sender: Sender, tx: TxBatch): boolean {
  const { pacer } = sender;
  let turn = QUANTUM;
  let held = false;
  restartAfterIdle(c, sender);
  pacer.grant(c, sender);
  if (c.has(PROBE_DUE)) {
    if (!tx.hasRoom()) return true;
    sendProbe(c, sender, tx);
  }
  while (sender.inFlight.lostOctets > 0) {
    const i = nextLost(sender);
    const room = i < 0 ? 0 : resendRoom(c, sender, i);
    if (room <= 0) break;
    held = pacer.left <= 0 && !sender.firstIsDue;
    if (held) break;
    if (!tx.hasRoom() || turn <= 0) return true;
    sender.firstIsDue = false;
    turn -= resend(c, sender, tx, i, room);
  }
  if (c.has(TAIL_PROBE_DUE)) {
    if (!tx.hasRoom()) return true;
    sendTailProbe(c, sender, tx);
  }
  while (sender.inFlight.lostOctets === 0) {
    fillOptions(c);
    const length = sendableText(c, sender);
    const fin = c.has(FIN_QUEUED) && !c.has(FIN_SENT) && length === c.notSent;
    if (length === 0 && !fin) break;
    held = length > 0 && pacer.left <= 0;
    if (held) break;
    if (!tx.hasRoom() || turn <= 0) return true;
    turn -= sendNew(c, sender, tx, length, fin);
  }
  if (held) armPacer(c, pacer);
  else pacer.idles();
  noteUsage(c, sender);
  armPersist(c);
  return false;
}

/** Everything that may leave has left: what is it that keeps the rest back? */
function noteUsage(c: TcpConnection, sender: Sender): void {
  const inFlight = pipe(c, sender);
  const limited = c.cwnd - inFlight < c.sendMss;
  sender.usage.sent(c.sndUna, c.sndNxt, inFlight, limited);
  if (sender.rates !== null && !limited && c.notSent === 0 && sender.inFlight.lostOctets === 0) {
    sender.rates.appLimited(inFlight);
  }
}

/** How much of range `i` may be sent again now: never beyond the peer's window (SHLD-16), whole segments where there are. */
function resendRoom(c: TcpConnection, sender: Sender, i: number): number {
  const inPipe = pipe(c, sender);
  const congestion = Math.max(c.cwnd - inPipe, sender.firstIsDue ? c.sendMss : 0);
  const room = Math.min(congestion, windowBehind(c, sender.inFlight.start(i)));
  return room < c.sendMss && inPipe > 0 && room < sender.inFlight.length(i) ? 0 : room;
}

/**
 * RFC 5681 §4.1: after an idle RTO the window restarts from the initial one. `ssthresh` remembers three quarters of what it
 * was, as Linux has it, so that slow start leads back there and no further.
 */
function restartAfterIdle(c: TcpConnection, sender: Sender): void {
  if (c.flightSize > 0 || sender.rates !== null || ((c.tcp.clock.nowMs - c.lastSentAtMs) | 0) <= c.rtoMs) return;
  if (c.ssthresh < SSTHRESH_INFINITE) c.ssthresh = Math.max(c.ssthresh, (3 * c.cwnd) >> 2);
  c.cwnd = Math.min(c.cwnd, c.initialWindow);
}

function sendNew(c: TcpConnection, sender: Sender, tx: TxBatch, length: number, fin: boolean): number {
  const start = c.sndNxt;
  const flags = fin ? ACK | FIN : ACK;
  const lent = emit(c, tx, start, length, flags);
  const withFin = fin && lent === length;
  const end = seqAdd(start, lent + (withFin ? 1 : 0));
  if (lent % segmentText(c) !== 0) c.smallEnd = end;
  if (withFin) c.set(FIN_SENT);
  pushInFlight(c, sender, start, end, withFin);
  return lent + 1;
}

function pushInFlight(c: TcpConnection, sender: Sender, start: Seq, end: Seq, withFin: boolean): void {
  if (c.flightSize === 0) c.progressAtMs = c.tcp.clock.nowMs;
  const wasOne = c.flightSize <= c.sendMss; // A lone segment's ACK may be held back, and so the RTO was the sooner.
  leaves(c, sender, seqDiff(end, start));
  sender.inFlight.push(start, end, c.tcp.clock.nowUs | 0, withFin ? WITH_FIN : 0);
  c.sndNxt = end;
  if (sender.phase === FAST_RECOVERY) sender.prr.sent(seqDiff(end, start));
  const isMore = wasOne && c.flightSize > c.sendMss && !c.has(TIMER_IS_REORDERING);
  if (!c.has(RTO_ARMED) || c.has(TIMER_IS_PROBE) || isMore) watchLoss(c, sender); // RFC 6298 (5.1), RFC 8985 §7.2.
}

/** Octets leave, before they count as being in flight: whoever reckons with rates is told. */
function leaves(c: TcpConnection, sender: Sender, octets: number): void {
  sender.pacer.sent(octets);
  if (sender.rates !== null) sender.rates.sends(c.tcp.clock.nowUs, pipe(c, sender));
}

/** Sends range `i` again, or as much of it as `room` and one row allow. */
function resend(c: TcpConnection, sender: Sender, tx: TxBatch, i: number, room: number): number {
  const { inFlight } = sender;
  fillOptions(c);
  const start = inFlight.start(i);
  const full = segmentText(c);
  const limit = Math.min(rowLimit(c, sender.pacer.left), Math.max(room - (room % full), Math.min(room, full)));
  const text = inFlight.length(i) - ((inFlight.flags(i) & WITH_FIN) !== 0 ? 1 : 0);
  const fin = text <= limit && (inFlight.flags(i) & WITH_FIN) !== 0;
  const lent = emit(c, tx, start, Math.min(text, limit), fin ? ACK | FIN : ACK);
  const sent = lent + (fin && lent === text ? 1 : 0);
  if (sent < inFlight.length(i)) inFlight.split(i, seqAdd(start, sent));
  leaves(c, sender, sent);
  inFlight.resent(i, c.tcp.clock.nowUs | 0);
  if (sender.phase === FAST_RECOVERY) sender.prr.sent(sent);
  sender.undo.sentAgain(start, sent, c.tcp.clock.nowMs);
  const segments = Math.max(1, Math.ceil(lent / segmentText(c)));
  c.totalRetrans += segments;
  c.tcp.counters.retransSegs += segments;
  // Its answer takes a round trip from now: what detected the loss may have spent most of the RTO. RFC 8985 §7.2, as Linux has it.
  const isHead = i === 0 && !c.has(TIMER_IS_REORDERING);
  if (isHead || !c.has(RTO_ARMED)) armRto(c, backedOffRtoMs(c));
  return sent;
}

/** RFC 8985 §7.3: one new segment where there is one and the window takes it, else the last one once more. */
function sendTailProbe(c: TcpConnection, sender: Sender, tx: TxBatch): void {
  c.unset(TAIL_PROBE_DUE);
  const { inFlight } = sender;
  if (inFlight.count === 0 || sender.phase !== OPEN) return;
  if (windowBehind(c, c.sndNxt) < 0) return; // The window has moved left since: SHLD-16. The RTO is armed.
  c.tcp.counters.tailLossProbes++;
  fillOptions(c);
  const fresh = Math.min(c.notSent, segmentText(c));
  const isNew = fresh > 0 && windowBehind(c, c.sndNxt) >= fresh;
  if (isNew) {
    sendNew(c, sender, tx, fresh, false);
  } else {
    let last = inFlight.count - 1;
    while (last >= 0 && (inFlight.flags(last) & SACKED) !== 0) last--;
    if (last < 0) return; // The peer reports all of it: there is no tail to ask for.
    if (inFlight.length(last) > c.sendMss) {
      inFlight.split(last, seqAdd(inFlight.end(last), -c.sendMss));
      last++;
    }
    resend(c, sender, tx, last, c.sendMss);
  }
  sender.probe.sent(c.sndNxt, !isNew);
  c.probedUnmeasured = true;
  armRto(c, backedOffRtoMs(c)); // §7.3: the RTO starts anew.
}

/**
 * How much new text may leave now as one row. RFC 9293 §3.8.6.2.1 MUST-38 with Nagle's algorithm as amended by Minshall:
 * a short segment waits only while another short one is outstanding.
 */
function sendableText(c: TcpConnection, sender: Sender): number {
  const pending = c.notSent;
  if (pending === 0) return 0;
  const window = windowBehind(c, c.sndNxt);
  const congestion = c.cwnd - pipe(c, sender);
  const room = Math.min(window, congestion, rowLimit(c, sender.pacer.left));
  if (room <= 0) return 0;
  const text = segmentText(c);
  if (room < pending) {
    if (room >= text) return room - (room % text);
    // Too narrow for a full segment: only where it is half of the largest window ever seen, and nothing else is coming.
    return window <= congestion && room >= c.maxSndWnd >> 1 ? room : 0;
  }
  const tail = pending % text;
  if (tail === 0 || c.has(NO_DELAY) || c.has(FIN_QUEUED) || !seqGt(c.smallEnd, c.sndUna)) return pending;
  return pending - tail;
}

/**
 * RFC 9293 §3.8.6.1 MUST-36: one octet beyond a closed window, new where there is one, or as much as a narrow window takes.
 */
function sendProbe(c: TcpConnection, sender: Sender, tx: TxBatch): void {
  c.unset(PROBE_DUE);
  c.tcp.counters.zeroWindowProbes++;
  fillOptions(c);
  if (sender.inFlight.count > 0) {
    const start = sender.inFlight.start(0);
    const text = Math.min(1, seqDiff(sender.queue.end, start));
    emit(c, tx, start, text, text === 0 ? ACK | FIN : ACK);
    if (sender.inFlight.length(0) > 1) sender.inFlight.split(0, seqAdd(start, 1));
    sender.inFlight.resent(0, c.tcp.clock.nowUs | 0);
  } else if (c.notSent > 0) {
    const length = Math.min(c.notSent, Math.max(1, windowBehind(c, c.sndNxt)), segmentText(c));
    const { smallEnd } = c;
    sendNew(c, sender, tx, length, false);
    c.smallEnd = smallEnd; // Nagle's algorithm waits for what the application wrote, not for a probe.
  }
  armRto(c, backedOffRtoMs(c));
}

/** Something waits for the window and nothing is on its way that would bring an ACK: SHLD-29, the first probe after one RTO. */
function armPersist(c: TcpConnection): void {
  if (c.notSent === 0 || c.flightSize > 0 || c.has(RTO_ARMED)) return;
  c.progressAtMs = c.tcp.clock.nowMs; // R2 counts from here: before there was nothing to wait for.
  armRto(c, backedOffRtoMs(c));
}

/** RFC 9293 §3.8.4: an octet before SND.UNA, which the peer has long since had, and no text (SHLD-12). */
function sendKeepAlive(c: TcpConnection, tx: TxBatch): void {
  c.unset(KEEP_ALIVE_DUE);
  fillOptions(c);
  emit(c, tx, seqAdd(c.sndUna, -1), 0, ACK);
}

/**
 * The number of a segment without text. A zero-window probe has taken SND.NXT beyond the peer's window, where it accepts no
 * ACK either (RFC 9293 §3.10.7.4): then it is the window's edge, as Linux has it. Departs from §3.8.6's SEQ=SND.NXT.
 */
const acceptableSeq = (c: TcpConnection): Seq => seqMin(c.sndNxt, seqAdd(c.sndUna, c.sndWnd));

function sendAcks(c: TcpConnection, tx: TxBatch): boolean {
  if (c.has(KEEP_ALIVE_DUE)) {
    if (!tx.hasRoom()) return true;
    sendKeepAlive(c, tx);
  }
  if (c.acksDue === 0 && !c.has(ACK_NOW)) return false;
  let due = Math.max(c.acksDue, c.has(ACK_NOW) ? 1 : 0);
  for (; due > 0; due--) {
    if (!tx.hasRoom()) {
      c.acksDue = due;
      return true;
    }
    fillOptions(c);
    emit(c, tx, acceptableSeq(c), 0, ACK);
  }
  c.acksDue = 0;
  return false;
}
