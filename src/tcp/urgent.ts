/** The urgent mechanism: RFC 9293 §3.8.5 as RFC 6093 reads it. Urgent octets stay in the stream; only where they end is told. */
import { type Seq, seqAdd, seqDiff, seqGt, seqMax } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import { URG } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";

/** The pointer's field has 16 bits: RFC 9293 §3.1. */
const POINTER_MAX = 65_535;

/** Where urgent octets end in both directions, on a connection that has seen any. */
export class Urgent {
  /** SND.UP and RCV.UP: the numbers behind the last urgent octets (MUST-62). */
  sndUp: Seq;
  rcvUp: Seq;

  constructor(sndUna: Seq, rcvNxt: Seq) {
    this.sndUp = sndUna;
    this.rcvUp = rcvNxt;
  }
}

const urgentOf = (c: TcpConnection): Urgent => (c.urgent ??= new Urgent(c.sndUna, c.rcvNxt));

/** §3.10.2, SEND: all that is queued up to `end` is urgent. */
export function markUrgent(c: TcpConnection, end: Seq): void {
  const urgent = urgentOf(c);
  urgent.sndUp = seqMax(urgent.sndUp, end);
}

/** The pointer for a segment at `seq`, 0 where nothing urgent lies ahead of it. */
export function urgentPointer(c: TcpConnection, seq: Seq): number {
  if (c.urgent === null) return 0;
  return Math.min(Math.max(seqDiff(c.urgent.sndUp, seq), 0), POINTER_MAX);
}

/** §3.10.7.4, sixth: RCV.UP follows the pointer, and the owner is told when it appears or advances (MUST-32). */
export function takeUrgent(c: TcpConnection, seg: Segment): void {
  if ((seg.flags & URG) === 0) return;
  const up = seqAdd(seg.seq, seg.urgentPointer);
  if (!seqGt(up, c.rcvNxt) || (c.urgent !== null && !seqGt(up, c.urgent.rcvUp))) return;
  urgentOf(c).rcvUp = up;
  c.handler.urgent?.(c, seqDiff(up, c.rcvNxt));
}

/** MUST-33: octets up to the end of what is urgent that have not arrived in order yet. */
export const urgentAhead = (c: TcpConnection): number =>
  c.urgent === null ? 0 : Math.max(0, seqDiff(c.urgent.rcvUp, c.rcvNxt));
