/** A connection's deadlines, and the one entry in the stack's wheel that serves them all. */
import { ACK_ARMED, LIFE_ARMED, RTO_ARMED, type Tcb, TIMER_IS_PROBE, TIMER_IS_REORDERING, WHEEL_ARMED } from "./tcb.ts";
import type { TcpConnection } from "./connection.ts";
import { ageUs } from "./in-flight.ts";
import type { Pacer } from "./pacer.ts";
import { backedOffRtoMs } from "./rtt.ts";
import type { Sender } from "./sender.ts";
import { probeTimeoutMs } from "./tail-loss-probe.ts";

export const armRto = (c: TcpConnection, delayMs: number): void => {
  armLossTimer(c, delayMs, 0);
};

/** The retransmission timer serves three ends; `kind` is `TIMER_IS_PROBE`, `TIMER_IS_REORDERING`, or 0 for the RTO. */
function armLossTimer(c: TcpConnection, delayMs: number, kind: number): void {
  c.rtoAtMs = (c.tcp.clock.nowMs + delayMs) | 0;
  c.unset(TIMER_IS_PROBE | TIMER_IS_REORDERING);
  c.set(RTO_ARMED | kind);
  schedule(c, c.rtoAtMs);
}

/** What is outstanding is watched anew: by a tail loss probe where one may be sent, else by the RTO. RFC 8985 §7.2, §8. */
export function watchLoss(c: TcpConnection, sender: Sender): void {
  const rtoMs = rtoLeftMs(c, sender);
  const probeMs = c.backoff > 0 ? -1 : probeTimeoutMs(c, sender);
  if (probeMs >= 0 && probeMs < rtoMs) armLossTimer(c, probeMs, TIMER_IS_PROBE);
  else armLossTimer(c, rtoMs, 0);
}

/**
 * What is left of the RTO, which runs from the last progress, or since the head of what is outstanding was sent last, whichever
 * is later. Neither text that leaves afterwards, after a pacer's pause of many seconds perhaps, nor a timer that stood in its place
 * puts it off. RFC 6298 (5.1) to (5.3); RFC 8985 §7.2, TCP_RTO_expiration().
 */
function rtoLeftMs(c: TcpConnection, sender: Sender): number {
  const { nowMs, nowUs } = c.tcp.clock;
  const sentUs = sender.inFlight.count === 0 ? 0 : ageUs(nowUs, sender.inFlight.sentUs(0));
  const sinceMs = Math.min((nowMs - c.progressAtMs) | 0, Math.floor(sentUs / 1000));
  return Math.max(1, backedOffRtoMs(c) - Math.max(0, sinceMs));
}

/** RFC 8985 §6.3: when the reordering window ends, what it protects is lost. */
export const armReordering = (c: TcpConnection, waitUs: number): void => {
  armLossTimer(c, Math.ceil(waitUs / 1000), TIMER_IS_REORDERING);
};
export const armDelayedAck = (c: TcpConnection, delayMs: number): void => {
  c.ackAtMs = (c.tcp.clock.nowMs + delayMs) | 0;
  c.set(ACK_ARMED);
  schedule(c, c.ackAtMs);
};
export const armLife = (c: TcpConnection, delayMs: number): void => {
  c.lifeAtMs = (c.tcp.clock.nowMs + delayMs) | 0;
  c.set(LIFE_ARMED);
  schedule(c, c.lifeAtMs);
};

/** Text waits for the pacer's budget. */
export const armPacer = (c: TcpConnection, pacer: Pacer): void => {
  schedule(c, pacer.wait(c.tcp.clock.nowUs, c.tcp.clock.nowMs));
};

/**
 * The wheel is only ever moved to an earlier time: an entry that comes too early finds nothing due and is set again.
 * So the common case, a retransmission timer that every ACK restarts, touches no wheel.
 */
function schedule(c: TcpConnection, deadlineMs: number): void {
  if (c.has(WHEEL_ARMED) && ((deadlineMs - c.wheelAtMs) | 0) >= 0) return;
  c.wheelAtMs = deadlineMs;
  c.set(WHEEL_ARMED);
  c.tcp.host.arm(c, deadlineMs);
}

/** After the wheel's entry was spent: asks for the earliest deadline that is left. */
export function reschedule(c: TcpConnection): void {
  c.unset(WHEEL_ARMED);
  if (c.has(RTO_ARMED)) schedule(c, c.rtoAtMs);
  if (c.has(ACK_ARMED)) schedule(c, c.ackAtMs);
  if (c.has(LIFE_ARMED)) schedule(c, c.lifeAtMs);
  if (c.sender?.pacer.armed === true) schedule(c, c.sender.pacer.atMs);
}

export const isDue = (c: Tcb, bit: number, deadlineMs: number): boolean =>
  c.has(bit) && ((c.tcp.clock.nowMs - deadlineMs) | 0) >= 0;
