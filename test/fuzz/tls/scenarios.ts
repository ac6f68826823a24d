import type { ClientConfig } from "../../../src/tls/handshake/client-config.ts";
import type { ServerConfig } from "../../../src/tls/handshake/server-config.ts";
import type { ResumableSession } from "../../../src/tls/sessions/session.ts";
import { clientEnd, seededOctets, serverEnd, sessionKeeper, suiteNamed } from "../../tls/support/endpoint.ts";
import { identity } from "../../tls/support/fixtures.ts";

/** A connection to record: the same configurations make the same octets. */
export interface Scenario {
  readonly name: string;
  readonly client: () => Partial<ClientConfig>;
  readonly server: () => Partial<ServerConfig>;
}

/** A client that offers one suite. */
const offering = (name: string) => ({ suites: [suiteNamed(name)] });

const RSA: Scenario = {
  name: "RSA, AES-GCM",
  client: () => offering("AES128-GCM-SHA256"),
  server: () => ({ sessions: sessionKeeper() }),
};

const FULL: readonly Scenario[] = [
  RSA,
  {
    name: "RSA, AES-CBC, fragments of 512",
    client: () => ({ ...offering("AES256-SHA256"), maxFragmentLength: 512 }),
    server: () => ({ sessions: sessionKeeper() }),
  },
  {
    name: "ECDHE, RSA, application protocols",
    client: () => ({ ...offering("ECDHE-RSA-AES256-GCM-SHA384"), alpnProtocols: ["h2", "http/1.1"] }),
    server: () => ({ sessions: sessionKeeper() }),
  },
  {
    name: "ECDHE, ECDSA, ChaCha20, a client's certificate",
    client: () => ({ ...offering("ECDHE-ECDSA-CHACHA20-POLY1305"), identity: identity("client") }),
    server: () => ({ clientCertificate: "request", sessions: sessionKeeper() }),
  },
];

/** Tickets are opened by every keeper of the same seed; under IDs each keeper has to be told. */
function resumed(tickets: boolean): Scenario {
  const session = sessionOf(tickets);
  return {
    name: tickets ? "resumed by a ticket" : "resumed by an ID",
    client: () => ({ ...RSA.client(), session, random: seededOctets(5) }),
    server: () => {
      const sessions = sessionKeeper(9, () => 0, tickets);
      if (!tickets) sessions.keep(session.id, { ...session, masterSecret: Buffer.from(session.masterSecret) });
      return { sessions, random: seededOctets(6) };
    },
  };
}

/** The session that a first connection gives its client. */
function sessionOf(tickets: boolean): ResumableSession {
  const client = clientEnd(RSA.client());
  const server = serverEnd({ sessions: sessionKeeper(9, () => 0, tickets) });
  for (let turn = 0; turn < 3; turn++) {
    server.feed(client.take());
    client.feed(server.take());
  }
  const session = client.sessions.at(0);
  if (session === undefined) throw new Error("no session was made");
  return session;
}

/** One for each way through the two state machines. */
export const scenarios = (): readonly Scenario[] => [...FULL, resumed(true), resumed(false)];
