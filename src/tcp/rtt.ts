/** The retransmission timer's length: RFC 6298 §2 and §5. The clock's granularity G is 1 ms. */
import type { Tcb } from "./tcb.ts";

const GRANULARITY_US = 1000;

/** One measurement of a segment that was sent once (Karn's rule is the caller's). RFC 6298 (2.2), (2.3). */
export function sampleRtt(c: Tcb, rttUs: number): void {
  // A peer's echo may be as old as it likes: beyond the longest RTO it says nothing more, and would not fit an int32.
  const r = Math.min(Math.max(1, Math.round(rttUs)), c.tcp.config.rtoMsMax * 1000);
  if (c.minRttUs === 0 || r < c.minRttUs) c.minRttUs = r;
  if (c.srttUs === 0) {
    c.srttUs = r;
    c.rttvarUs = r >> 1;
  } else {
    c.rttvarUs += (Math.abs(c.srttUs - r) - c.rttvarUs) >> 2;
    c.srttUs = Math.max(1, c.srttUs + ((r - c.srttUs) >> 3));
  }
  c.rtoMs = computeRto(c);
  c.backoff = 0;
  c.probedUnmeasured = false;
}

function computeRto(c: Tcb): number {
  const { rtoMsMin, rtoMsMax } = c.tcp.config;
  const ms = Math.ceil((c.srttUs + Math.max(GRANULARITY_US, 4 * c.rttvarUs, rtoMsMin * 1000)) / 1000);
  return Math.min(ms, rtoMsMax);
}

/**
 * The time to wait now: `rtoMs` doubled once for each expiration since the last measurement (RFC 6298 (5.5)), and no longer
 * than the user timeout has left, so that it is kept to the millisecond (RFC 9293 MUST-21; Linux does so too).
 */
export function backedOffRtoMs(c: Tcb): number {
  const ms = Math.min(c.rtoMs * 2 ** Math.min(c.backoff, 16), c.tcp.config.rtoMsMax);
  const userTimeoutMs = c.settings?.userTimeoutMs ?? 0;
  if (userTimeoutMs === 0) return ms;
  const left = userTimeoutMs - ((c.tcp.clock.nowMs - c.progressAtMs) | 0);
  return Math.max(1, Math.min(ms, left));
}
