import { fault, type Fault } from "../alert.ts";
import type { Session } from "../sessions/session.ts";
import type { ClientOffer } from "./client-offer.ts";
import type { ServerConfig } from "./server-config.ts";

export interface FoundSession {
  /** For the machine to wipe; a copy. */
  readonly session: Session;
  /** The ticket's key is on the way out: a new one is due. */
  readonly renew: boolean;
}

/** The session that the client may resume; null for a full handshake (RFC 5246 §7.3, RFC 5077 §3.1). */
export function findSession(offer: ClientOffer, config: ServerConfig): FoundSession | Fault | null {
  const found = lookUp(offer, config);
  if (found === null) return null;
  if (!isUsable(found.session, offer, config)) {
    found.session.masterSecret.fill(0);
    return null;
  }
  // RFC 7627 §5.3: every session that is kept has one.
  if (!offer.extendedMasterSecret) {
    found.session.masterSecret.fill(0);
    return fault("handshake_failure", "a session is resumed without its extended master secret");
  }
  return found;
}

/** What a session is looked for by: a ticket goes first (RFC 5077 §3.4). */
export const namedBy = ({ ticket }: ClientOffer): "ticket" | "id" =>
  ticket !== null && ticket.length > 0 ? "ticket" : "id";

function lookUp({ ticket, hello }: ClientOffer, { sessions }: ServerConfig): FoundSession | null {
  if (ticket !== null && ticket.length > 0) return sessions.openTicket(ticket);
  if (hello.sessionId.length === 0) return null;
  const session = sessions.find(hello.sessionId);
  return session === null
    ? null
    : { session: { ...session, masterSecret: Buffer.from(session.masterSecret) }, renew: false };
}

function isUsable(session: Session, { hello, servername }: ClientOffer, config: ServerConfig): boolean {
  if (!hello.suites.includes(session.suite.id)) return false;
  if (!config.suites.some(({ id }) => id === session.suite.id)) return false;
  if (session.servername !== servername) return false; // RFC 6066 §3.
  if (config.clientCertificate === "none") return true;
  // Who asks for a certificate gets a chance to see one.
  if (session.peerChain.length === 0) return false;
  return config.clientCertificate === "request" || session.authorizationError === null;
}
