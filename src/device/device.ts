import type { RxBatch } from "../base/rx-batch.ts";
import type { TxBatch } from "../base/tx-batch.ts";

/** What a device does for the stack on the way out. On the way in it says so row by row (`RxBatch.vouched`). */
export interface Offload {
  /** Whether rows may leave the transport checksum to the device. Where false, the driver completes it. */
  readonly checksum: boolean;
  /** The largest datagram that the device cuts into segments itself, in octets; 0 where it takes none above the MTU. */
  readonly segmentMax: number;
}

export const NO_OFFLOAD: Offload = { checksum: false, segmentMax: 0 };

/** What a device tells its owner. Calls come from the event loop (or virtual time), never from inside `read` or `write`. */
export interface DeviceEvents {
  /** There is something to read. Level-triggered: it comes again while something is left. */
  readable(): void;
  /** A device that was full can be offered rows again. */
  writable(): void;
  /** It has gone for good: removed (`error` says how), or closed by the other side (`null`). */
  down(error: Error | null): void;
}

/** A link of layer 3: datagrams in, datagrams out. Every kind of device is one of these; none knows TCP. */
export interface Device {
  /** For people: "tun0", "memory". */
  readonly name: string;
  /** Largest datagram of the link, in octets. */
  readonly mtu: number;
  readonly offload: Offload;
  /** Begins to tell `events`. Called once, before any `read` or `write`. */
  start(events: DeviceEvents): void;
  /**
   * Clears `rx`, then moves what has arrived into it until `rx` is full or nothing is left; returns the number of rows.
   * Never blocks and never throws: a failure is told by `down`.
   */
  read(rx: RxBatch): number;
  /**
   * Takes pending rows from the front of `tx` (`tx.drop`). What it cannot take now it leaves there and calls `writable`
   * once it can; what it can never take (too long, say) it drops and counts. Never throws: a failure is told by `down`.
   */
  write(tx: TxBatch): void;
  /** Whether it keeps the process alive. */
  ref(): void;
  unref(): void;
  /** Closes at once, idle or not; frees everything; safe to call again. Nothing is told afterwards. */
  close(): void;
}
