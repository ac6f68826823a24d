// The eavesdropper of eavesdrop.ts: records what crosses a connection, and reads it afterwards with the server's private key.
// TLS_RSA_WITH_AES_128_GCM_SHA256 only, and node:crypto only: it shares no code with what it listens to.
import { constants, createDecipheriv, createHash, createHmac, privateDecrypt } from "node:crypto";
import type { Duplex } from "node:stream";

interface Piece {
  readonly from: "client" | "server";
  readonly octets: Buffer;
}

/** Both directions of one connection, in order. */
export class Recording {
  readonly pieces: Piece[] = [];

  /** The client's end of a connection, overheard. */
  of<T extends Duplex>(transport: T): T {
    const write = transport._write.bind(transport);
    transport._write = (chunk: Buffer, encoding, done) => {
      this.pieces.push({ from: "client", octets: Buffer.from(chunk) });
      write(chunk, encoding, done);
    };
    // Without it, every write goes through `_write`.
    Object.assign(transport, { _writev: null });
    transport.on("data", (chunk: Buffer) => this.pieces.push({ from: "server", octets: Buffer.from(chunk) }));
    return transport;
  }
}

const CHANGE_CIPHER_SPEC = 20,
  HANDSHAKE = 22,
  APPLICATION_DATA = 23;
const CLIENT_HELLO = 1,
  SERVER_HELLO = 2,
  CLIENT_KEY_EXCHANGE = 16;
const NONCE_OCTETS = 8,
  TAG_OCTETS = 16;

interface Handshake {
  readonly clientRandom: Buffer;
  readonly serverRandom: Buffer;
  /** The body of ClientKeyExchange. */
  readonly exchanged: Buffer;
  /** Everything up to it, hashed: RFC 7627. */
  readonly sessionHash: Buffer;
}

/** The application's text in both directions, as far as the key gives it away. */
export function readWithLeakedKey({ pieces }: Recording, privateKey: string): string[] {
  const handshake = readHandshake(pieces);
  const preMaster = unwrap(handshake.exchanged, privateKey);
  if (preMaster === null) return [];
  const master = prf(preMaster, "extended master secret", handshake.sessionHash, 48);
  const { clientRandom, serverRandom } = handshake;
  const keys = prf(master, "key expansion", Buffer.concat([serverRandom, clientRandom]), 40);
  return (["client", "server"] as const).map((from, at) => {
    const [key, salt] = [keys.subarray(16 * at, 16 * at + 16), keys.subarray(32 + 4 * at, 36 + 4 * at)];
    return decrypt(joined(pieces, from), key, salt);
  });
}

const joined = (pieces: readonly Piece[], from: Piece["from"]): Buffer =>
  Buffer.concat(pieces.filter((piece) => piece.from === from).map(({ octets }) => octets));

function* records(octets: Buffer): Generator<{ type: number; fragment: Buffer }> {
  for (let at = 0; at < octets.length;) {
    const end = at + 5 + octets.readUInt16BE(at + 3);
    yield { type: octets[at], fragment: octets.subarray(at + 5, end) };
    at = end;
  }
}

/** The handshake messages in the clear: the client's hello, the server's flight, the client's key exchange. */
function readHandshake(pieces: readonly Piece[]): Handshake {
  const messages = (from: Piece["from"]): { type: number; body: Buffer; whole: Buffer }[] => {
    const clear: Buffer[] = [];
    for (const { type, fragment } of records(joined(pieces, from))) {
      if (type === CHANGE_CIPHER_SPEC) break;
      if (type === HANDSHAKE) clear.push(fragment);
    }
    const octets = Buffer.concat(clear);
    const found = [];
    for (let at = 0; at < octets.length;) {
      const end = at + 4 + octets.readUIntBE(at + 1, 3);
      found.push({ type: octets[at], body: octets.subarray(at + 4, end), whole: octets.subarray(at, end) });
      at = end;
    }
    return found;
  };
  const [clients, servers] = [messages("client"), messages("server")];
  const bodyOf = (list: typeof clients, type: number): Buffer =>
    list.find((message) => message.type === type)?.body ?? Buffer.alloc(0);
  // The session ticket comes behind ClientKeyExchange, and is no part of the hash.
  const flight = servers.filter(({ type }) => type !== 4);
  const hash = createHash("sha256");
  for (const { whole } of [clients[0], ...flight, ...clients.slice(1)]) hash.update(whole);
  return {
    clientRandom: bodyOf(clients, CLIENT_HELLO).subarray(2, 34),
    serverRandom: bodyOf(servers, SERVER_HELLO).subarray(2, 34),
    exchanged: bodyOf(clients, CLIENT_KEY_EXCHANGE),
    sessionHash: hash.digest(),
  };
}

/** The pre-master secret; null where ClientKeyExchange holds something else, as with ECDHE. */
function unwrap(exchanged: Buffer, privateKey: string): Buffer | null {
  if (exchanged.length !== 2 + 256) return null;
  const key = { key: privateKey, padding: constants.RSA_NO_PADDING };
  return privateDecrypt(key, exchanged.subarray(2)).subarray(-48);
}

/** RFC 5246 §5. */
function prf(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const hmac = (octets: Buffer): Buffer => createHmac("sha256", secret).update(octets).digest();
  const labelled = Buffer.concat([Buffer.from(label), seed]);
  let a: Buffer = labelled;
  let out: Buffer = Buffer.alloc(0);
  while (out.length < length) {
    a = hmac(a);
    out = Buffer.concat([out, hmac(Buffer.concat([a, labelled]))]);
  }
  return out.subarray(0, length);
}

/** The text of all application data, RFC 5288: the tag is not even looked at. */
function decrypt(octets: Buffer, key: Buffer, salt: Buffer): string {
  let text = "";
  for (const { type, fragment } of records(octets)) {
    if (type !== APPLICATION_DATA) continue;
    const nonce = Buffer.concat([salt, fragment.subarray(0, NONCE_OCTETS)]);
    text += createDecipheriv("aes-128-gcm", key, nonce).update(fragment.subarray(NONCE_OCTETS, -TAG_OCTETS)).toString();
  }
  return text;
}
