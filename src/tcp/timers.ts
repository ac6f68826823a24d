/** A connection's three deadlines, and the one entry in the stack's wheel that serves them all. */
import { ACK_ARMED, LIFE_ARMED, RTO_ARMED, type Tcb, WHEEL_ARMED } from "./tcb.ts";
import type { TcpConnection } from "./connection.ts";

export const armRto = (c: TcpConnection, delayMs: number): void => {
  c.rtoAtMs = (c.tcp.clock.nowMs + delayMs) | 0;
  c.set(RTO_ARMED);
  schedule(c, c.rtoAtMs);
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
}

export const isDue = (c: Tcb, bit: number, deadlineMs: number): boolean =>
  c.has(bit) && ((c.tcp.clock.nowMs - deadlineMs) | 0) >= 0;
