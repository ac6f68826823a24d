/**
 * Pacing: a window's segments leave spread over the round trip instead of all at once, so that shallow queues on the way hold
 * them. RFC 9002 §7.7, read for TCP; the rates are Linux's. Begin with `grant`.
 */
import { SSTHRESH_INFINITE } from "./congestion/controller.ts";
import { FAST_RECOVERY, type Sender } from "./sender.ts";
import type { TcpConnection } from "./connection.ts";

/** The rate as a multiple of `cwnd` a round trip: far below `ssthresh`, where the window doubles in one, and from there on. */
const SLOW_START_GAIN = 2,
  AVOIDANCE_GAIN = 1.2;
/**
 * Paths whose least round-trip time is shorter are not paced: at twice a window a round trip, all of it leaves within the
 * quantum. There a timer and a wake-up would be for nothing.
 */
const PACED_RTT_US_MIN = 2000;
/** Text leaves in bursts of this much time and at least so many segments: a timer has no shorter ones (design.md §3). */
const QUANTUM_US = 1000,
  QUANTUM_SEGMENTS = 2;
/** What a timer that comes late has missed is made up for, as far as this. */
const LATENESS_US_MAX = 100_000;
/** A clock that has run for years counts fractions of a microsecond this coarsely, in quanta. */
const ROUNDING = 1e-6;

/** One sender's budget. All that was sent is paid for by the time that passes. */
export class Pacer {
  /** When text that waits for the budget wants a turn: int32 ms of the clock, meaningful while `armed`. */
  atMs = 0;
  armed = false;
  /** Since text was last held back, nothing else was what limited the sender. */
  #waiting = false;
  /** When all that was sent is paid for, us; beginning with -Infinity makes it a double for V8. */
  #paidUs = -Infinity;
  /** 0 while nothing is paced. */
  #usPerOctet = 0;
  #quantumUs = QUANTUM_US;
  /** Octets of text that may still leave at this moment of the clock, the last segment being whole; `Infinity` where nothing is paced. */
  left = Infinity;
  #grantedUs = -Infinity;

  reset(): void {
    this.armed = this.#waiting = false;
    this.#paidUs = -Infinity;
    this.#usPerOctet = 0;
    this.left = Infinity;
    this.#grantedUs = -Infinity;
  }

  /** Sets `left` for the clock's now. @hot */
  grant(c: TcpConnection, sender: Sender): void {
    const rate = rateOf(c, sender);
    if (rate === 0) {
      this.#usPerOctet = 0;
      this.left = Infinity;
      return;
    }
    const { nowUs } = c.tcp.clock;
    if (nowUs === this.#grantedUs && this.left < Infinity) return;
    this.#usPerOctet = 1e6 / rate;
    this.#quantumUs = Math.max(QUANTUM_US, QUANTUM_SEGMENTS * c.sendMss * this.#usPerOctet);
    // Who did not wait for the budget has no more of it than one quantum.
    const sparedUs = this.#quantumUs + (this.#waiting ? LATENESS_US_MAX : 0);
    this.#paidUs = Math.max(this.#paidUs, nowUs - sparedUs);
    const quanta = (nowUs - this.#paidUs) / this.#quantumUs + ROUNDING;
    const octets = ((quanta < 1 ? quanta : Math.floor(quanta)) * this.#quantumUs) / this.#usPerOctet;
    // Between two quanta an ACK may let a part out; the last segment is whole, and so a part is one at least.
    this.left = octets < c.sendMss ? 0 : octets;
    // As much may always leave where nothing is on its way.
    if (c.flightSize === 0 && c.pacingRate === 0) this.left = Math.max(this.left, c.initialWindow);
    this.#grantedUs = nowUs;
  }

  /** Octets of text have left: probes and retransmissions count, whether or not they asked. @hot */
  sent(octets: number): void {
    if (this.#usPerOctet === 0) return;
    this.left -= octets;
    this.#paidUs += octets * this.#usPerOctet;
  }

  /** Something could leave if the budget allowed it. Returns when that will be, int32 ms of the clock. */
  wait(nowUs: number, nowMs: number): number {
    const delayUs = this.#paidUs + this.#quantumUs - nowUs;
    this.armed = this.#waiting = true;
    this.atMs = (nowMs + Math.max(1, Math.floor(((nowUs % 1000) + delayUs) / 1000))) | 0;
    return this.atMs;
  }

  /** Nothing is held back any more: the application or a window is what limits now. @hot */
  idles(): void {
    this.armed = this.#waiting = false;
  }

  /** Its time has come, and it is told once. */
  isDue(nowMs: number): boolean {
    if (!this.armed || ((nowMs - this.atMs) | 0) < 0) return false;
    this.armed = false;
    return true;
  }
}

/** Octets per second; 0 where nothing is paced. */
function rateOf(c: TcpConnection, sender: Sender): number {
  if (!(c.settings?.pacing ?? c.tcp.config.pacing)) return 0;
  if (c.pacingRate > 0) return c.pacingRate < Infinity ? Math.max(1, c.pacingRate) : 0;
  if (c.minRttUs < PACED_RTT_US_MIN) return 0; // Also before the first sample.
  // In fast recovery `cwnd` follows what is in the network (RFC 6937): `ssthresh` is where that leads.
  const repairs = sender.phase === FAST_RECOVERY && c.ssthresh < SSTHRESH_INFINITE;
  const window = repairs ? Math.max(c.cwnd, c.ssthresh) : c.cwnd;
  if (window <= c.initialWindow) return 0; // RFC 9002 §7.7, RFC 6928: so much overflows no more than it ever does.
  const gain = !repairs && c.cwnd < c.ssthresh / 2 ? SLOW_START_GAIN : AVOIDANCE_GAIN;
  return (gain * window * 1e6) / c.srttUs;
}
