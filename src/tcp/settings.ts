import type { CongestionAlgorithm } from "./congestion/controller.ts";
import type { KeepAliveOptions } from "./keep-alive.ts";

/** What an application may change of one connection at any time; what is left out stays as it is. */
export interface TcpSettings {
  /** Nagle's algorithm off: RFC 9293 MUST-17. */
  readonly noDelay?: boolean;
  /** Off by default: RFC 9293 MUST-24, MUST-25. */
  readonly keepAlive?: boolean | KeepAliveOptions;
  /** Unacknowledged octets end the connection with ETIMEDOUT after so many ms: R2 of RFC 9293 MUST-21. 0: the stack's. */
  readonly userTimeoutMs?: number;
  /** Time to live of its datagrams, 1 to 255: RFC 9293 MUST-49. */
  readonly ttl?: number;
  /** The six bits of the DS field (RFC 2474): RFC 9293 MUST-48, SHLD-21. */
  readonly dscp?: number;
  /** Whether soft errors are told: RFC 9293 SHLD-20. Default true. */
  readonly softErrors?: boolean;
  /** From the next time on that it has something to send. */
  readonly congestion?: CongestionAlgorithm;
  /** Whether its segments are spread over the round trip. Default: the stack's. */
  readonly pacing?: boolean;
  /**
   * What `close` does about octets that are not acknowledged yet, as SO_LINGER. Not set: they are sent in the background for as
   * long as that takes (R2). 0: it resets at once (RFC 9293 §3.10.5). More: what is not acknowledged so many ms later, FIN
   * included, is given up by a reset and ETIMEDOUT.
   */
  readonly lingerMs?: number;
}

/** Errors: `RangeError` that says what would be right. */
export function checkSettings({ ttl, dscp, userTimeoutMs, lingerMs, keepAlive }: TcpSettings): void {
  within("ttl", ttl, 1, 255);
  within("dscp", dscp, 0, 63);
  within("userTimeoutMs", userTimeoutMs, 0, MS_MAX);
  within("lingerMs", lingerMs, 0, MS_MAX);
  if (typeof keepAlive !== "object") return;
  within("keepAlive.idleMs", keepAlive.idleMs, 1, MS_MAX);
  within("keepAlive.intervalMs", keepAlive.intervalMs, 1, MS_MAX);
  within("keepAlive.probes", keepAlive.probes, 2, 255);
}

/** The longest time that a timer can wait. */
const MS_MAX = 0x7fff_ffff;

function within(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw new RangeError(
    `${name} must be a whole number from ${String(least)} to ${String(most)}. Received ${String(value)}`,
  );
}
