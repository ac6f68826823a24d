import { drawOctets } from "../random-octets.ts";
import { TLS_1_2 } from "../record/record.ts";
import type { ResumableSession } from "../sessions/session.ts";
import type { ClientConfig } from "./client-config.ts";
import {
  ALPN,
  EC_POINT_FORMATS,
  ENCRYPT_THEN_MAC,
  EXTENDED_MASTER_SECRET,
  ExtensionWriter,
  MAX_FRAGMENT_LENGTH,
  RENEGOTIATION_INFO,
  SERVER_NAME,
  SESSION_TICKET,
  SIGNATURE_ALGORITHMS,
  SUPPORTED_GROUPS,
} from "./extensions.ts";
import { RANDOM_OCTETS, SESSION_ID_OCTETS_MAX, writeClientHello } from "./hello.ts";
import {
  writeAlpn,
  writeIds,
  writeMaxFragmentLength,
  writePointFormats,
  writeRenegotiationInfo,
  writeServerName,
} from "./hello-extensions.ts";

/** A ClientHello, and what must be remembered of it. */
export interface SentHello {
  readonly body: Buffer;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  /** What it offered: a server may answer nothing else. */
  readonly extensions: ReadonlySet<number>;
  /** The session that it offered to resume. */
  readonly session: ResumableSession | null;
}

export function planClientHello(config: ClientConfig): SentHello {
  const random = drawOctets(config.random, RANDOM_OCTETS);
  const session = offeredSession(config);
  const extensions = offeredExtensions(config, session);
  const sessionId = offeredSessionId(config, session);
  const suites = config.suites.map(({ id }) => id);
  return {
    body: writeClientHello({ version: TLS_1_2, random, sessionId, suites, extensions }),
    random,
    sessionId,
    extensions: extensions.types,
    session,
  };
}

/** A session is offered to the name that it was made with, and while its suite is still wanted. */
function offeredSession({ session, servername, suites }: ClientConfig): ResumableSession | null {
  if (session?.servername !== servername) return null;
  return suites.some(({ id }) => id === session.suite.id) ? session : null;
}

/** RFC 5077 §3.4: with a ticket, an ID of the client's own making, which the server repeats where it takes the ticket. */
function offeredSessionId({ random }: ClientConfig, session: ResumableSession | null): Buffer {
  if (session === null) return Buffer.alloc(0);
  return session.ticket === null ? session.id : drawOctets(random, SESSION_ID_OCTETS_MAX);
}

function offeredExtensions(config: ClientConfig, session: ResumableSession | null): ExtensionWriter {
  const { servername, suites, groups, schemes, alpnProtocols, maxFragmentLength } = config;
  const writer = new ExtensionWriter();
  if (servername !== null) writer.add(SERVER_NAME, writeServerName(servername));
  writer.add(EXTENDED_MASTER_SECRET).add(RENEGOTIATION_INFO, writeRenegotiationInfo);
  if (suites.some(({ keyExchange }) => keyExchange === "ecdhe")) {
    writer.add(SUPPORTED_GROUPS, writeIds(groups.map(({ id }) => id))).add(EC_POINT_FORMATS, writePointFormats);
  }
  const ticket = session?.ticket ?? null;
  writer.add(SESSION_TICKET, (body) => {
    if (ticket !== null) body.octets(ticket);
  });
  if (alpnProtocols.length > 0) writer.add(ALPN, writeAlpn(alpnProtocols));
  if (suites.some(({ cipher }) => cipher.kind === "cbc")) writer.add(ENCRYPT_THEN_MAC);
  if (maxFragmentLength !== null) writer.add(MAX_FRAGMENT_LENGTH, writeMaxFragmentLength(maxFragmentLength));
  // Never empty, and last: some old servers do not take an empty extension at the end.
  return writer.add(SIGNATURE_ALGORITHMS, writeIds(schemes.map(({ id }) => id)));
}
