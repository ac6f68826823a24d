import type { TcpStateName } from "./states.ts";

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
