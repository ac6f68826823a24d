import type { CipherSuite } from "../suites.ts";

/**
 * What two sides keep of a connection to skip the key exchange of the next one. Only sessions with an extended master
 * secret are kept: without it a resumed session can be spliced into another one (RFC 7627 §1).
 */
export interface Session {
  readonly suite: CipherSuite;
  /** 48 octets. A copy: the connection's own is wiped with it. */
  readonly masterSecret: Buffer;
  /** The server name that it was made for, or null: RFC 6066 §3 forbids to resume it under another one. */
  readonly servername: string | null;
  /** The peer's certificates in DER, its own first; none where it sent none. */
  readonly peerChain: readonly Buffer[];
  /** What was wrong with them, in Node's codes; null for nothing. */
  readonly authorizationError: string | null;
}

/** Octets of a ticket that a client keeps and offers: a longer one would not fit in a hello beside everything else. */
export const TICKET_KEPT_MAX = 1 << 14;

/** A client's session with the name that the server gave it. */
export interface ResumableSession extends Session {
  /** RFC 5246 §7.3: empty where there is a ticket. */
  readonly id: Buffer;
  /** RFC 5077: null where there is an ID. */
  readonly ticket: Buffer | null;
  /** In seconds, as the server hinted; 0 where it did not. */
  readonly lifetimeHint: number;
}

/** Where a server keeps its sessions, and who knows how old they are. */
export interface SessionKeeper {
  /** Whether sessions go into tickets for clients that take them. */
  readonly tickets: boolean;
  /** The session in a ticket; null where it is not one of ours, or too old. */
  openTicket(ticket: Uint8Array): OpenedTicket | null;
  /** Null where the session is too large for a ticket. */
  sealTicket(session: Session): SealedTicket | null;
  /** The session of that ID, which is lent; null where there is none. */
  find(id: Uint8Array): Session | null;
  /** Takes the session over. */
  keep(id: Uint8Array, session: Session): void;
}

export interface OpenedTicket {
  /** For the caller to wipe. */
  readonly session: Session;
  /** Its key is on the way out: the client is to be given a new one. */
  readonly renew: boolean;
}

export interface SealedTicket {
  readonly ticket: Buffer;
  /** In seconds. */
  readonly lifetime: number;
}
