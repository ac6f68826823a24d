import {
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
  SYN_SENT,
  type TcpState,
  TIME_WAIT,
} from "../tcp/states.ts";

/**
 * The edges of RFC 9293 §3.3.2 Figure 5 between the states of a connection. Every state leads to CLOSED as well: by
 * ABORT (§3.10.5), by a reset (§3.10.7.4) or by a time-out (§3.10.8). A listener is no connection here, so that passive
 * ones begin in SYN-RECEIVED. FIN-WAIT-1 to TIME-WAIT is note 2 of the figure; TIME-WAIT to itself restarts 2 MSL.
 */
const EDGES: ReadonlyMap<TcpState, readonly TcpState[]> = new Map<TcpState, readonly TcpState[]>([
  [CLOSED, [SYN_SENT, SYN_RECEIVED]],
  [SYN_SENT, [SYN_RECEIVED, ESTABLISHED]],
  [SYN_RECEIVED, [ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT]],
  [ESTABLISHED, [FIN_WAIT_1, CLOSE_WAIT]],
  [FIN_WAIT_1, [FIN_WAIT_2, CLOSING, TIME_WAIT]],
  [FIN_WAIT_2, [TIME_WAIT]],
  [CLOSE_WAIT, [LAST_ACK]],
  [CLOSING, [TIME_WAIT]],
  [LAST_ACK, []],
  [TIME_WAIT, [TIME_WAIT]],
]);

export const isLegalEdge = (from: TcpState, to: TcpState): boolean =>
  (to === CLOSED && from !== CLOSED) || (EDGES.get(from)?.includes(to) ?? false);
