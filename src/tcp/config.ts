import type { CongestionAlgorithm } from "./congestion/controller.ts";
import { cubic } from "./congestion/cubic.ts";
import type { EcnMode } from "./ecn.ts";

/** What may be set for all of a stack's connections. Times in ms, sizes in octets. */
export interface TcpConfig {
  /** RFC 9293 §3.4.1: the longest life of a segment; TIME-WAIT lasts twice as long. Linux's 2 MSL is 60 s. */
  readonly mslMs: number;
  /** RFC 6298 (2.1). */
  readonly rtoMsInitial: number;
  /**
   * The least that the RTO exceeds SRTT by, as Linux has it: a delayed ACK is waited for on any path. Departs from RFC 6298
   * (2.4), which asks for an RTO of 1 s at least: no widespread stack waits that long.
   */
  readonly rtoMsMin: number;
  /** RFC 6298 (2.5): at least 60 s. */
  readonly rtoMsMax: number;
  /** RFC 6298 (5.7): after the SYN had to be sent again. */
  readonly rtoMsAfterSynLoss: number;
  /** R2 of RFC 9293 §3.8.3, SHLD-11: at least 100 s. */
  readonly r2Ms: number;
  /** R2 for a SYN, RFC 9293 MUST-23: at least 3 minutes. */
  readonly synR2Ms: number;
  /** R1 of RFC 9293 §3.8.3, SHLD-10: retransmissions before the owner is told. */
  readonly r1Retransmits: number;
  /** RFC 9293 MUST-40: below 500 ms. */
  readonly delayedAckMs: number;
  /** How long a connection that its owner has closed waits in FIN-WAIT-2 for the peer's FIN. */
  readonly finWait2Ms: number;
  /** Most octets kept for an owner that does not read, and so the window offered, at first. */
  readonly receiveBuffer: number;
  /** What that may grow to while the peer fills it in less than a round trip. */
  readonly receiveBufferMax: number;
  /** `send` returns false from here on; `drain` comes when the queue is down to half of it. */
  readonly sendHighWater: number;
  /** What that may grow to: twice what the network and the peer take at once, so that the next octets are there in time. */
  readonly sendHighWaterMax: number;
  /** `cubic` (RFC 9438), `newReno` (RFC 5681), or one of the application's own. */
  readonly congestion: CongestionAlgorithm;
  /** Whether segments are spread over the round trip: see `pacer.ts`. Paths shorter than 2 ms are not, whatever it says. */
  readonly pacing: boolean;
  /** RFC 4987 §3.6: whether SYNs beyond the SYN queue are answered by cookies instead of dropped. */
  readonly synCookies: boolean;
  /** RFC 3168. */
  readonly ecn: EcnMode;
  /** RFC 6928: segments of the initial window. */
  readonly initialWindowSegments: number;
  /** Largest MSS that we announce, whatever the link. */
  readonly mssMax: number;
  /** Segments kept beyond a hole, one connection. */
  readonly outOfOrderSegmentsMax: number;
  /** Octets queued by an owner that goes on although `send` returned false: more, and its connection has failed. */
  readonly sendQueueMax: number;
  /**
   * Challenge ACKs of one connection, RFC 5961 §7. A limit that all connections share would tell one of them, an attacker's own,
   * what happens on another (CVE-2016-5696).
   */
  readonly challengeAcksPerSecond: number;
  /** ACKs at once for text of one connection that lies outside its window; beyond, such text is acknowledged together. */
  readonly staleAcksPerSecond: number;
  /** RSTs for segments of no connection. */
  readonly resetsPerSecond: number;
  /** Connections in TIME-WAIT; beyond, a connection goes straight to CLOSED. */
  readonly timeWaitMax: number;
  /** Connections, all states. */
  readonly connectionsMax: number;
}

const TCP_DEFAULTS: TcpConfig = {
  mslMs: 30_000,
  rtoMsInitial: 1000,
  rtoMsMin: 200,
  rtoMsMax: 120_000,
  rtoMsAfterSynLoss: 3000,
  r2Ms: 120_000,
  synR2Ms: 180_000,
  r1Retransmits: 3,
  delayedAckMs: 40,
  finWait2Ms: 60_000,
  receiveBuffer: 1 << 18,
  receiveBufferMax: 1 << 22,
  sendHighWater: 1 << 18,
  sendHighWaterMax: 1 << 22,
  congestion: cubic,
  pacing: true,
  synCookies: true,
  ecn: "passive",
  initialWindowSegments: 10,
  mssMax: 65_495,
  outOfOrderSegmentsMax: 4096,
  sendQueueMax: 64 << 20,
  challengeAcksPerSecond: 10,
  staleAcksPerSecond: 100,
  resetsPerSecond: 1000,
  timeWaitMax: 262_144,
  connectionsMax: 4_194_304,
};

/** The defaults, and what is set instead of them. A buffer that is set alone is fixed, as SO_RCVBUF is. */
export function tcpConfig(wishes: Partial<TcpConfig>): TcpConfig {
  const receiveBufferMax = wishes.receiveBufferMax ?? wishes.receiveBuffer ?? TCP_DEFAULTS.receiveBufferMax;
  const receiveBuffer = Math.min(wishes.receiveBuffer ?? TCP_DEFAULTS.receiveBuffer, receiveBufferMax);
  const sendHighWater = wishes.sendHighWater ?? TCP_DEFAULTS.sendHighWater;
  const sendHighWaterMax = wishes.sendHighWaterMax ?? wishes.sendHighWater ?? TCP_DEFAULTS.sendHighWaterMax;
  return { ...TCP_DEFAULTS, ...wishes, receiveBuffer, receiveBufferMax, sendHighWater, sendHighWaterMax };
}
