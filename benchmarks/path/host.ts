import type { Device } from "../../src/device/device.ts";

/** The port that every receiver listens at. */
export const PORT = 5001;

/** How a sender stands: octets and microseconds; the kernel's segments are multiplied by its MSS. */
export interface SenderInfo {
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly rttUs: number;
  readonly totalRetrans: number;
}

/** One end of a path: Linux' TCP in a namespace of its own, or ours in this process. */
export interface Host {
  readonly address: string;
  /** What the path joins: reads give what the host sends. */
  readonly device: Device;
  /** Begins to listen at `PORT` and to throw away what comes. */
  receive(): Promise<void>;
  /** Octets that have come from `address` so far. */
  receivedFrom(address: string): Promise<number>;
  /** Connects to `address`, and sends all it can from then on. */
  send(address: string): Promise<void>;
  senderInfo(): Promise<SenderInfo>;
  /** Resets what `send` has connected. */
  stopSending(): Promise<void>;
  close(): Promise<void>;
}
