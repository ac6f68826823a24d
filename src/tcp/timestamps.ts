/** The peer's timestamps: TS.Recent, RFC 7323 §4.3, and what it protects from, §5 (PAWS). Our own are made in `output.ts`. */
import { seqLe } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import { type Tcb, TIMESTAMPS, TS_RECENT_VALID } from "./tcb.ts";

/** RFC 7323 §5.5: after so long without a segment, TS.Recent proves nothing any more. 24 days. */
const TS_RECENT_LIFE_S = 24 * 86_400;

/**
 * RFC 7323 §4.3: TS.Recent follows the segment that the next ACK will answer. Only once SEG.ACK has been believed: whoever
 * merely hits the window could set it far ahead, and PAWS would then drop the peer's own segments.
 */
export function followTimestamp(c: Tcb, seg: Segment): void {
  if (seg.hasTimestamps && c.has(TIMESTAMPS) && seqLe(seg.seq, c.lastAckSent)) takeTimestamp(c, seg);
}

export function takeTimestamp(c: Tcb, seg: Segment): void {
  c.tsRecent = seg.tsVal;
  c.tsRecentAtS = secondsOf(c);
}

/** Seconds, since milliseconds as an int32 would wrap within the life that they have to measure. */
const secondsOf = (c: Tcb): number => Math.floor(c.tcp.clock.nowUs / 1_000_000);

/** RFC 7323 §3.2: a segment without the option is dropped in silence; §5.3: one with an old value is answered. */
export function checkTimestamps(c: TcpConnection, seg: Segment): boolean {
  if (!seg.hasTimestamps) return false;
  if (!c.has(TS_RECENT_VALID) || ((seg.tsVal - c.tsRecent) | 0) >= 0) return true;
  if (secondsOf(c) - c.tsRecentAtS > TS_RECENT_LIFE_S) return true;
  c.challenge();
  return false;
}
