import type { RandomOctets } from "../random-octets.ts";
import { SessionCache } from "./session-cache.ts";
import { writeSession } from "./session-codec.ts";
import type { OpenedTicket, SealedTicket, Session, SessionKeeper } from "./session.ts";
import { TicketKeys } from "./ticket-keys.ts";

/** How long a session may be resumed, in seconds: OpenSSL's own default. */
export const SESSION_LIFETIME_S = 7200;

export interface ServerSessionsOptions {
  readonly random: RandomOctets;
  /** Milliseconds since 1970. */
  readonly wallClockMs: () => number;
  /** In seconds. */
  readonly lifetimeS: number;
  readonly tickets: boolean;
}

/** A server's sessions: in tickets, and in a cache for clients that take none. */
export class ServerSessions implements SessionKeeper {
  readonly tickets: boolean;
  readonly #lifetimeS: number;
  readonly #keys: TicketKeys;
  readonly #cache: SessionCache;

  constructor({ random, wallClockMs, lifetimeS, tickets }: ServerSessionsOptions) {
    this.tickets = tickets;
    this.#lifetimeS = lifetimeS;
    this.#keys = new TicketKeys(random, wallClockMs, lifetimeS * 1000);
    this.#cache = new SessionCache(wallClockMs, lifetimeS * 1000);
  }

  openTicket(ticket: Uint8Array): OpenedTicket | null {
    return this.tickets ? this.#keys.open(ticket) : null;
  }

  sealTicket(session: Session): SealedTicket | null {
    const ticket = this.#keys.seal(writeSession(session));
    return ticket === null ? null : { ticket, lifetime: this.#lifetimeS };
  }

  find(id: Uint8Array): Session | null {
    return this.#cache.find(id);
  }

  keep(id: Uint8Array, session: Session): void {
    this.#cache.keep(id, session);
  }
}
