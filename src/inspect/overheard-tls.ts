import { X509Certificate } from "node:crypto";

import { isFault } from "../tls/alert.ts";
import { parseCertificates } from "../tls/handshake/certificate-message.ts";
import { parseClientHello, parseServerHello } from "../tls/handshake/hello.ts";
import { readServerName } from "../tls/handshake/hello-extensions.ts";
import { parseClientKeyExchange } from "../tls/handshake/key-exchange-messages.ts";
import {
  CERTIFICATE,
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  type HandshakeMessage,
  MessageReader,
  messageName,
  NEW_SESSION_TICKET,
  SERVER_HELLO,
} from "../tls/handshake/message.ts";
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  type ContentType,
  HANDSHAKE,
  RECORD_HEADER_OCTETS,
} from "../tls/record/record.ts";
import { RecordReader } from "../tls/record/record-reader.ts";
import { suiteById } from "../tls/suites.ts";

/** A record as it crossed. */
export interface OverheardRecord {
  /** Where its header begins, in octets of its direction. */
  readonly at: number;
  readonly type: ContentType;
  /** A ChangeCipherSpec came before it. */
  readonly encrypted: boolean;
  /** What follows the header. */
  readonly fragment: Buffer;
  /** The handshake messages that end in it, where they are in the clear. */
  readonly messages: readonly HandshakeMessage[];
}

/**
 * One direction of a TLS connection with RSA key exchange, as anybody on the way sees it: no keys.
 *
 * Bound: everything is kept: it is for a connection that people look at.
 */
export class OverheardTls {
  readonly records: OverheardRecord[] = [];
  readonly #reader = new RecordReader();
  readonly #messages = new MessageReader();
  #at = 0;
  #encrypted = false;

  /** Copies `octets`, the next ones of the direction. */
  push(octets: Uint8Array): void {
    this.#reader.push(Buffer.from(octets));
    for (;;) {
      const record = this.#reader.next();
      if (record === null || isFault(record)) return;
      this.#take(record.type, Buffer.from(record.fragment));
    }
  }

  /** The handshake messages in the clear, in order. */
  get messages(): readonly HandshakeMessage[] {
    return this.records.flatMap(({ messages }) => messages);
  }

  #take(type: ContentType, fragment: Buffer): void {
    const encrypted = this.#encrypted;
    const messages = type === HANDSHAKE && !encrypted ? this.#messagesOf(fragment) : [];
    this.records.push({ at: this.#at, type, encrypted, fragment, messages });
    this.#at += RECORD_HEADER_OCTETS + fragment.length;
    if (type === CHANGE_CIPHER_SPEC) this.#encrypted = true;
  }

  #messagesOf(fragment: Buffer): HandshakeMessage[] {
    this.#messages.push(fragment);
    const found: HandshakeMessage[] = [];
    for (;;) {
      const message = this.#messages.next();
      if (message === null || isFault(message)) return found;
      found.push(message);
    }
  }
}

/** Octets of random values and ciphertext that are shown of each. */
const SHOWN_OCTETS = 12;

const start = (octets: Uint8Array): string => {
  const hex = Buffer.from(octets.subarray(0, SHOWN_OCTETS)).toString("hex");
  return octets.length > SHOWN_OCTETS ? `${hex}...` : hex;
};

/** What a record tells whoever sees it, in short lines. */
export function describeOverheard({ type, encrypted, fragment, messages }: OverheardRecord): readonly string[] {
  if (encrypted) return [`${encryptedName(type)}: ${fragment.length} octets`, `  ${start(fragment)}`];
  if (type === CHANGE_CIPHER_SPEC) return ["ChangeCipherSpec: from here on encrypted"];
  if (type === ALERT) return ["alert, in the clear"];
  return messages.flatMap((message) => [
    messageName(message.type),
    ...messageFacts(message).map((fact) => `  ${fact}`),
  ]);
}

function encryptedName(type: ContentType): string {
  switch (type) {
    case HANDSHAKE:
      return "Finished, encrypted";
    case APPLICATION_DATA:
      return "application data, encrypted";
    case ALERT:
      return "alert, encrypted";
    case CHANGE_CIPHER_SPEC:
      return "ChangeCipherSpec, encrypted";
  }
}

/** What can be read of a message in the clear. */
function messageFacts({ type, body }: HandshakeMessage): readonly string[] {
  switch (type) {
    case CLIENT_HELLO: {
      const hello = parseClientHello(body);
      if (isFault(hello)) return [];
      const name = readServerName(hello.extensions);
      return [`random ${start(hello.random)}`, ...(typeof name === "string" ? [`for ${name}`] : [])];
    }
    case SERVER_HELLO: {
      const hello = parseServerHello(body);
      if (isFault(hello)) return [];
      return [`random ${start(hello.random)}`, `suite ${suiteById(hello.suite)?.standardName ?? "unknown"}`];
    }
    case CERTIFICATE: {
      const chain = parseCertificates(body);
      return isFault(chain) ? [] : chain.map((der) => `of ${new X509Certificate(der).subject}`);
    }
    case CLIENT_KEY_EXCHANGE: {
      const wrapped = parseClientKeyExchange(body, "rsa");
      if (isFault(wrapped)) return [];
      return [`the pre-master secret, wrapped: ${wrapped.length} octets`, start(wrapped)];
    }
    case NEW_SESSION_TICKET:
      return ["the session, under a key of the server alone"];
    default:
      return [];
  }
}
