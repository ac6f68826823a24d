import { MASTER_SECRET_OCTETS } from "../keys/key-schedule.ts";
import { OctetReader } from "../octet-reader.ts";
import { OctetWriter } from "../octet-writer.ts";
import { SESSION_ID_OCTETS_MAX } from "../handshake/hello.ts";
import { suiteById } from "../suites.ts";
import { TICKET_KEPT_MAX, type ResumableSession, type Session } from "./session.ts";

const TEXT_OCTETS_MAX = 255;

/** Changes with the form, so that what an older version has kept is passed over. */
const FORM = 1;

/** A session as octets, for a ticket or for a client's application to keep. They hold the master secret. */
export function writeSession(session: Session): Buffer {
  return sessionWriter(session).finish();
}

export function writeResumableSession(session: ResumableSession): Buffer {
  return sessionWriter(session)
    .vector(1, (into) => into.octets(session.id))
    .vector(2, (into) => into.octets(session.ticket ?? Buffer.alloc(0)))
    .uint(4, session.lifetimeHint)
    .finish();
}

/** Null where the octets are no session of this form. */
export function readSession(octets: Uint8Array): Session | null {
  const reader = new OctetReader(octets);
  const session = readCommon(reader);
  return reader.complete ? session : null;
}

export function readResumableSession(octets: Uint8Array): ResumableSession | null {
  const reader = new OctetReader(octets);
  const session = readCommon(reader);
  const id = Buffer.from(reader.vector(1, 0, SESSION_ID_OCTETS_MAX));
  const ticket = Buffer.from(reader.vector(2, 0, TICKET_KEPT_MAX));
  const lifetimeHint = reader.uint(4);
  if (session === null || !reader.complete) return null;
  return { ...session, id, ticket: ticket.length > 0 ? ticket : null, lifetimeHint };
}

const sessionWriter = (session: Session): OctetWriter =>
  new OctetWriter()
    .uint(1, FORM)
    .uint(2, session.suite.id)
    .octets(session.masterSecret)
    .vector(1, (into) => into.octets(text(session.servername)))
    .vector(1, (into) => into.octets(text(session.authorizationError)))
    .vector(3, (list) => {
      for (const certificate of session.peerChain) list.vector(3, (into) => into.octets(certificate));
    });

function readCommon(reader: OctetReader): Session | null {
  const form = reader.uint(1);
  const suite = suiteById(reader.uint(2));
  const masterSecret = Buffer.from(reader.take(MASTER_SECRET_OCTETS));
  const servername = readText(reader);
  const authorizationError = readText(reader);
  const list = new OctetReader(reader.vector(3));
  const peerChain: Buffer[] = [];
  while (list.left > 0 && list.ok) peerChain.push(Buffer.from(list.vector(3, 1)));
  if (form !== FORM || suite === undefined || !reader.ok || !list.ok) return null;
  return { suite, masterSecret, servername, authorizationError, peerChain };
}

/** The words of an application's own error may be many: the first ones are kept. */
const text = (words: string | null): Buffer => Buffer.from(words ?? "", "latin1").subarray(0, TEXT_OCTETS_MAX);

/** "" stands for null. */
function readText(reader: OctetReader): string | null {
  const octets = reader.vector(1);
  return octets.length === 0 ? null : Buffer.from(octets).toString("latin1");
}
