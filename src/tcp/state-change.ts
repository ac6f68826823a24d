/** From state to state, RFC 9293 §3.3.2 Figure 5: what comes with each, and the end of a connection, which its owner learns of. */
import { assert } from "../base/assert.ts";
import type { TcpConnection } from "./connection.ts";
import { SILENT_HANDLER, type TcpFailure } from "./handler.ts";
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
  type TcpState,
} from "./states.ts";
import {
  ACK_ARMED,
  ACK_NOW,
  CLOSE_DUE,
  CLOSE_TOLD,
  END_TOLD,
  FIN_RECEIVED,
  LIFE_ARMED,
  NOTIFY,
  OWNER_GONE,
  PASSIVE,
  PROBE_DUE,
  RTO_ARMED,
  SYN_DUE,
} from "./tcb.ts";
import { armLife } from "./timers.ts";

/** Writes the state, and does what comes with it. The only place that does. */
export function enter(c: TcpConnection, state: TcpState): void {
  const { counters } = c.tcp;
  const from = c.state;
  if (state === from && state !== TIME_WAIT) return;
  if (from === ESTABLISHED || from === CLOSE_WAIT) {
    if (state !== CLOSE_WAIT) counters.currEstab--;
  } else if (state === ESTABLISHED) counters.currEstab++;
  c.state = state;
  switch (state) {
    case SYN_SENT:
      counters.activeOpens++;
      return;
    case SYN_RECEIVED:
      if (c.has(PASSIVE)) counters.passiveOpens++;
      return;
    case LISTEN:
      return assert(false, "a connection never listens");
    case ESTABLISHED:
      c.keepAlive?.start(c);
      return;
    case FIN_WAIT_1:
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK:
      return;
    case FIN_WAIT_2:
      if (c.has(OWNER_GONE)) armLife(c, c.tcp.config.finWait2Ms);
      return;
    case TIME_WAIT:
      return beginTimeWait(c, from);
    case CLOSED:
      return release(c);
  }
}

/** TIME-WAIT, entered or started anew: RFC 9293 MUST-13. Nothing but the four-tuple and its numbers is kept. */
function beginTimeWait(c: TcpConnection, from: TcpState): void {
  c.unset(RTO_ARMED);
  if (from === TIME_WAIT || c.tcp.host.lingers(c)) {
    armLife(c, 2 * c.tcp.config.mslMs);
    if (from !== TIME_WAIT) tellClose(c, null);
    return;
  }
  c.tcp.counters.timeWaitOverflows++;
  tellClose(c, null);
  c.enter(CLOSED);
}

/** Nothing of it is left to do: what it held goes back to the stack. */
function release(c: TcpConnection): void {
  c.unset(RTO_ARMED | ACK_ARMED | LIFE_ARMED | ACK_NOW | SYN_DUE | PROBE_DUE);
  c.acksDue = 0;
  if (c.sender !== null) c.tcp.giveBackSender(c.sender);
  if (c.controller !== null) c.tcp.giveBackController(c.controller, c.congestion);
  c.sender = null;
  c.controller = null;
  c.retain(0);
  c.tcp.host.released(c);
}

/** Ends the connection now; `failure` null where that is no fault. */
export function fail(c: TcpConnection, failure: TcpFailure | null): void {
  const { counters } = c.tcp;
  if (c.state === CLOSED) return;
  if (c.state === SYN_SENT || c.state === SYN_RECEIVED) counters.attemptFails++;
  else if (failure === "ECONNRESET") counters.estabResets++;
  const { listener } = c;
  c.listener = null;
  listener?.forget(c);
  c.enter(CLOSED);
  try {
    tellClose(c, failure);
  } finally {
    c.dropUnread();
  }
}

/** Closed in order by both sides: its four-tuple is free; what was received can still be read. */
export function closedInOrder(c: TcpConnection): void {
  c.enter(CLOSED);
  tellClose(c, null);
}

/** The owner's last call, behind all that it has not read. */
function tellClose(c: TcpConnection, failure: TcpFailure | null): void {
  if (c.has(CLOSE_TOLD)) return;
  if (failure === null && (c.receiveQueue !== null || c.has(NOTIFY))) {
    c.set(CLOSE_DUE);
    return;
  }
  c.set(CLOSE_TOLD);
  c.unset(CLOSE_DUE);
  const { handler } = c;
  c.handler = SILENT_HANDLER;
  handler.close?.(c, failure);
}

/** All that was received has been taken. */
export function readToEnd(c: TcpConnection): void {
  if (c.has(CLOSE_DUE)) tellClose(c, null);
}

/** The batch is through: the owner may read, and learns of the close behind what it has read. */
export function notifyOwner(c: TcpConnection): void {
  c.unset(NOTIFY);
  if (!c.has(END_TOLD)) {
    if (c.has(FIN_RECEIVED)) c.set(END_TOLD);
    c.handler.readable?.(c);
  }
  if (c.receiveQueue === null) readToEnd(c);
}
