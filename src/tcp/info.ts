import { SSTHRESH_INFINITE } from "./congestion/controller.ts";
import { stateName, type TcpStateName } from "./states.ts";
import { SACK_OK, type Tcb, TIMESTAMPS, WINDOW_SCALE } from "./tcb.ts";

/** A connection's condition, with the names of Linux's `TCP_INFO` where it has one. Octets and milliseconds. */
export interface TcpInfo {
  readonly state: TcpStateName;
  readonly options: { readonly timestamps: boolean; readonly sack: boolean; readonly windowScale: boolean };
  readonly sndWscale: number;
  readonly rcvWscale: number;
  readonly sndMss: number;
  readonly rttMs: number;
  readonly rttvarMs: number;
  readonly rtoMs: number;
  readonly cwnd: number;
  /** Infinity until the first loss. */
  readonly ssthresh: number;
  readonly sndWnd: number;
  readonly rcvWnd: number;
  /** Sent and not acknowledged. */
  readonly unacked: number;
  /** Handed to `send` and not yet sent. */
  readonly notSent: number;
  /** Octets received that nobody has taken yet, and those beyond a hole. */
  readonly unread: number;
  readonly outOfOrder: number;
  /** Expirations of the retransmission timer since the last progress. */
  readonly retransmits: number;
  /** Retransmissions over the connection's life. */
  readonly totalRetrans: number;
}

export const infoOf = (c: Tcb): TcpInfo => ({
  state: stateName(c.state),
  options: { timestamps: c.has(TIMESTAMPS), sack: c.has(SACK_OK), windowScale: c.has(WINDOW_SCALE) },
  sndWscale: c.sndWscale,
  rcvWscale: c.rcvWscale,
  sndMss: c.sendMss,
  rttMs: c.srttUs / 1000,
  rttvarMs: c.rttvarUs / 1000,
  rtoMs: c.rtoMs,
  cwnd: c.cwnd,
  ssthresh: c.ssthresh === SSTHRESH_INFINITE ? Infinity : c.ssthresh,
  sndWnd: c.sndWnd,
  rcvWnd: c.rcvWnd,
  unacked: c.flightSize,
  notSent: c.notSent,
  unread: c.receiveQueue?.octets ?? 0,
  outOfOrder: c.outOfOrder?.octets ?? 0,
  retransmits: c.expirations,
  totalRetrans: c.totalRetrans,
});
