/** Text on its way to the owner: RFC 9293 §3.10.7.4 (seventh), §3.8.6.3; RFC 5681 §4.2; RFC 2018 §4. */
import { type Seq, seqAdd, seqDiff } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import { SILENT_HANDLER } from "./handler.ts";
import { OutOfOrder } from "./out-of-order.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { ACK_ARMED, CLOSE_DUE, END_TOLD, FIN_RECEIVED, NOTIFY, PAUSED, SACK_OK } from "./tcb.ts";
import { armDelayedAck } from "./timers.ts";
import { tuneBuffer, windowOpened } from "./window.ts";

/** Text [seq, seq + length) of `seg`, already cut to the window. Precondition: length > 0, nothing of it before RCV.NXT. */
export function receiveText(c: TcpConnection, seg: Segment, seq: Seq, at: number, length: number): void {
  if (seq !== c.rcvNxt) {
    keepOutOfOrder(c, seg, seq, at, length);
    return;
  }
  const segmentText = seg.gsoSize > 0 ? seg.gsoSize : length;
  if (segmentText > c.rcvMss && segmentText <= c.mtu) c.rcvMss = segmentText;
  c.advanceRcvNxt(length);
  c.countRead(length);
  if (c.rcvBuffer < c.tcp.config.receiveBufferMax) tuneBuffer(c, seg);
  if (c.outOfOrder !== null) {
    deliver(c, seg.frame.bytes, at, at + length);
    closeHole(c);
    return;
  }
  // RFC 9293 SHLD-19, and as Linux has it: at once for more than one segment's octets.
  if (seqDiff(c.rcvNxt, c.lastAckSent) > c.rcvMss) c.ackNow();
  else if (!c.has(ACK_ARMED)) armDelayedAck(c, c.tcp.config.delayedAckMs);
  deliver(c, seg.frame.bytes, at, at + length);
}

/** RFC 5681 §4.2: a segment beyond a hole is acknowledged at once and by itself, so that the peer can count. */
function keepOutOfOrder(c: TcpConnection, seg: Segment, seq: Seq, at: number, length: number): void {
  const { config, counters } = c.tcp;
  counters.outOfOrderSegs++;
  c.ackEach();
  const kept = (c.outOfOrder ??= new OutOfOrder(c.has(SACK_OK)));
  if (kept.segments >= config.outOfOrderSegmentsMax || c.tcp.receiveMemory >= config.receiveMemoryMax) {
    counters.outOfOrderDropped++;
    if (kept.isEmpty) c.outOfOrder = null;
    return;
  }
  const before = kept.charge;
  kept.insert(seq, seg.frame.bytes, at, length);
  c.tcp.receiveMemory += kept.charge - before;
}

/** D-SACK: RFC 2883 §4. */
export function reportDuplicate(c: TcpConnection, left: Seq, right: Seq): void {
  if (c.has(SACK_OK)) (c.outOfOrder ??= new OutOfOrder(c.has(SACK_OK))).reportDuplicate(left, right);
}

/** Text in order has come while later text was waiting: delivers what now continues it. RFC 5681 §4.2: ACK at once. */
function closeHole(c: TcpConnection): void {
  c.ackNow();
  for (let kept = c.outOfOrder; kept !== null; kept = c.outOfOrder) {
    const before = kept.charge;
    const chunk = kept.take(c.rcvNxt);
    c.tcp.receiveMemory += kept.charge - before;
    if (chunk === null) break;
    c.advanceRcvNxt(chunk.length);
    c.countRead(chunk.length);
    deliver(c, chunk, 0, chunk.length);
  }
  const kept = c.outOfOrder;
  if (kept === null) return;
  if (kept.isEmpty) c.outOfOrder = null;
  else if (kept.segments > 0) c.ackEach();
}

/** Lends the octets to an owner that takes `data`, keeps a copy for any other. */
function deliver(c: TcpConnection, bytes: Uint8Array, start: number, end: number): void {
  const { handler } = c;
  if (handler.data !== undefined && !c.has(PAUSED) && c.receiveQueue === null) {
    handler.data(c, bytes, start, end);
    return;
  }
  c.receiveQueue ??= new ReceiveQueue();
  c.receiveQueue.push(bytes, start, end);
  c.tcp.receiveMemory += end - start;
  notifyReadable(c);
}

function notifyReadable(c: TcpConnection): void {
  if (c.handler.readable !== undefined) notify(c);
}

function notify(c: TcpConnection): void {
  if (c.has(NOTIFY)) return;
  c.set(NOTIFY);
  c.tcp.host.notify(c);
}

/** The peer's FIN is in order. The owner is told once everything before it was taken. */
export function receiveEnd(c: TcpConnection): void {
  c.set(FIN_RECEIVED);
  if (c.handler.readable !== undefined) notifyReadable(c);
  else if (c.receiveQueue === null) tellEnd(c);
}

function tellEnd(c: TcpConnection): void {
  if (c.has(END_TOLD) || c.handler === SILENT_HANDLER) return; // It is told to the owner that is still to come.
  c.set(END_TOLD);
  c.handler.end?.(c);
}

/** There is an owner now: it is told what has come before. */
export function handOver(c: TcpConnection): void {
  if (c.receiveQueue === null && !c.has(FIN_RECEIVED)) return;
  if (c.handler.readable !== undefined) notify(c);
  else if (!c.has(PAUSED)) resumeReading(c);
}

/** `TcpSocket.read`. */
export function readQueued(c: TcpConnection): Uint8Array | null {
  if (c.receiveQueue === null) return null;
  const chunk = c.receiveQueue.shift();
  if (chunk !== null) c.tcp.receiveMemory -= chunk.length;
  if (c.receiveQueue.octets === 0) {
    c.receiveQueue = null;
    if (c.has(CLOSE_DUE)) notify(c); // `close` is the last call, and this one has not returned yet.
  }
  if (!c.has(FIN_RECEIVED) && windowOpened(c)) c.ackNow();
  return chunk;
}

/** `TcpSocket.resume`: hands over what was kept, then goes on lending. */
export function resumeReading(c: TcpConnection): void {
  while (c.receiveQueue !== null && c.handler.data !== undefined && !c.has(PAUSED)) {
    const chunk = c.receiveQueue.shift();
    if (chunk === null) break;
    c.tcp.receiveMemory -= chunk.length;
    if (c.receiveQueue.octets === 0) c.receiveQueue = null;
    c.handler.data(c, chunk, 0, chunk.length);
  }
  if (c.receiveQueue !== null) return;
  if (c.has(FIN_RECEIVED) && c.handler.readable === undefined) tellEnd(c);
  c.readToEnd();
  if (!c.has(FIN_RECEIVED) && windowOpened(c)) c.ackNow();
}

/** Where the octet behind the text of a FIN segment stands. */
export const finSeq = (seg: Segment): Seq => seqAdd(seg.seq, seg.textLength + (seg.syn ? 1 : 0));
