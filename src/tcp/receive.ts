/** Text on its way to the owner: RFC 9293 §3.10.7.4 (seventh), §3.8.6.3; RFC 5681 §4.2; RFC 2018 §4. */
import { type Seq, seqAdd, seqDiff, seqLe } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import { SILENT_HANDLER } from "./handler.ts";
import { OUT_OF_ORDER_OVERHEAD, OutOfOrder } from "./out-of-order.ts";
import { CHUNK_OVERHEAD, ReceiveQueue } from "./receive-queue.ts";
import { readToEnd } from "./state-change.ts";
import { ACK_ARMED, CLOSE_DUE, END_TOLD, FIN_RECEIVED, NOTIFY, PAUSED, SACK_OK } from "./tcb.ts";
import { armDelayedAck } from "./timers.ts";
import { heldOctets, tuneBuffer, windowOpened } from "./window.ts";

/** Text [seq, seq + length) of `seg`, already cut to the window. Precondition: length > 0, nothing of it before RCV.NXT. */
export function receiveText(c: TcpConnection, seg: Segment, seq: Seq, at: number, length: number): void {
  if (seq !== c.rcvNxt) {
    keepOutOfOrder(c, seg, seq, at, length);
    return;
  }
  const taken = isLent(c) ? length : Math.min(length, receiveRoom(c, length));
  if (taken < length) {
    c.tcp.counters.receiveQueueDropped++;
    c.ackNow();
    if (taken === 0) return;
  }
  takeInOrder(c, seg, at, taken);
}

/** Whether text goes straight to the owner: then it costs no memory. */
const isLent = (c: TcpConnection): boolean => c.handler.data !== undefined && !c.has(PAUSED) && c.receiveQueue === null;

/** Octets that may be kept now for an owner who does not take them. Text beyond a hole makes way for text before it. */
function receiveRoom(c: TcpConnection, wanted: number): number {
  const { memory } = c.tcp;
  const spare = c.receiveQueue === null ? 0 : c.receiveQueue.spare;
  if (wanted <= spare) return wanted;
  while (c.outOfOrder !== null && c.outOfOrder.segments > 0 && memory.free < wanted) prune(c, c.outOfOrder);
  return spare + Math.max(0, Math.min(memory.room(heldOctets(c), c.rcvEarned) - spare, memory.free - CHUNK_OVERHEAD));
}

function prune(c: TcpConnection, kept: OutOfOrder): void {
  kept.dropLast();
  c.tcp.counters.outOfOrderPruned++;
}

function takeInOrder(c: TcpConnection, seg: Segment, at: number, length: number): void {
  const segmentText = seg.gsoSize > 0 ? seg.gsoSize : length;
  if (segmentText > c.rcvMss && segmentText <= c.mtu) c.rcvMss = segmentText;
  c.advanceRcvNxt(length);
  c.countRead(length);
  if (c.rcvBuffer < c.tcp.config.receiveBufferMax || c.tcp.memory.isTight) tuneBuffer(c, seg, length);
  else if (c.tuning !== null) c.tuning.rests = true;
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
  c.tcp.counters.outOfOrderSegs++;
  c.ackEach();
  const kept = outOfOrder(c);
  if (makeRoom(c, kept, seq, length)) kept.insert(seq, seg.frame.bytes, at, length);
  else c.tcp.counters.outOfOrderDropped++;
  if (kept.isEmpty) c.dropOutOfOrder();
}

/** Text and a FIN beyond a hole, and reports of duplicates, made when the first of them comes. */
export const outOfOrder = (c: TcpConnection): OutOfOrder =>
  (c.outOfOrder ??= new OutOfOrder(c.tcp.memory, c.has(SACK_OK)));

/** Whether one more segment may be kept. What lies behind it makes way (RFC 2018 §8), what lies before it does not. */
function makeRoom(c: TcpConnection, kept: OutOfOrder, seq: Seq, length: number): boolean {
  const { config, memory } = c.tcp;
  const cost = length + OUT_OF_ORDER_OVERHEAD;
  const fits = (): boolean =>
    kept.segments < config.outOfOrderSegmentsMax && cost <= memory.room(kept.charge, c.rcvEarned);
  while (!fits()) {
    if (kept.segments === 0 || seqLe(kept.end, seq)) return false;
    prune(c, kept);
  }
  return true;
}

/** D-SACK: RFC 2883 §4. */
export function reportDuplicate(c: TcpConnection, left: Seq, right: Seq): void {
  if (c.has(SACK_OK)) outOfOrder(c).reportDuplicate(left, right);
}

/** Text in order has come while later text was waiting: delivers what now continues it. RFC 5681 §4.2: ACK at once. */
function closeHole(c: TcpConnection): void {
  c.ackNow();
  for (let kept = c.outOfOrder; kept !== null; kept = c.outOfOrder) {
    const chunk = kept.take(c.rcvNxt);
    if (chunk === null) break;
    c.advanceRcvNxt(chunk.length);
    c.countRead(chunk.length);
    if (isLent(c)) deliver(c, chunk, 0, chunk.length);
    else {
      receiveQueue(c).adopt(chunk);
      notifyReadable(c);
    }
  }
  const kept = c.outOfOrder;
  if (kept === null) return;
  if (kept.isEmpty) c.dropOutOfOrder();
  else if (kept.segments > 0) c.ackEach();
}

/** Lends the octets to an owner that takes `data`, keeps a copy for any other. */
function deliver(c: TcpConnection, bytes: Uint8Array, start: number, end: number): void {
  if (isLent(c)) {
    c.handler.data?.(c, bytes, start, end);
    return;
  }
  receiveQueue(c).push(bytes, start, end);
  notifyReadable(c);
}

const receiveQueue = (c: TcpConnection): ReceiveQueue => (c.receiveQueue ??= new ReceiveQueue(c.tcp.memory));

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
  if (c.receiveQueue.octets === 0) {
    c.dropReceiveQueue();
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
    if (c.receiveQueue.octets === 0) c.dropReceiveQueue();
    c.handler.data(c, chunk, 0, chunk.length);
  }
  if (c.receiveQueue !== null) return;
  if (c.has(FIN_RECEIVED) && c.handler.readable === undefined) tellEnd(c);
  readToEnd(c);
  if (!c.has(FIN_RECEIVED) && windowOpened(c)) c.ackNow();
}

/** Where the octet behind the text of a FIN segment stands. */
export const finSeq = (seg: Segment): Seq => seqAdd(seg.seq, seg.textLength + (seg.syn ? 1 : 0));
