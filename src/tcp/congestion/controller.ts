/** What a controller may read and set of the connection that it serves. Octets throughout. */
export interface CongestionWindow {
  /** RFC 5681 §2. The sender keeps what is in flight below `cwnd`. */
  cwnd: number;
  ssthresh: number;
  /** Text of a full-sized segment as sent now, options already subtracted. */
  readonly sendMss: number;
  /** Octets acknowledged in congestion avoidance and not yet turned into growth; 0 at first, the controller's own. */
  growth: number;
}

/**
 * Congestion control of one algorithm: RFC 5681's events, counted in octets delivered and never in ACKs. With
 * super-segments and stretch ACKs, growth of one MSS per ACK would stall (RFC 3465 §2; a departure from RFC 5681 §3.1).
 */
export interface CongestionController {
  readonly name: string;
  /** `octets` were delivered outside of recovery while the window was what limited the sender. */
  delivered(window: CongestionWindow, octets: number): void;
  /** Loss was seen by duplicate ACKs or SACK; `flightSize` octets are outstanding. Sets `ssthresh` and `cwnd`. */
  lost(window: CongestionWindow, flightSize: number): void;
  /** The retransmission timer expired. Sets `ssthresh` (on the first expiry of a loss only) and `cwnd`. */
  timedOut(window: CongestionWindow, flightSize: number, first: boolean): void;
}
