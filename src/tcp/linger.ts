/** SO_LINGER: how long octets that their owner has left behind are sent. RFC 9293 §3.10.4 leaves the end of a CLOSE open. */
import type { TcpConnection } from "./connection.ts";
import {
  CLOSE_WAIT,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
  type TcpState,
} from "./states.ts";
import { OWNER_GONE, type Tcb } from "./tcb.ts";
import { armLife } from "./timers.ts";

/** States in which our FIN is still to be acknowledged, once `close` was called. */
const waitsForAck = (state: TcpState): boolean =>
  state === SYN_RECEIVED || state === FIN_WAIT_1 || state === CLOSING || state === LAST_ACK;

/** With `lingerMs` 0, `close` is `abort` while the peer could still send or has not got everything. As Linux has it. */
export const closesByReset = ({ settings, state }: Tcb): boolean =>
  settings?.lingerMs === 0 &&
  (state === SYN_RECEIVED ||
    state === ESTABLISHED ||
    state === FIN_WAIT_1 ||
    state === FIN_WAIT_2 ||
    state === CLOSE_WAIT);

/** The deadline `lifeAtMs` is the end of lingering. */
export const livesByLinger = (c: Tcb): boolean =>
  c.has(OWNER_GONE) && (c.settings?.lingerMs ?? 0) > 0 && waitsForAck(c.state);

/** `close` was called, and the FIN is queued. */
export function startLinger(c: TcpConnection): void {
  if (livesByLinger(c)) armLife(c, c.settings?.lingerMs ?? 0);
}
