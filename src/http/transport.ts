/**
 * What the server needs of a connection: the part of `TcpSocket` (the callback API) that it uses. Any connection of that
 * shape will do; `duplex-transport.ts` makes one of a stream.
 */
export interface Transport {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Octets given to `send` and not yet on their way for good (acknowledged; for a stream, taken by it). */
  readonly queuedOctets: number;
  /** Takes ownership of `octets[start, end)`, all of them unless told. False: the queue is full, `drain` will come. */
  send(octets: Uint8Array, start?: number, end?: number): boolean;
  /** Tells how many received octets are kept: they count where memory is short. Absent where nobody counts them. */
  retain?(octets: number): void;
  /** FIN once all was sent; what arrives is still delivered. */
  end(): void;
  /** RST at once. May call `handler.close` before it returns. */
  abort(): void;
  /** No more `data` until `resume`. */
  pause(): void;
  resume(): void;
}

/** What a connection tells its server. `octets[start, end)` are lent: dead when `data` returns. */
export interface TransportHandler {
  data(transport: Transport, octets: Uint8Array, start: number, end: number): void;
  drain(transport: Transport): void;
  /** The peer's FIN. */
  end(transport: Transport): void;
  /** The last call. `failure` is a code such as "ECONNRESET", or null after an orderly end. */
  close(transport: Transport, failure: string | null): void;
}
