import type { CipherSuite } from "../suites.ts";
import type { ClientOffer } from "./client-offer.ts";
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
} from "./extensions.ts";
import { writeAlpn, writeMaxFragmentLength, writePointFormats, writeRenegotiationInfo } from "./hello-extensions.ts";

export interface ServerHelloFacts {
  readonly suite: CipherSuite;
  readonly resumed: boolean;
  readonly alpnProtocol: string | null;
  readonly sendsTicket: boolean;
}

/** RFC 7366 §3: only CBC suites take it. */
export const usesEncryptThenMac = (offer: ClientOffer, { cipher }: CipherSuite): boolean =>
  offer.encryptThenMac && cipher.kind === "cbc";

/** Answers to what the client offered; never anything that it did not (RFC 5246 §7.4.1.4). */
export function serverHelloExtensions(offer: ClientOffer, facts: ServerHelloFacts): ExtensionWriter {
  const { suite, resumed, alpnProtocol, sendsTicket } = facts;
  const writer = new ExtensionWriter();
  if (offer.secureRenegotiation) writer.add(RENEGOTIATION_INFO, writeRenegotiationInfo);
  if (offer.servername !== null && !resumed) writer.add(SERVER_NAME); // RFC 6066 §3.
  if (offer.extendedMasterSecret) writer.add(EXTENDED_MASTER_SECRET);
  if (usesEncryptThenMac(offer, suite)) writer.add(ENCRYPT_THEN_MAC);
  if (suite.keyExchange === "ecdhe" && !resumed && offer.hello.extensions.has(EC_POINT_FORMATS)) {
    writer.add(EC_POINT_FORMATS, writePointFormats);
  }
  if (offer.maxFragmentLength !== null) {
    writer.add(MAX_FRAGMENT_LENGTH, writeMaxFragmentLength(offer.maxFragmentLength));
  }
  if (alpnProtocol !== null) writer.add(ALPN, writeAlpn([alpnProtocol]));
  if (sendsTicket) writer.add(SESSION_TICKET);
  return writer;
}
