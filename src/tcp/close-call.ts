/** CLOSE and ABORT: RFC 9293 §3.10.4 and §3.10.5. */
import type { TcpConnection } from "./connection.ts";
import { closesByReset, startLinger } from "./linger.ts";
import { senderOf } from "./send-call.ts";
import { readToEnd } from "./state-change.ts";
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
import { FIN_QUEUED, HELD, OWNER_GONE } from "./tcb.ts";
import { armLife } from "./timers.ts";

/** CLOSE: RFC 9293 §3.10.4. */
export function end(c: TcpConnection): void {
  c.tcp.host.refreshClock();
  switch (c.state) {
    case CLOSED:
    case LISTEN:
    case FIN_WAIT_1:
    case FIN_WAIT_2:
    case CLOSING:
    case LAST_ACK:
    case TIME_WAIT:
      return;
    case SYN_SENT:
      return c.fail(null);
    case SYN_RECEIVED: // It waits until the handshake is over.
      return queueFin(c);
    case ESTABLISHED:
      queueFin(c);
      return c.enter(FIN_WAIT_1);
    case CLOSE_WAIT:
      queueFin(c);
      return c.enter(LAST_ACK);
  }
}

/** The FIN follows the last octet queued. */
function queueFin(c: TcpConnection): void {
  c.set(FIN_QUEUED);
  senderOf(c);
  c.wantsTurn();
}

/** Its owner has gone: CLOSE, or ABORT where that would lie to the peer. */
export function close(c: TcpConnection): void {
  c.tcp.host.refreshClock();
  if (c.has(OWNER_GONE)) return;
  c.set(OWNER_GONE);
  if (c.receiveQueue !== null || (c.outOfOrder?.segments ?? 0) > 0) {
    const over = c.state === TIME_WAIT || c.state === CLOSED;
    c.dropUnread();
    return over ? readToEnd(c) : c.abort(); // SHLD-3: unread data.
  }
  if (closesByReset(c)) return c.abort();
  c.end();
  startLinger(c);
  if (c.state === FIN_WAIT_2) armLife(c, c.tcp.config.finWait2Ms);
}

/** ABORT: RFC 9293 §3.10.5. */
export function abort(c: TcpConnection): void {
  c.tcp.host.refreshClock();
  if (c.state === CLOSED) {
    c.dropUnread(); // Its end was to be told behind what nobody will read now.
    return readToEnd(c);
  }
  if (c.state !== SYN_SENT && c.state !== TIME_WAIT && !c.has(HELD)) c.sendReset();
  c.fail("ECONNABORTED");
}
