/** Counters of a server since it was made. */
export interface HttpServerStats {
  readonly connections: number;
  readonly openConnections: number;
  readonly requests: number;
  readonly responses: number;
  /** Requests refused by the server itself, by status: 400, 413, 414, 417, 431, 501, 505, 408. */
  readonly refused: Readonly<Record<number, number>>;
  /** Handlers that threw something else than an `HttpError`. */
  readonly handlerErrors: number;
  readonly keepAliveTimeouts: number;
  readonly headersTimeouts: number;
  readonly requestTimeouts: number;
  readonly writeTimeouts: number;
  readonly lingerTimeouts: number;
  /** Connections reset since more came after the last response than `lingerOctets`. */
  readonly lingerOverflows: number;
  /** Connections ended since more unread content came than `drainedOctets`. */
  readonly drainOverflows: number;
  /** Connections that kept delivering while they were paused, beyond `HELD_OCTETS_MAX`. */
  readonly heldOverflows: number;
}

/** The same, while they are counted. */
export type MutableStats = { -readonly [K in keyof Omit<HttpServerStats, "refused">]: HttpServerStats[K] } & {
  refused: Record<number, number>;
};

export const zeroStats = (): MutableStats => ({
  connections: 0,
  openConnections: 0,
  requests: 0,
  responses: 0,
  refused: {},
  handlerErrors: 0,
  keepAliveTimeouts: 0,
  headersTimeouts: 0,
  requestTimeouts: 0,
  writeTimeouts: 0,
  lingerTimeouts: 0,
  lingerOverflows: 0,
  drainOverflows: 0,
  heldOverflows: 0,
});
