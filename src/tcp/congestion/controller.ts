/** What a controller may read and set of the connection that it serves. Octets throughout. */
export interface CongestionWindow {
  /** RFC 5681 §2. The sender keeps what is in flight below `cwnd`. */
  cwnd: number;
  /** Infinite, as `SSTHRESH_INFINITE`, until the first congestion event. */
  ssthresh: number;
  /** Text of a full-sized segment as sent now, options already subtracted. */
  readonly sendMss: number;
}

export const SSTHRESH_INFINITE = 0x7fff_ffff;

/** What one ACK has shown. A reused record: dead when the call returns. */
export interface Delivery {
  /** Octets that the peer now has and had not reported before, by SND.UNA or by SACK. */
  readonly octets: number;
  /** A round-trip time sample that this ACK gave, in us; 0 where it gave none. */
  readonly rttUs: number;
  /** The smoothed round-trip time, in us. */
  readonly srttUs: number;
  readonly nowUs: number;
  /** Octets sent over the connection's life up to SND.UNA and SND.NXT, modulo 2^32: `seqGe` compares them. They mark rounds. */
  readonly sndUna: number;
  readonly sndNxt: number;
}

/**
 * Congestion control of one connection: RFC 5681's events, counted in octets delivered and never in ACKs. With
 * super-segments and stretch ACKs, growth of one MSS per ACK would stall (RFC 3465 §2; a departure from RFC 5681 §3.1).
 */
export interface CongestionController {
  /** Forgets everything: it serves another connection from now on. */
  reset(): void;
  /** Octets were delivered outside of fast recovery, while the window was what limited the sender. */
  delivered(window: CongestionWindow, delivery: Delivery): void;
  /** Loss was seen by duplicate ACKs or SACK; `flightSize` octets are outstanding. Sets `ssthresh` and `cwnd`. */
  lost(window: CongestionWindow, flightSize: number): void;
  /** The retransmission timer expired. Sets `ssthresh` (on the first expiry of a loss only) and `cwnd`. */
  timedOut(window: CongestionWindow, flightSize: number, first: boolean): void;
  /** The last `lost` or `timedOut` was for nothing: `cwnd` and `ssthresh` are what they were, and so is the rest now. */
  undone?(): void;
}

/** An algorithm by its name, and how a controller for one more connection is made. */
export interface CongestionAlgorithm {
  readonly name: string;
  create(): CongestionController;
}
