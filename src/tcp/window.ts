/** The receive window, RFC 9293 §3.8.6: what we offer, and when it is worth telling. */
import { type Seq, seqAdd, seqDiff, seqMax } from "../base/seq.ts";
import { TX_NETWORK_HEADER } from "../base/tx-batch.ts";
import type { Segment } from "../wire/segment.ts";
import { TCP_HEADER } from "../wire/tcp.ts";
import { BufferTuning } from "./buffer-tuning.ts";
import type { TcpConfig } from "./config.ts";
import { type Tcb, TIMESTAMPS } from "./tcb.ts";

const FIELD_MAX = 65_535;
/** What a peer sends in its first round trip, for autotuning: RFC 6928. */
const TUNED_SEGMENTS = 10;

/** Memory that the connection's received text takes now, beyond a hole aside. */
export const heldOctets = (c: Tcb): number =>
  c.retained + (c.receiveQueue === null ? 0 : c.receiveQueue.charge - c.receiveQueue.spare);

/**
 * Octets that may be kept for the owner beyond those that wait already, as far as a window field can say so; negative
 * where rounding has let in more, or where the share of memory has shrunk.
 */
function freeOctets(c: Tcb): number {
  const unread = c.receiveQueue === null ? 0 : c.receiveQueue.octets;
  const free = Math.min(c.rcvBuffer - unread, c.tcp.memory.share(c.rcvEarned) - heldOctets(c));
  return Math.min(free, FIELD_MAX << c.rcvWscale);
}

/** Half of what the connection may hold at all. */
const halfBuffer = (c: Tcb): number => Math.min(c.rcvBuffer, c.tcp.memory.share(c.rcvEarned)) >> 1;

/** Silly-window avoidance, RFC 9293 §3.8.6.2.2 MUST-39: the right edge moves by a full segment or half the buffer, or not at all. */
function worthwhile(c: Tcb, gain: number): boolean {
  return gain >= Math.min(halfBuffer(c), c.rcvMss);
}

/**
 * The window field for a segment sent now; moves RCV.ADV to the edge that it offers. Rounded up to the scale's unit where
 * the edge would move left otherwise (SHLD-14). Many segments smaller than the unit would so push the edge on for ever:
 * beyond a sixteenth of the buffer it is rounded down (RFC 7323 §2.4). What lies before RCV.ADV is taken in any case.
 */
export function offerWindow(c: Tcb, syn: boolean): number {
  const free = freeOctets(c);
  const kept = c.rcvWnd;
  const window = worthwhile(c, free - kept) ? free : kept;
  const shift = syn ? 0 : c.rcvWscale; // RFC 7323 §2.2: the window of a SYN is never scaled.
  const unit = 1 << shift;
  const slack = c.tcp.config.receiveBuffer >> 4;
  const down = window & -unit;
  const field = Math.min(FIELD_MAX, (down < kept && down <= free + slack ? down + unit : down) >> shift);
  c.rcvAdv = seqMax(c.rcvAdv, seqAdd(c.rcvNxt, field << shift));
  return field;
}

/** Whether the owner has taken enough since the last ACK for the peer to be told. */
export const windowOpened = (c: Tcb): boolean => {
  const gain = freeOctets(c) - c.rcvWnd;
  return gain >= Math.min(halfBuffer(c), 2 * c.rcvMss);
};

/** How far the owner has taken what was received. */
const takenUpTo = (c: Tcb): Seq => seqAdd(c.rcvNxt, c.receiveQueue === null ? 0 : -c.receiveQueue.octets);

/**
 * Receive-window autotuning: once a round trip, room for twice of what the owner took in it, and up to six times where that was
 * more than ever before: a peer in slow start sends twice as much in the trip that has begun, and four times in the next.
 * `length` octets of `seg` have just moved RCV.NXT, and wait nowhere yet. As Linux does (dynamic right-sizing, Fisk and Feng 2001); RFC 9293 §3.8.6.2.2 leaves the buffer's size open.
 */
export function tuneBuffer(c: Tcb, seg: Segment, length: number): void {
  const { nowMs } = c.tcp.clock;
  const tuning = (c.tuning ??= new BufferTuning());
  if (tuning.rests) return tuning.begin(seqAdd(takenUpTo(c), -length), nowMs);
  const rttMs =
    c.has(TIMESTAMPS) && seg.hasTimestamps && seg.tsEcr !== 0 ? (nowMs + c.tsOffset - seg.tsEcr) | 0 : c.srttUs / 1000;
  if (((nowMs - tuning.atMs) | 0) <= Math.max(1, rttMs)) return;
  const octets = seqDiff(takenUpTo(c), tuning.takenUpTo);
  tuning.begin(takenUpTo(c), nowMs);
  tuning.earned = Math.min(2 * Math.max(0, octets), c.tcp.config.receiveBufferMax);
  const growth = Math.min(1, Math.max(0, octets / Math.max(tuning.most, TUNED_SEGMENTS * c.rcvMss) - 1));
  tuning.most = Math.max(tuning.most, octets);
  const wanted = Math.floor(2 * octets * (1 + 2 * growth));
  if (wanted > c.rcvBuffer) c.rcvBuffer = Math.min(wanted, c.tcp.config.receiveBufferMax);
}

/** The smallest shift with which the whole receive buffer can be offered. RFC 7323 §2.3. */
export function windowScaleFor(receiveBuffer: number): number {
  let shift = 0;
  while (shift < 14 && FIELD_MAX << shift < receiveBuffer) shift++;
  return shift;
}

/** Whether [seq, seq + length) has an octet in the window; RFC 9293 §3.10.7.4, first. */
export function isAcceptable(c: Tcb, seq: number, length: number): boolean {
  const window = c.rcvWnd;
  const offset = seqDiff(seq as typeof c.rcvNxt, c.rcvNxt);
  if (length === 0) return window === 0 ? offset === 0 : offset >= 0 && offset < window;
  if (window === 0) return false;
  return offset < window && offset + length > 0;
}

/** MUST-67: the largest text that fits the link behind headers without options. */
export const announcedMss = (mtu: number, config: TcpConfig): number =>
  Math.min(mtu - TX_NETWORK_HEADER - TCP_HEADER, config.mssMax);
