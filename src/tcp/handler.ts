import type { TcpInfo } from "./info.ts";
import type { TcpSettings } from "./settings.ts";
import type { TcpStateName } from "./states.ts";

/** Why a connection ended otherwise than by both sides' FINs; RFC 9293 MUST-12 wants the two told apart. */
export type TcpFailure =
  /** RST from the peer on an open connection. */
  | "ECONNRESET"
  /** RST in answer to our SYN. */
  | "ECONNREFUSED"
  /** R2 passed without an acknowledgment, or the user timeout. */
  | "ETIMEDOUT"
  /** `abort()` here, or the stack was closed under it. */
  | "ECONNABORTED"
  /** Its owner sent on and on although `send` returned false, beyond `sendQueueMax` or what memory there is. */
  | "ENOBUFS"
  | "EHOSTUNREACH"
  | "ENETUNREACH";

/**
 * What the owner of a connection wants to be told. Every call comes from inside the stack's turn and may use the
 * connection freely; what it sends leaves together with the acknowledgment of what it was told.
 */
export interface TcpHandler {
  /** ESTABLISHED. Not called on a connection that a listener hands over: it is open already. */
  open?(connection: TcpSocket): void;
  /**
   * New octets of the stream: `octets[start, end)`. They are *lent*: dead when the call returns. Copy what must stay.
   * A handler without `data` gets `readable` instead and takes owned copies with `read()`.
   */
  data?(connection: TcpSocket, octets: Uint8Array, start: number, end: number): void;
  /** There is something for `read()`, or nothing more will come (`readEnded`). Once a batch, not once a segment. */
  readable?(connection: TcpSocket): void;
  /** After `send` returned false: the queue has fallen to the low-water mark. */
  drain?(connection: TcpSocket): void;
  /** The peer's FIN, after all of its octets were delivered. Not called where `readable` is in use (`readEnded` tells). */
  end?(connection: TcpSocket): void;
  /** Our FIN, and so all that was sent, has been acknowledged, and the peer's side is still open. Otherwise `close` tells. */
  finished?(connection: TcpSocket): void;
  /** The last call. `failure` is null where both sides closed and all that was sent has been acknowledged. */
  close?(connection: TcpSocket, failure: TcpFailure | null): void;
  /**
   * Urgent octets lie ahead: the last of them is `ahead` octets of the stream away. They come in the stream like all others.
   * Told when they appear and when more are announced. RFC 9293 MUST-32.
   */
  urgent?(connection: TcpSocket, ahead: number): void;
  /** An ICMP error or many retransmissions that did not end the connection. RFC 9293 MUST-47, SHLD-9. */
  softError?(connection: TcpSocket, failure: TcpFailure): void;
}

/**
 * A connected socket as the callback API gives it. Its local port is the listener's: what makes it a socket of its own is
 * the whole four-tuple.
 */
export interface TcpSocket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly stateName: TcpStateName;
  handler: TcpHandler;
  /** For the owner's own use. */
  context: unknown;
  /** Octets of the stream received in order, and handed to `send`. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Octets handed to `send` and not yet acknowledged. */
  readonly queuedOctets: number;
  /** Whether the peer's FIN has come and everything before it was taken. */
  readonly readEnded: boolean;
  /**
   * Appends `octets[start, end)`, all of them unless told, to the stream. Takes ownership: the memory must not change until it is
   * acknowledged (`queuedOctets`).
   * Returns false when the queue has reached its high-water mark: wait for `drain`. Octets sent after `end`, or on a
   * connection that is gone, are dropped and false is returned. Whoever goes on beyond `sendQueueMax` octets, or where the
   * stack has no memory left, instead of waiting, loses the connection (ENOBUFS).
   */
  send(octets: Uint8Array, start?: number, end?: number): boolean;
  /** Octets that `send` takes before it returns false, as things stand. */
  readonly sendRoom: number;
  /** As `send`, and the peer is told that the stream is urgent up to the end of `octets`. New protocols should not (RFC 6093 §5). */
  sendUrgent(octets: Uint8Array): boolean;
  /** Octets of the stream that are still to come up to the end of what is urgent. RFC 9293 MUST-33. */
  readonly urgentAhead: number;
  /** As `send`, but the octets are copied and the caller's memory is free when it returns. */
  sendCopy(octets: Uint8Array): boolean;
  /** FIN once everything before it was sent. The other direction stays open (half-close). RFC 9293 §3.6. */
  end(): void;
  /**
   * As `end`, and nothing more will be read: unread or later octets are answered with RST. RFC 9293 §3.6.1 SHLD-3. With the
   * setting `lingerMs` what is unacknowledged has so much time.
   */
  close(): void;
  /** RST at once. `handler.close` is called before it returns. */
  abort(): void;
  /** No more `data`: octets are kept, and the window closes as they pile up. */
  pause(): void;
  resume(): void;
  /**
   * Tells how many received octets the owner keeps beyond the calls that lent or gave them. They count in the stack's
   * memory budget, and narrow this connection's window where memory is tight, until it tells another number.
   */
  retain(octets: number): void;
  /** The next octets in order as a chunk that the caller owns, or null where none is waiting. Opens the window again. */
  read(): Uint8Array | null;
  /** Whether small segments wait for outstanding ones (RFC 9293 §3.7.4). Nagle's algorithm is on unless this is set. */
  setNoDelay(noDelay: boolean): void;
  /** Errors: `RangeError` where a value cannot be. */
  configure(settings: TcpSettings): void;
  /** The fields of Linux's `TCP_INFO` that apply. */
  info(): TcpInfo;
}

/** Of a connection that nobody owns (yet, or any more). What arrives is kept for the owner to come. */
export const SILENT_HANDLER: TcpHandler = {};
