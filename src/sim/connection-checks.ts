/** What must hold of a connection's variables at any time. Each check returns what is wrong, or null. */
import { type Seq, seqDiff, seqGt, seqMax } from "../base/seq.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import type { Segment } from "../wire/segment.ts";
import {
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  LISTEN,
  SYN_RECEIVED,
  SYN_SENT,
  TIME_WAIT,
} from "../tcp/states.ts";
import { ACK_ARMED, FIN_RECEIVED, HELD, LIFE_ARMED, OWNER_GONE, READY, RTO_ARMED, WHEEL_ARMED } from "../tcp/tcb.ts";

/** RFC 7323 §2.3: a window is less than 2^30. */
const WINDOW_LIMIT = 2 ** 30;
/** What may wait beyond the receive buffer: the rest of the super-segment that filled it. */
const READ_SLACK = 65_535;
/** How late a timer may be: wheel and host count whole milliseconds. */
const TIMER_LATE_MS = 3;

/** What the checks remember of a connection from one look to the next. */
export class LastSeen {
  sndUna: Seq;
  rcvNxt: Seq;
  /** The furthest that was ever sent. */
  sndMax: Seq;
  /** The furthest right edge of the peer's window. */
  rightEdge: Seq;

  constructor(c: TcpConnection) {
    this.sndUna = c.sndUna;
    this.rcvNxt = c.rcvNxt;
    this.sndMax = c.sndNxt;
    this.rightEdge = c.sndUna;
  }
}

/** RFC 9293 §3.3.2: in which states the peer's FIN has come, and ours is acknowledged. */
export function checkFins(c: TcpConnection): string | null {
  switch (c.state) {
    case CLOSED:
    case LISTEN:
    case SYN_SENT:
    case SYN_RECEIVED:
      return null;
    case ESTABLISHED:
    case FIN_WAIT_1:
      return c.has(FIN_RECEIVED) ? "the peer's FIN has its state" : null;
    case FIN_WAIT_2:
      if (c.flightSize !== 0) return "FIN-WAIT-2 has its FIN acknowledged";
      return c.has(FIN_RECEIVED) ? "the peer's FIN has its state" : null;
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK:
      return c.has(FIN_RECEIVED) ? null : "the peer's FIN has come";
    case TIME_WAIT:
      if (c.flightSize !== 0) return "TIME-WAIT has its FIN acknowledged";
      return c.has(FIN_RECEIVED) ? null : "the peer's FIN has come";
  }
}

/** Between stacks that are right, nobody acknowledges what was never sent. */
export function checkAcknowledgment(c: TcpConnection, seg: Segment, last: LastSeen): string | null {
  last.sndMax = seqMax(last.sndMax, c.sndNxt);
  if (!seg.acks || seg.rst || c.state === CLOSED) return null;
  return seqGt(seg.ack, last.sndMax) ? "the peer acknowledges what was sent, no more" : null;
}

/** RFC 9293 §3.4: what the sequence variables owe each other. */
export function checkSequence(c: TcpConnection, last: LastSeen): string | null {
  if (c.state === CLOSED) return null;
  const flight = seqDiff(c.sndNxt, c.sndUna);
  if (flight < 0 || flight > WINDOW_LIMIT) return "SND.UNA <= SND.NXT";
  if (seqDiff(c.sndUna, last.sndUna) < 0) return "SND.UNA never goes back";
  if (c.sender !== null && seqDiff(c.sndNxt, c.sender.queue.end) > 1) return "SND.NXT is within what was queued";
  last.sndUna = c.sndUna;
  if (c.state < ESTABLISHED) {
    last.rcvNxt = c.rcvNxt;
    last.rightEdge = seqMax(c.sndUna, c.sndNxt);
    return null;
  }
  const advanced = seqDiff(c.rcvNxt, last.rcvNxt);
  if (last.rcvNxt !== 0 && advanced < 0) return "RCV.NXT never goes back";
  last.rcvNxt = c.rcvNxt;
  if (seqDiff(c.rcvAdv, c.rcvNxt) < 0) return "RCV.NXT is within the window offered";
  const octets = seqDiff(c.rcvNxt, c.irs) - 1 - (c.has(FIN_RECEIVED) ? 1 : 0);
  if (((c.bytesRead - octets) | 0) !== 0) return "RCV.NXT counts the octets received";
  last.rightEdge = seqMax(last.rightEdge, (c.sndUna + c.sndWnd) as Seq);
  // One octet or a FIN may go beyond: a zero-window probe, RFC 9293 §3.8.6.1.
  if (seqGt(c.sndNxt, (last.rightEdge + 2) as Seq)) return "SND.NXT is within the peer's window";
  if (c.cwnd < 0 || (c.sender !== null && c.flightSize > 0 && c.cwnd === 0)) return "the congestion window is open";
  return null;
}

/** Every queue that a peer can fill has its bound. `design.md` §7. */
export function checkBounds(c: TcpConnection): string | null {
  const { config, memory } = c.tcp;
  const accounts = Math.min(memory.receive, memory.outOfOrder, memory.send, memory.reassembly, memory.queues);
  if (accounts < 0) return "no account of memory is negative";
  if (memory.used > memory.max + READ_SLACK) return "memory is within its budget";
  const unread = c.receiveQueue?.octets ?? 0;
  if (unread > Math.max(c.rcvBuffer, config.receiveBuffer) + READ_SLACK)
    return "unread octets are within the receive buffer";
  if ((c.outOfOrder?.segments ?? 0) > config.outOfOrderSegmentsMax)
    return "segments beyond a hole are within their bound";
  return null;
}

/** No timer is lost: whoever waits for something has a timer or a turn, and the wheel knows of it and is in time. */
export function checkTimers(c: TcpConnection): string | null {
  if (c.state === CLOSED) return null;
  const opening = c.state === SYN_SENT || c.state === SYN_RECEIVED;
  const waits = opening ? !c.has(HELD) : c.flightSize > 0 || c.notSent > 0;
  if (waits && !c.has(RTO_ARMED) && !c.has(READY)) return "what is not acknowledged has a retransmission timer";
  if (c.state === TIME_WAIT && !c.has(LIFE_ARMED)) return "TIME-WAIT has its timer";
  if (c.state === FIN_WAIT_2 && c.has(OWNER_GONE) && !c.has(LIFE_ARMED)) return "an orphan in FIN-WAIT-2 has its timer";
  if (!c.has(RTO_ARMED) && !c.has(ACK_ARMED) && !c.has(LIFE_ARMED)) return null;
  if (!c.has(WHEEL_ARMED)) return "an armed timer is in the wheel";
  return null;
}

/** Whether a timer should have fired by `nowMs` of the host's clock and has not. */
export function checkPunctual(c: TcpConnection, nowMs: number): string | null {
  if (c.state === CLOSED || !c.has(WHEEL_ARMED)) return null;
  return ((nowMs - c.wheelAtMs) | 0) > TIMER_LATE_MS ? "a timer fires when it is due" : null;
}
