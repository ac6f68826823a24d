import type { Address } from "../base/address.ts";
import type { TcpSocket } from "./handler.ts";

/** What becomes of a SYN. RFC 9293 leaves refusing to the application (§3.10.7.2, LISTEN). */
export type SynVerdict = "accept" | "refuse" | "drop" | "later";

/** A SYN that waits for its verdict: nothing has been answered yet. */
export interface PendingSyn {
  readonly localAddress: Address;
  readonly localPort: number;
  readonly remoteAddress: Address;
  readonly remotePort: number;
  /** After the verdict "later": sends the SYN-ACK, an RST, or nothing. The second call and calls after a time-out do nothing. */
  decide(verdict: "accept" | "refuse" | "drop"): void;
}

export interface TcpListenHandler {
  /** One more connected socket: ESTABLISHED, its four-tuple its own, its local port the listener's. Set its `handler`. */
  accept(connection: TcpSocket): void;
  /** Asked before the SYN-ACK, where present. Without it every SYN is accepted. */
  syn?(pending: PendingSyn): SynVerdict;
  /** The stack was closed under the listener. Not called for the listener's own `close`. */
  closed?(): void;
}

/** A listening socket: `<*, *, local address, port>`. It only ever receives SYNs and never carries data. */
export interface TcpListener {
  /** `ANY_ADDRESS` for the wildcard. */
  readonly address: Address;
  readonly port: number;
  readonly backlog: number;
  /** Half-open connections, and open ones that wait to be accepted. */
  readonly synQueueLength: number;
  readonly acceptQueueLength: number;
  /** Stops calling `accept`: connections wait in the accept queue, at most `backlog` of them. */
  pause(): void;
  resume(): void;
  /** No more SYNs; half-open connections and those that wait to be accepted are reset. Accepted ones live on. */
  close(): void;
}
