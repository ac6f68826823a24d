/** Text and FIN of a segment that has passed all checks: RFC 9293 §3.10.7.4, seventh and eighth. */
import { assert } from "../base/assert.ts";
import { seqAdd, seqDiff, seqGt, seqLt } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import { finSeq, outOfOrder, receiveEnd, receiveText, reportDuplicate } from "./receive.ts";
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
import { FIN_RECEIVED, OWNER_GONE } from "./tcb.ts";

/** Seventh. The segment is cut to the window here: what lies before RCV.NXT was taken, what lies beyond was not asked for. */
export function processText(c: TcpConnection, seg: Segment): void {
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
export function checkFin(c: TcpConnection, seg: Segment): void {
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
