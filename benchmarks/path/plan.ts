import type { SenderInfo } from "./host.ts";

/** Whose TCP an end of the path uses. */
export type HostKind = "ours" | "linux";

export interface SenderPlan {
  readonly kind: HostKind;
  /** When it connects, from the beginning on. */
  readonly startSeconds?: number;
  /** What its own way adds to the path's round trip. */
  readonly extraRttMs?: number;
}

/** One bottleneck from some senders to one receiver, and for how long they send. */
export interface PathPlan {
  readonly receiver: HostKind;
  readonly senders: readonly SenderPlan[];
  /** Of the bottleneck, both ways. */
  readonly rateBitsPerSecond: number;
  readonly rttMs: number;
  /** In front of the bottleneck, each way; what comes beyond is dropped. */
  readonly queueOctets: number;
  /** Probability that a datagram is lost, each way. */
  readonly loss: number;
  /** What is lost follows from it, and from the order of the datagrams. */
  readonly seed: number;
  /**
   * Before anything is measured, each sender in turn sends for so long on a connection that is then reset: what is hot is
   * compiled by then. 0 for none.
   */
  readonly warmUpSeconds: number;
  /** From the last sender's connection on, before shares are counted. */
  readonly settleSeconds: number;
  /** After that. */
  readonly seconds: number;
  /** Whether hosts send super-segments; the path cuts them either way. */
  readonly offload: boolean;
  /** How often all senders are asked how they stand; 0 for never. */
  readonly sampleMs: number;
}

export interface Sample extends SenderInfo {
  /** Since the beginning. */
  readonly seconds: number;
  /** That the receiver had got. */
  readonly octets: number;
}

export interface FlowResult {
  readonly kind: HostKind;
  /** What the receiver got of it, in all, from its connection to the end. */
  readonly octets: number;
  readonly seconds: number;
  /** The same once all had settled. */
  readonly sharedOctets: number;
  readonly totalRetrans: number;
  readonly samples: readonly Sample[];
}

/** How a run went. Of the way from the senders to the receiver, in datagrams. */
export interface PathResult {
  readonly flows: readonly FlowResult[];
  /** Since all had settled. */
  readonly sharedSeconds: number;
  readonly entered: number;
  readonly lost: number;
  readonly queueDropped: number;
  /** Most that ever waited for the bottleneck. */
  readonly peakQueue: number;
  /** Of this process, as a share of one processor. */
  readonly cpu: number;
  /** How late the event loop was: the 99th percentile, and the worst. */
  readonly lateMsP99: number;
  readonly lateMsMax: number;
}
