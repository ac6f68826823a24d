/** What a controller may read and set of the connection that it serves. Octets throughout. */
export interface CongestionWindow {
  /** RFC 5681 §2. The sender keeps what is in flight below `cwnd`. */
  cwnd: number;
  /** Infinite, as `SSTHRESH_INFINITE`, until the first congestion event. */
  ssthresh: number;
  /** Octets of text per second at which the sender spreads its segments; 0 leaves it to the sender (`tcp/pacer.ts`). */
  pacingRate: number;
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
 * What one ACK has shown of the path's rate: draft-cheng-iccrg-delivery-rate-estimation §3, in octets. A reused record: dead
 * when the call returns.
 */
export interface RateSample {
  /** Octets that this ACK says have arrived, and octets that are thought lost since the last sample. */
  readonly ackedOctets: number;
  readonly lostOctets: number;
  /**
   * The sample: so many octets arrived in `intervalUs`, which began when the newest segment that this ACK reports was sent.
   * `intervalUs` is 0 where the ACK gives none, because it reports nothing new, or is sooner than any round trip.
   */
  readonly delivered: number;
  readonly intervalUs: number;
  /** The application had nothing more to send in that time: the path may be faster than the sample says. */
  readonly isAppLimited: boolean;
  /** Octets that have arrived since the first sample, and what that was when the segment was sent: a round is over once it was passed. */
  readonly deliveredTotal: number;
  readonly priorDelivered: number;
  /** This ACK's round-trip time and the least one seen, in us; 0 where there is none. */
  readonly rttUs: number;
  readonly minRttUs: number;
  /** Octets in the network before this ACK and now (RFC 6675's pipe). */
  readonly priorInFlight: number;
  readonly inFlight: number;
  /** A loss is being repaired. */
  readonly inRecovery: boolean;
  readonly nowUs: number;
}

/**
 * Congestion control of one connection: RFC 5681's events, counted in octets delivered and never in ACKs. With
 * super-segments and stretch ACKs, growth of one MSS per ACK would stall (RFC 3465 §2; a departure from RFC 5681 §3.1).
 *
 * There are two kinds. One that has `delivered` alone is window-based (NewReno, CUBIC): the sender calls it while the window
 * is what limits, and shares out its reductions by itself (RFC 6937). One that has `acknowledged` is model-based (BBR): it
 * gets a sample from every ACK, in recovery too, and nobody but it sets `cwnd` and `pacingRate`.
 */
export interface CongestionController {
  /** Forgets everything: it serves another connection from now on. */
  reset(): void;
  /** Octets were delivered outside of fast recovery, while the window was what limited the sender. */
  delivered?(window: CongestionWindow, delivery: Delivery): void;
  /** An ACK has come that reports something. With it, `delivered` is not called. */
  acknowledged?(window: CongestionWindow, sample: RateSample): void;
  /** Loss was seen by duplicate ACKs or SACK, or a mark (RFC 3168); `flightSize` octets are outstanding. Sets `ssthresh` and `cwnd`. */
  lost(window: CongestionWindow, flightSize: number): void;
  /** The retransmission timer expired. Sets `ssthresh` (on the first expiry of a loss only) and `cwnd`. */
  timedOut(window: CongestionWindow, flightSize: number, first: boolean): void;
  /** What was outstanding at the last `lost` or `timedOut` has arrived. */
  recovered?(window: CongestionWindow): void;
  /**
   * The last `lost` or `timedOut` was for nothing, and so is the rest now. `cwnd` and `ssthresh` are what they were, unless
   * it has `acknowledged`.
   */
  undone?(window: CongestionWindow): void;
}

/** An algorithm by its name, and how a controller for one more connection is made. */
export interface CongestionAlgorithm {
  readonly name: string;
  create(): CongestionController;
}
