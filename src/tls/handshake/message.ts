import { fault, type Fault } from "../alert.ts";

/*  RFC 5246 §7.4: every handshake message begins with
 *   0 | type |
 *   1 | length of the body (24 bits) | */
export const MESSAGE_HEADER_OCTETS = 4;

export const HELLO_REQUEST = 0,
  CLIENT_HELLO = 1,
  SERVER_HELLO = 2,
  NEW_SESSION_TICKET = 4,
  CERTIFICATE = 11,
  SERVER_KEY_EXCHANGE = 12,
  CERTIFICATE_REQUEST = 13,
  SERVER_HELLO_DONE = 14,
  CERTIFICATE_VERIFY = 15,
  CLIENT_KEY_EXCHANGE = 16,
  FINISHED = 20;

const NAMES: Readonly<Record<number, string>> = {
  [HELLO_REQUEST]: "HelloRequest",
  [CLIENT_HELLO]: "ClientHello",
  [SERVER_HELLO]: "ServerHello",
  [NEW_SESSION_TICKET]: "NewSessionTicket",
  [CERTIFICATE]: "Certificate",
  [SERVER_KEY_EXCHANGE]: "ServerKeyExchange",
  [CERTIFICATE_REQUEST]: "CertificateRequest",
  [SERVER_HELLO_DONE]: "ServerHelloDone",
  [CERTIFICATE_VERIFY]: "CertificateVerify",
  [CLIENT_KEY_EXCHANGE]: "ClientKeyExchange",
  [FINISHED]: "Finished",
};

export const messageName = (type: number): string => NAMES[type] ?? `message ${type}`;

/** Octets of one handshake message's body, at most: a chain of ten certificates of RSA-4096 has some 20,000. */
export const MESSAGE_OCTETS_MAX = 1 << 16;

/** Pieces that a message is held in: a peer that sends it octet by octet costs copies now and then, not an object for each. */
const PIECES_MAX = 64;

export interface HandshakeMessage {
  readonly type: number;
  readonly body: Uint8Array;
  /** Header and body, as the transcript takes them. */
  readonly whole: Uint8Array;
}

/** A message with its header. */
export function frameMessage(type: number, body: Uint8Array): Buffer {
  const whole = Buffer.alloc(MESSAGE_HEADER_OCTETS + body.length);
  whole[0] = type;
  whole.writeUIntBE(body.length, 1, 3);
  whole.set(body, MESSAGE_HEADER_OCTETS);
  return whole;
}

/** Joins handshake messages out of the fragments in which records bring them. Bound: one message, `MESSAGE_OCTETS_MAX`, and one record. */
export class MessageReader {
  #pieces: Uint8Array[] = [];
  #held = 0;

  /** Part of a message has come and the rest has not: no other kind of record may follow (RFC 5246 §6.2.1). */
  get partial(): boolean {
    return this.#held > 0;
  }

  /** Copies `fragment`. */
  push(fragment: Uint8Array): void {
    this.#pieces.push(Buffer.from(fragment));
    this.#held += fragment.length;
    if (this.#pieces.length === PIECES_MAX) this.#join();
  }

  next(): HandshakeMessage | Fault | null {
    if (this.#held < MESSAGE_HEADER_OCTETS) return null;
    if (this.#pieces[0].length < MESSAGE_HEADER_OCTETS) this.#join();
    const [first] = this.#pieces;
    const length = first[1] * 0x1_0000 + first[2] * 256 + first[3];
    if (length > MESSAGE_OCTETS_MAX) {
      return fault("illegal_parameter", `${messageName(first[0])} of ${length} octets`);
    }
    const end = MESSAGE_HEADER_OCTETS + length;
    if (this.#held < end) return null;
    const joined = this.#join();
    const whole = joined.subarray(0, end);
    this.#pieces = end === joined.length ? [] : [joined.subarray(end)];
    this.#held -= end;
    return { type: whole[0], body: whole.subarray(MESSAGE_HEADER_OCTETS), whole };
  }

  clear(): void {
    for (const piece of this.#pieces) piece.fill(0);
    this.#pieces = [];
    this.#held = 0;
  }

  #join(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0];
  }
}
