import { createPublicKey } from "node:crypto";
import { expect, test } from "vitest";

import type { AlertName } from "../../src/tls/alert.ts";
import { RENEGOTIATION_REQUESTS_MAX } from "../../src/tls/connection.ts";
import { CHAIN_MAX, writeCertificates } from "../../src/tls/handshake/certificate-message.ts";
import type { ClientConfig } from "../../src/tls/handshake/client-config.ts";
import {
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  CLIENT_HELLO,
  FINISHED,
  frameMessage,
  HELLO_REQUEST,
  NEW_SESSION_TICKET,
  SERVER_HELLO,
  SERVER_HELLO_DONE,
  SERVER_KEY_EXCHANGE,
} from "../../src/tls/handshake/message.ts";
import { ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE } from "../../src/tls/record/record.ts";
import { clientEnd, type Endpoint, serverEnd, suiteNamed } from "./support/endpoint.ts";
import { identity } from "./support/fixtures.ts";
import { alertRecord, readMessages, readRecords, record } from "./support/wire.ts";

interface Message {
  readonly type: number;
  readonly body: Buffer;
}
type Flight = readonly Message[];
type Edit = (flight: Flight) => Flight;

const message = (type: number, hex = ""): Message => ({ type, body: Buffer.from(hex, "hex") });
const written = (flight: Flight): Buffer =>
  record(HANDSHAKE, Buffer.concat(flight.map(({ type, body }) => frameMessage(type, body))));

/** Changes the body of the message of that type. */
const edit =
  (type: number, change: (body: Buffer) => Buffer | undefined): Edit =>
  (flight) =>
    flight.map((one) => {
      if (one.type !== type) return one;
      const body = Buffer.from(one.body);
      return { type, body: change(body) ?? body };
    });
const without =
  (type: number): Edit =>
  (flight) =>
    flight.filter((one) => one.type !== type);
const before =
  (type: number, added: Message): Edit =>
  (flight) =>
    flight.flatMap((one) => (one.type === type ? [added, one] : [one]));

/** Where a ServerHello of ours ends its fixed part: version, random, an empty ID, suite, compression. */
const SUITE_AT = 35,
  COMPRESSION_AT = 37,
  EXTENSIONS_AT = 38;
const extensions = (hex: string): Edit =>
  edit(SERVER_HELLO, (body) => {
    const list = Buffer.from(hex, "hex");
    const length = Buffer.of(list.length >> 8, list.length & 0xff);
    return Buffer.concat([body.subarray(0, EXTENSIONS_AT), length, list]);
  });
const RENEGOTIATION_INFO = "ff01000100",
  EXTENDED_MASTER_SECRET = "00170000";

/** Where the modulus of our RSA certificate ends in the message that carries it. */
function modulusEnd(body: Buffer): number {
  const { n = "" } = createPublicKey(identity("rsa").key).export({ format: "jwk" });
  const modulus = Buffer.from(n, "base64url");
  return body.indexOf(modulus) + modulus.length;
}

type Case = readonly [what: string, alert: AlertName, edit: Edit, over?: Partial<ClientConfig>];

const RSA = { suites: [suiteNamed("AES128-GCM-SHA256")] };
const ECDHE = { suites: [suiteNamed("ECDHE-RSA-AES128-GCM-SHA256")] };

const CASES: readonly Case[] = [
  ["an empty ServerHello", "decode_error", edit(SERVER_HELLO, () => Buffer.alloc(0))],
  ["a ServerHello that was cut", "decode_error", edit(SERVER_HELLO, (body) => body.subarray(0, -1))],
  ["an octet behind ServerHello", "decode_error", edit(SERVER_HELLO, (body) => Buffer.concat([body, Buffer.of(0)]))],
  ["TLS 1.1", "protocol_version", edit(SERVER_HELLO, (body) => void (body[1] = 2))],
  ["TLS 1.3 by the old field", "protocol_version", edit(SERVER_HELLO, (body) => void (body[1] = 4))],
  [
    "RFC 8446 §4.1.3: the mark of a downgrade below TLS 1.2",
    "illegal_parameter",
    edit(SERVER_HELLO, (body) => void body.write("DOWNGRD\0", 26, "latin1")),
  ],
  [
    "a suite that was not offered",
    "illegal_parameter",
    edit(SERVER_HELLO, (body) => void body.writeUInt16BE(0x002f, SUITE_AT)),
  ],
  ["TLS_NULL_WITH_NULL_NULL", "illegal_parameter", edit(SERVER_HELLO, (body) => void body.writeUInt16BE(0, SUITE_AT))],
  ["a mark for a suite", "illegal_parameter", edit(SERVER_HELLO, (body) => void body.writeUInt16BE(0x5600, SUITE_AT))],
  ["compression", "illegal_parameter", edit(SERVER_HELLO, (body) => void (body[COMPRESSION_AT] = 1))],
  ["RFC 5746 §3.4: no renegotiation_info", "handshake_failure", extensions(EXTENDED_MASTER_SECRET)],
  ["no extensions at all", "handshake_failure", edit(SERVER_HELLO, (body) => body.subarray(0, EXTENSIONS_AT))],
  ["renegotiation_info that is not empty", "handshake_failure", extensions("ff0100020100")],
  ["malformed renegotiation_info", "decode_error", extensions("ff01000101")],
  [
    "RFC 5246 §7.4.1.4: an extension that was not offered",
    "unsupported_extension",
    extensions(`${RENEGOTIATION_INFO}000f000101`),
  ],
  [
    "supported_versions, which was not offered",
    "unsupported_extension",
    extensions(`${RENEGOTIATION_INFO}002b00020304`),
  ],
  ["an extension twice", "illegal_parameter", extensions(`${RENEGOTIATION_INFO}${RENEGOTIATION_INFO}`)],
  ["extended_master_secret with a body", "decode_error", extensions(`${RENEGOTIATION_INFO}0017000100`)],
  ["server_name with a body", "decode_error", extensions(`${RENEGOTIATION_INFO}0000000100`)],
  ["session_ticket with a body", "decode_error", extensions(`${RENEGOTIATION_INFO}0023000100`)],
  [
    "RFC 7301 §3.1: a protocol that was not offered",
    "illegal_parameter",
    extensions(`${RENEGOTIATION_INFO}0010000400020162`),
    { ...RSA, alpnProtocols: ["a"] },
  ],
  [
    "two protocols",
    "illegal_parameter",
    extensions(`${RENEGOTIATION_INFO}00100006000401610161`),
    { ...RSA, alpnProtocols: ["a"] },
  ],
  ["ALPN that was not asked for", "unsupported_extension", extensions(`${RENEGOTIATION_INFO}0010000400020161`)],
  [
    "RFC 7366 §3: encrypt_then_mac with an AEAD",
    "illegal_parameter",
    extensions(`${RENEGOTIATION_INFO}00160000`),
    { suites: [...RSA.suites, suiteNamed("AES128-SHA")] },
  ],
  [
    "RFC 6066 §4: another max_fragment_length",
    "illegal_parameter",
    extensions(`${RENEGOTIATION_INFO}0001000102`),
    { ...RSA, maxFragmentLength: 512 },
  ],
  [
    "RFC 8422 §5.2: point formats without uncompressed",
    "illegal_parameter",
    extensions(`${RENEGOTIATION_INFO}000b00020101`),
    ECDHE,
  ],
  ["ServerHello twice", "unexpected_message", (flight) => [flight[0], ...flight]],
  ["no ServerHello", "unexpected_message", without(SERVER_HELLO)],
  ["ClientHello from a server", "unexpected_message", before(SERVER_HELLO, message(CLIENT_HELLO))],
  ["no Certificate", "unexpected_message", without(CERTIFICATE)],
  ["an empty chain", "decode_error", edit(CERTIFICATE, () => writeCertificates([]))],
  ["a chain that was cut", "decode_error", edit(CERTIFICATE, (body) => body.subarray(0, -1))],
  ["an empty certificate", "decode_error", edit(CERTIFICATE, () => Buffer.from("000003000000", "hex"))],
  [
    "a certificate that is none",
    "bad_certificate",
    edit(CERTIFICATE, () => writeCertificates([Buffer.from("3003020101", "hex")])),
  ],
  [
    "a certificate with an even RSA modulus, which nothing can be encrypted with",
    "bad_certificate",
    edit(CERTIFICATE, (body) => void (body[modulusEnd(body) - 1] &= 0xfe)),
  ],
  [
    "a chain of eleven",
    "bad_certificate",
    edit(CERTIFICATE, () => writeCertificates(Array.from({ length: CHAIN_MAX + 1 }, () => identity("rsa").chain[0]))),
  ],
  [
    "a certificate of another kind of key than the suite names",
    "illegal_parameter",
    edit(CERTIFICATE, () => writeCertificates(identity("ecdsa").chain)),
  ],
  [
    "RFC 5246 §7.4.3: ServerKeyExchange with RSA key exchange",
    "unexpected_message",
    before(SERVER_HELLO_DONE, message(SERVER_KEY_EXCHANGE, "0300")),
  ],
  ["ECDHE without ServerKeyExchange", "unexpected_message", without(SERVER_KEY_EXCHANGE), ECDHE],
  ["an empty ServerKeyExchange", "decode_error", edit(SERVER_KEY_EXCHANGE, () => Buffer.alloc(0)), ECDHE],
  ["ServerKeyExchange that was cut", "decode_error", edit(SERVER_KEY_EXCHANGE, (body) => body.subarray(0, -1)), ECDHE],
  ["an explicit curve", "illegal_parameter", edit(SERVER_KEY_EXCHANGE, (body) => void (body[0] = 1)), ECDHE],
  [
    "a group that was not offered",
    "illegal_parameter",
    edit(SERVER_KEY_EXCHANGE, (body) => void (body[2] = 25)),
    ECDHE,
  ],
  ["an empty point", "decode_error", edit(SERVER_KEY_EXCHANGE, () => Buffer.from("03001d0004010000", "hex")), ECDHE],
  [
    "a point that was changed after it was signed",
    "decrypt_error",
    edit(SERVER_KEY_EXCHANGE, (body) => void (body[20] ^= 1)),
    ECDHE,
  ],
  [
    "a signature that was changed",
    "decrypt_error",
    edit(SERVER_KEY_EXCHANGE, (body) => void (body[body.length - 1] ^= 1)),
    ECDHE,
  ],
  [
    "RFC 5246 §7.4.1.4.1: a signature by SHA-1",
    "illegal_parameter",
    edit(SERVER_KEY_EXCHANGE, (body) => void body.writeUInt16BE(0x0201, 36)),
    ECDHE,
  ],
  [
    "a signature scheme for another kind of key",
    "illegal_parameter",
    edit(SERVER_KEY_EXCHANGE, (body) => void body.writeUInt16BE(0x0403, 36)),
    ECDHE,
  ],
  [
    "ServerKeyExchange twice",
    "unexpected_message",
    (flight) => flight.flatMap((one) => (one.type === SERVER_KEY_EXCHANGE ? [one, one] : [one])),
    ECDHE,
  ],
  ["a malformed CertificateRequest", "decode_error", before(SERVER_HELLO_DONE, message(CERTIFICATE_REQUEST, "00"))],
  [
    "CertificateRequest without schemes",
    "decode_error",
    before(SERVER_HELLO_DONE, message(CERTIFICATE_REQUEST, "010100000000")),
  ],
  [
    "CertificateRequest twice",
    "unexpected_message",
    (flight) =>
      before(
        SERVER_HELLO_DONE,
        message(CERTIFICATE_REQUEST, "0101000204010000"),
      )(before(SERVER_HELLO_DONE, message(CERTIFICATE_REQUEST, "0101000204010000"))(flight)),
  ],
  ["ServerHelloDone with a body", "decode_error", edit(SERVER_HELLO_DONE, () => Buffer.of(0))],
  [
    "Finished in place of ServerHelloDone",
    "unexpected_message",
    before(SERVER_HELLO_DONE, message(FINISHED, "00".repeat(12))),
  ],
  [
    "NewSessionTicket before its time",
    "unexpected_message",
    before(SERVER_HELLO_DONE, message(NEW_SESSION_TICKET, "000000000000")),
  ],
  ["HelloRequest with a body", "decode_error", before(SERVER_HELLO_DONE, message(HELLO_REQUEST, "00"))],
  [
    "HelloRequests without end",
    "handshake_failure",
    (flight) => [...Array.from({ length: RENEGOTIATION_REQUESTS_MAX + 1 }, () => message(HELLO_REQUEST)), ...flight],
  ],
  ["a message of unknown type", "unexpected_message", before(SERVER_HELLO_DONE, message(99))],
];

/** The last record that `client` wrote is this fatal alert in the clear, and it is over. */
function expectRefused(client: Endpoint, alert: AlertName): void {
  const last = readRecords(client.take()).at(-1);
  expect(client.failures).toMatchObject([{ kind: "fault", alert }]);
  expect(last).toMatchObject({ type: ALERT });
  expect(last?.fragment[0]).toBe(2);
  client.feed(Buffer.alloc(100_000, 0x16));
  expect(client.take()).toHaveLength(0);
  expect(client.failures).toHaveLength(1);
  expect(client.keyLog).toEqual([]);
}

const begin = (over: Partial<ClientConfig> = RSA) => {
  const client = clientEnd(over);
  const server = serverEnd();
  server.feed(client.take());
  return { client, server, flight: readMessages(server.take()) };
};

test.for(CASES)("%s: %s", ([, alert, change, over]) => {
  const { client, flight } = begin(over);
  client.feed(written(change(flight)));
  expectRefused(client, alert);
});

test("what is odd and legal: messages octet by octet, HelloRequest inside the handshake, TLS 1.3's mark", () => {
  const { client, flight } = begin();
  const odd = before(SERVER_HELLO_DONE, message(HELLO_REQUEST))(flight);
  for (const octet of written(odd).subarray(5)) client.feed(record(HANDSHAKE, Buffer.of(octet)));
  expect(client.failures).toEqual([]);
  expect(client.keyLog).toHaveLength(1);
  const newer = begin();
  newer.client.feed(written(edit(SERVER_HELLO, (body) => void body.write("DOWNGRD\x01", 26, "latin1"))(newer.flight)));
  expect(newer.client.failures).toEqual([]);
});

test.for([
  [
    "ChangeCipherSpec before the ticket that was announced",
    "unexpected_message",
    () => record(CHANGE_CIPHER_SPEC, Buffer.of(1)),
  ],
  ["Finished in the clear", "unexpected_message", () => written([message(FINISHED, "00".repeat(12))])],
  ["application data", "unexpected_message", () => record(APPLICATION_DATA, Buffer.of(1))],
  ["a malformed ticket", "decode_error", () => written([message(NEW_SESSION_TICKET, "0000000000")])],
  [
    "the ticket twice",
    "unexpected_message",
    () => written([message(NEW_SESSION_TICKET, "000000000000"), message(NEW_SESSION_TICKET, "000000000000")]),
  ],
] as const)("behind the client's Finished, %s: %s", ([, alert, octets]) => {
  const { client, flight } = begin();
  client.feed(written(flight));
  client.take();
  client.feed(octets());
  expect(client.failures).toMatchObject([{ kind: "fault", alert }]);
});

test("RFC 5246 §7.2.2: a fatal alert in place of ServerHello is told by its name, and nothing answers it", () => {
  const client = clientEnd();
  client.take();
  client.feed(alertRecord(2, "handshake_failure"));
  expect(client.failures).toEqual([{ kind: "alert", alert: "handshake_failure" }]);
  expect(client.take()).toHaveLength(0);
});

test("RFC 5246 §7.4.9: a server that does not have the private key cannot finish", () => {
  const { client, flight } = begin();
  client.feed(written(flight));
  client.take();
  client.feed(written([message(NEW_SESSION_TICKET, "000000000000")]));
  client.feed(record(CHANGE_CIPHER_SPEC, Buffer.of(1)));
  client.feed(record(HANDSHAKE, Buffer.alloc(40, 7)));
  expect(client.failures).toMatchObject([{ kind: "fault", alert: "bad_record_mac" }]);
});
