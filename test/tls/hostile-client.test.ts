import { expect, test } from "vitest";

import type { AlertName } from "../../src/tls/alert.ts";
import { EMPTY_RECORDS_MAX, RENEGOTIATION_REQUESTS_MAX, WARNINGS_MAX } from "../../src/tls/connection.ts";
import {
  ALPN,
  EC_POINT_FORMATS,
  ENCRYPT_THEN_MAC,
  EXTENDED_MASTER_SECRET,
  MAX_FRAGMENT_LENGTH,
  RENEGOTIATION_INFO,
  SERVER_NAME,
  SIGNATURE_ALGORITHMS,
  SUPPORTED_GROUPS,
  SUPPORTED_VERSIONS,
  ExtensionWriter,
} from "../../src/tls/handshake/extensions.ts";
import {
  CERTIFICATE,
  CERTIFICATE_VERIFY,
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  FINISHED,
  frameMessage,
  HELLO_REQUEST,
  MESSAGE_OCTETS_MAX,
  SERVER_HELLO,
  SERVER_HELLO_DONE,
} from "../../src/tls/handshake/message.ts";
import { ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, PLAINTEXT_MAX } from "../../src/tls/record/record.ts";
import { FALLBACK_SCSV } from "../../src/tls/suites.ts";
import { serverEnd } from "./support/endpoint.ts";
import { HandClient, plainExtensions } from "./support/hand-client.ts";
import { alertRecord, record } from "./support/wire.ts";

type Attack = (client: HandClient) => unknown;
type Case = readonly [what: string, alert: AlertName, attack: Attack];

const extend = (type: number, hex: string): ExtensionWriter =>
  plainExtensions().add(type, (body) => body.octets(Buffer.from(hex, "hex")));
const offering =
  (type: number, hex: string): Attack =>
  (client) =>
    client.hello({ extensions: extend(type, hex) });
const rawHello = (hex: string): Buffer => frameMessage(CLIENT_HELLO, Buffer.from(hex, "hex"));
const RANDOM = "c1".repeat(32);

/** One attack: the server sends exactly this fatal alert, tells of it once, and is deaf afterwards. */
function expectRefused(alert: AlertName, attack: Attack, client = new HandClient(serverEnd())): void {
  attack(client);
  expect(client.alerts()).toEqual([`fatal ${alert}`]);
  expect(client.server.failures).toMatchObject([{ kind: "fault", alert }]);
  expect(client.server.connection.isOpen).toBe(false);
  client.server.feed(record(HANDSHAKE, rawHello("0303"))).feed(Buffer.alloc(100_000, 0x16));
  expect(client.server.take()).toHaveLength(0);
  expect(client.server.failures).toHaveLength(1);
  expect(client.server.connection.held).toBe(0);
}

const RECORDS: readonly Case[] = [
  ["RFC 5246 §6.2.1: a type of 0", "unexpected_message", (c) => c.raw(record(0, Buffer.alloc(4)))],
  ["RFC 5246 §6.2.1: a type of 19", "unexpected_message", (c) => c.raw(record(19, Buffer.alloc(4)))],
  ["RFC 6520: a heartbeat", "unexpected_message", (c) => c.raw(record(24, Buffer.of(1, 0xff, 0xff)))],
  ["an HTTP request", "unexpected_message", (c) => c.raw(Buffer.from("GET / HTTP/1.1\r\n\r\n"))],
  ["a hello of SSL 2.0", "unexpected_message", (c) => c.raw(Buffer.from("802e0100020015", "hex"))],
  [
    "RFC 5246 appendix E.1: a version of 2.0",
    "protocol_version",
    (c) => c.raw(record(HANDSHAKE, Buffer.alloc(4), 0x0200)),
  ],
  ["a version of 4.3", "protocol_version", (c) => c.raw(record(HANDSHAKE, Buffer.alloc(4), 0x0403))],
  ["RFC 5246 §6.2.3: a record of 2^14 + 2049 octets", "record_overflow", (c) => c.raw(Buffer.of(22, 3, 1, 0x48, 0x01))],
  ["a record of 65,535 octets", "record_overflow", (c) => c.raw(Buffer.of(22, 3, 1, 0xff, 0xff))],
  [
    "RFC 5246 §6.2.1: text of 2^14 + 1 octets",
    "record_overflow",
    (c) => c.raw(record(HANDSHAKE, Buffer.alloc(PLAINTEXT_MAX + 1))),
  ],
  [
    "RFC 5246 §6.2.1: an empty handshake record",
    "unexpected_message",
    (c) => c.raw(record(HANDSHAKE, Buffer.alloc(0))),
  ],
  ["RFC 5246 §6.2.1: an empty alert", "unexpected_message", (c) => c.raw(record(ALERT, Buffer.alloc(0)))],
  ["an alert of one octet", "decode_error", (c) => c.raw(record(ALERT, Buffer.of(1)))],
  ["an alert of three octets", "decode_error", (c) => c.raw(record(ALERT, Buffer.of(1, 90, 0)))],
  ["an alert of level 0", "illegal_parameter", (c) => c.raw(record(ALERT, Buffer.of(0, 90)))],
  ["an alert of level 3", "illegal_parameter", (c) => c.raw(record(ALERT, Buffer.of(3, 90)))],
  ["application data before anything", "unexpected_message", (c) => c.raw(record(APPLICATION_DATA, Buffer.of(1)))],
  [
    "empty application data before anything",
    "unexpected_message",
    (c) => c.raw(record(APPLICATION_DATA, Buffer.alloc(0))),
  ],
  ["ChangeCipherSpec before anything", "unexpected_message", (c) => c.changeCipherSpec()],
  [
    "an alert inside a message",
    "unexpected_message",
    (c) => c.raw(record(HANDSHAKE, Buffer.of(1, 0))).raw(alertRecord(1, "user_canceled")),
  ],
  [
    "ChangeCipherSpec inside a message",
    "unexpected_message",
    (c) =>
      c
        .hello()
        .raw(record(HANDSHAKE, Buffer.of(16, 0, 1)))
        .changeCipherSpec(),
  ],
  [
    "application data inside a message",
    "unexpected_message",
    (c) => c.raw(record(HANDSHAKE, Buffer.of(1, 0))).raw(record(APPLICATION_DATA, Buffer.of(1))),
  ],
  [
    "a record of another version once that is agreed on",
    "protocol_version",
    (c) => c.hello().raw(record(HANDSHAKE, Buffer.of(16, 0, 0, 0), 0x0301)),
  ],
  [
    "warnings without end",
    "unexpected_message",
    (c) => Array.from({ length: WARNINGS_MAX + 1 }, () => c.raw(alertRecord(1, "user_canceled"))),
  ],
  [
    "a message of 2^24 - 1 octets",
    "illegal_parameter",
    (c) => c.raw(record(HANDSHAKE, Buffer.of(1, 0xff, 0xff, 0xff))),
  ],
  ["a message just above the bound", "illegal_parameter", (c) => c.raw(record(HANDSHAKE, Buffer.of(1, 1, 0, 1)))],
];

const HELLOS: readonly Case[] = [
  ["an empty ClientHello", "decode_error", (c) => c.say(CLIENT_HELLO, Buffer.alloc(0))],
  [
    "a ClientHello that ends in its random",
    "decode_error",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM.slice(2)}`, "hex")),
  ],
  [
    "RFC 5246 §7.4.1.2: a session ID of 33 octets",
    "decode_error",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}21${"00".repeat(33)}0002009c0100`, "hex")),
  ],
  ["no cipher suites", "decode_error", (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}0000000100`, "hex"))],
  [
    "half a cipher suite",
    "decode_error",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}000003009c000100`, "hex")),
  ],
  [
    "no compression methods",
    "decode_error",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}000002009c00`, "hex")),
  ],
  [
    "RFC 5246 §7.4.1.2: no null compression",
    "illegal_parameter",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}000002009c0101`, "hex")),
  ],
  [
    "an octet behind the extensions",
    "decode_error",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}000002009c0100000000`, "hex")),
  ],
  [
    "extensions longer than the message",
    "decode_error",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}000002009c01000009001700`, "hex")),
  ],
  [
    "an extension longer than the list",
    "decode_error",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}000002009c0100000400170001`, "hex")),
  ],
  [
    "RFC 5246 §7.4.1.4: an extension twice",
    "illegal_parameter",
    (c) => c.say(CLIENT_HELLO, Buffer.from(`0303${RANDOM}000002009c010000080017000000170000`, "hex")),
  ],
  [
    "65 extensions",
    "illegal_parameter",
    (c) =>
      c.hello({
        extensions: Array.from({ length: 65 }, (_, at) => 0x5000 + at).reduce(
          (writer, type) => writer.add(type),
          plainExtensions(),
        ),
      }),
  ],
  ["RFC 5246 appendix E.1: SSL 3.0 only", "protocol_version", (c) => c.hello({ version: 0x0300 })],
  ["TLS 1.0 only", "protocol_version", (c) => c.hello({ version: 0x0301 })],
  ["TLS 1.1 only", "protocol_version", (c) => c.hello({ version: 0x0302 })],
  [
    "RFC 7507 §3: TLS 1.1 with the fallback's mark",
    "inappropriate_fallback",
    (c) => c.hello({ version: 0x0302, suites: [0x9c, FALLBACK_SCSV] }),
  ],
  ["RFC 8446 §4.2.1: TLS 1.3 only", "protocol_version", offering(SUPPORTED_VERSIONS, "020304")],
  ["malformed supported_versions", "decode_error", offering(SUPPORTED_VERSIONS, "030304")],
  ["no suite in common", "handshake_failure", (c) => c.hello({ suites: [0x1301, 0x000a] })],
  ["nothing but a mark for a suite", "handshake_failure", (c) => c.hello({ suites: [0x00ff] })],
  [
    "RFC 5246 §7.4.1.4.1: ECDHE without signature_algorithms, which means SHA-1",
    "handshake_failure",
    (c) => c.hello({ suites: [0xc02f] }),
  ],
  [
    "ECDHE with signature schemes of another kind of key",
    "handshake_failure",
    (c) => c.hello({ suites: [0xc02f], extensions: extend(SIGNATURE_ALGORITHMS, "00020403") }),
  ],
  [
    "ECDHE with SHA-1 alone",
    "handshake_failure",
    (c) => c.hello({ suites: [0xc02f], extensions: extend(SIGNATURE_ALGORITHMS, "00020201") }),
  ],
  [
    "ECDHE with groups that are not spoken",
    "handshake_failure",
    (c) =>
      c.hello({
        suites: [0xc02f],
        extensions: extend(SIGNATURE_ALGORITHMS, "00020401").add(SUPPORTED_GROUPS, (body) =>
          body.octets(Buffer.from("00020100", "hex")),
        ),
      }),
  ],
  [
    "RFC 5746 §3.6: renegotiation_info that is not empty",
    "handshake_failure",
    (c) =>
      c.hello({
        extensions: new ExtensionWriter()
          .add(EXTENDED_MASTER_SECRET)
          .add(RENEGOTIATION_INFO, (body) => body.octets(Buffer.from("0c" + "00".repeat(12), "hex"))),
      }),
  ],
  [
    "renegotiation_info without its length",
    "decode_error",
    (c) => c.hello({ extensions: new ExtensionWriter().add(EXTENDED_MASTER_SECRET).add(RENEGOTIATION_INFO) }),
  ],
  ["RFC 8422 §5.1.2: point formats without uncompressed", "illegal_parameter", offering(EC_POINT_FORMATS, "0101")],
  ["empty point formats", "decode_error", offering(EC_POINT_FORMATS, "00")],
  ["empty supported_groups", "decode_error", offering(SUPPORTED_GROUPS, "0000")],
  ["half a group", "decode_error", offering(SUPPORTED_GROUPS, "000300")],
  ["empty signature_algorithms", "decode_error", offering(SIGNATURE_ALGORITHMS, "0000")],
  ["half a signature scheme", "decode_error", offering(SIGNATURE_ALGORITHMS, "0003040104")],
  [
    "extended_master_secret with a body",
    "decode_error",
    (c) => c.hello({ extensions: new ExtensionWriter().add(EXTENDED_MASTER_SECRET, (body) => body.uint(1, 0)) }),
  ],
  ["encrypt_then_mac with a body", "decode_error", offering(ENCRYPT_THEN_MAC, "00")],
  ["RFC 6066 §4: max_fragment_length 0", "illegal_parameter", offering(MAX_FRAGMENT_LENGTH, "00")],
  ["max_fragment_length 5", "illegal_parameter", offering(MAX_FRAGMENT_LENGTH, "05")],
  ["max_fragment_length of two octets", "decode_error", offering(MAX_FRAGMENT_LENGTH, "0101")],
  ["RFC 6066 §3: an empty list of server names", "decode_error", offering(SERVER_NAME, "0000")],
  ["an empty server name", "decode_error", offering(SERVER_NAME, "0003000000")],
  ["a server name longer than its list", "decode_error", offering(SERVER_NAME, "000400000261")],
  ["two server names", "illegal_parameter", offering(SERVER_NAME, "00080000016100000162")],
  ["a server name with a zero", "illegal_parameter", offering(SERVER_NAME, "00060000036100" + "62")],
  ["RFC 7301 §3.1: an empty list of application protocols", "decode_error", offering(ALPN, "0000")],
  ["an empty application protocol", "decode_error", offering(ALPN, "000100")],
  ["an application protocol longer than its list", "decode_error", offering(ALPN, "0003056832")],
];

const ORDER: readonly Case[] = [
  ["HelloRequest from a client", "unexpected_message", (c) => c.say(HELLO_REQUEST, Buffer.alloc(0))],
  ["ServerHello from a client", "unexpected_message", (c) => c.say(SERVER_HELLO, Buffer.alloc(70))],
  ["a message of unknown type", "unexpected_message", (c) => c.say(99, Buffer.alloc(3))],
  ["ClientKeyExchange before ClientHello", "unexpected_message", (c) => c.say(CLIENT_KEY_EXCHANGE, Buffer.alloc(258))],
  ["Finished before ClientHello", "unexpected_message", (c) => c.say(FINISHED, Buffer.alloc(12))],
  ["ClientHello twice", "unexpected_message", (c) => c.hello().hello()],
  ["Certificate that was not asked for", "unexpected_message", (c) => c.hello().say(CERTIFICATE, Buffer.of(0, 0, 0))],
  ["ServerHelloDone from a client", "unexpected_message", (c) => c.hello().say(SERVER_HELLO_DONE, Buffer.alloc(0))],
  [
    "CVE-2014-0224: ChangeCipherSpec before the key exchange",
    "unexpected_message",
    (c) => c.hello().changeCipherSpec(),
  ],
  [
    "Finished in the clear before the key exchange",
    "unexpected_message",
    (c) => c.hello().say(FINISHED, Buffer.alloc(12)),
  ],
  ["ClientKeyExchange twice", "unexpected_message", (c) => c.hello().keyExchange().keyExchange()],
  [
    "CertificateVerify without a certificate",
    "unexpected_message",
    (c) => c.hello().keyExchange().say(CERTIFICATE_VERIFY, Buffer.from("040100020000", "hex")),
  ],
  ["Finished in the clear", "unexpected_message", (c) => c.hello().keyExchange().say(FINISHED, Buffer.alloc(12))],
  [
    "application data in place of ChangeCipherSpec",
    "unexpected_message",
    (c) =>
      c
        .hello()
        .keyExchange()
        .raw(record(APPLICATION_DATA, Buffer.of(1))),
  ],
  ["ChangeCipherSpec twice", "bad_record_mac", (c) => c.hello().keyExchange().changeCipherSpec().changeCipherSpec()],
  [
    "RFC 5246 §7.1: ChangeCipherSpec of 2",
    "decode_error",
    (c) => c.hello().keyExchange().changeCipherSpec(Buffer.of(2)),
  ],
  ["an empty ChangeCipherSpec", "decode_error", (c) => c.hello().keyExchange().changeCipherSpec(Buffer.alloc(0))],
  ["ChangeCipherSpec of two octets", "decode_error", (c) => c.hello().keyExchange().changeCipherSpec(Buffer.of(1, 1))],
  [
    "application data before Finished",
    "unexpected_message",
    (c) =>
      c
        .hello()
        .keyExchange()
        .changeCipherSpec()
        .raw(c.seal(APPLICATION_DATA, Buffer.of(1))),
  ],
  [
    "an alert in the clear where Finished is due",
    "bad_record_mac",
    (c) => c.hello().keyExchange().changeCipherSpec().raw(alertRecord(2, "handshake_failure")),
  ],
];

const EXCHANGES: readonly Case[] = [
  ["ClientKeyExchange without a length", "decode_error", (c) => c.hello().say(CLIENT_KEY_EXCHANGE, Buffer.alloc(0))],
  [
    "ClientKeyExchange longer than it says",
    "decode_error",
    (c) => c.hello().say(CLIENT_KEY_EXCHANGE, Buffer.of(0, 1, 1, 1)),
  ],
  [
    "ClientKeyExchange shorter than it says",
    "decode_error",
    (c) => c.hello().say(CLIENT_KEY_EXCHANGE, Buffer.of(1, 0, 1)),
  ],
  [
    "RFC 5246 §7.4.9: Finished with another hash",
    "decrypt_error",
    (c) => c.hello().keyExchange().changeCipherSpec().finished(Buffer.alloc(12, 7)),
  ],
  [
    "Finished with its last bit turned",
    "decrypt_error",
    (c) => {
      c.hello().keyExchange().changeCipherSpec();
      const data = c.verifyData();
      data[11] ^= 1;
      c.finished(data);
    },
  ],
  [
    "Finished of 11 octets",
    "decode_error",
    (c) => {
      c.hello().keyExchange().changeCipherSpec();
      c.finished(c.verifyData().subarray(0, 11));
    },
  ],
  [
    "Finished of 13 octets",
    "decode_error",
    (c) => {
      c.hello().keyExchange().changeCipherSpec();
      c.finished(Buffer.concat([c.verifyData(), Buffer.of(0)]));
    },
  ],
  [
    "an empty Finished",
    "decode_error",
    (c) => {
      c.hello().keyExchange().changeCipherSpec();
      c.finished(Buffer.alloc(0));
    },
  ],
  [
    "Finished sealed and then tampered with",
    "bad_record_mac",
    (c) => {
      c.hello().keyExchange().changeCipherSpec();
      const sealed = c.seal(HANDSHAKE, frameMessage(FINISHED, c.verifyData()));
      sealed[sealed.length - 1] ^= 1;
      c.raw(sealed);
    },
  ],
  [
    "a record too short for its tag",
    "bad_record_mac",
    (c) =>
      c
        .hello()
        .keyExchange()
        .changeCipherSpec()
        .raw(record(HANDSHAKE, Buffer.alloc(23))),
  ],
  [
    "an empty record under keys",
    "bad_record_mac",
    (c) =>
      c
        .hello()
        .keyExchange()
        .changeCipherSpec()
        .raw(record(HANDSHAKE, Buffer.alloc(0))),
  ],
];

const OPEN: readonly Case[] = [
  [
    "a record that was tampered with",
    "bad_record_mac",
    (c) => {
      const sealed = c.complete().seal(APPLICATION_DATA, Buffer.from("hi"));
      sealed[9] ^= 1;
      c.raw(sealed);
    },
  ],
  [
    "a record that says another type than was sealed",
    "bad_record_mac",
    (c) => {
      const sealed = c.complete().seal(APPLICATION_DATA, Buffer.from("hi"));
      sealed[0] = HANDSHAKE;
      c.raw(sealed);
    },
  ],
  [
    "a record that was sealed as the one before",
    "bad_record_mac",
    (c) => {
      const sealed = c.complete().seal(APPLICATION_DATA, Buffer.from("hi"));
      c.raw(sealed).raw(sealed);
    },
  ],
  [
    "a record that was left out",
    "bad_record_mac",
    (c) => {
      c.complete().seal(APPLICATION_DATA, Buffer.from("1"));
      c.raw(c.seal(APPLICATION_DATA, Buffer.from("2")));
    },
  ],
  [
    "application data in the clear",
    "bad_record_mac",
    (c) => c.complete().raw(record(APPLICATION_DATA, Buffer.from("hi"))),
  ],
  [
    "RFC 5246 §6.2.1: text of 2^14 + 1 octets, sealed",
    "record_overflow",
    (c) => c.complete().raw(c.seal(APPLICATION_DATA, Buffer.alloc(PLAINTEXT_MAX + 1))),
  ],
  ["an empty alert, sealed", "unexpected_message", (c) => c.complete().raw(c.seal(ALERT, Buffer.alloc(0)))],
  ["ChangeCipherSpec again", "unexpected_message", (c) => c.complete().raw(c.seal(CHANGE_CIPHER_SPEC, Buffer.of(1)))],
  [
    "Finished again",
    "unexpected_message",
    (c) => c.complete().raw(c.seal(HANDSHAKE, frameMessage(FINISHED, Buffer.alloc(12)))),
  ],
  [
    "HelloRequest to a server",
    "unexpected_message",
    (c) => c.complete().raw(c.seal(HANDSHAKE, frameMessage(HELLO_REQUEST, Buffer.alloc(0)))),
  ],
  [
    "empty records without end",
    "unexpected_message",
    (c) => {
      c.complete();
      for (let i = 0; i <= EMPTY_RECORDS_MAX; i++) c.raw(c.seal(APPLICATION_DATA, Buffer.alloc(0)));
    },
  ],
  [
    "warnings without end, sealed",
    "unexpected_message",
    (c) => {
      c.complete();
      for (let i = 0; i <= WARNINGS_MAX; i++) c.raw(c.seal(ALERT, Buffer.of(1, 90)));
    },
  ],
  [
    "data inside a message",
    "unexpected_message",
    (c) => {
      c.complete()
        .raw(c.seal(HANDSHAKE, Buffer.of(1, 0)))
        .raw(c.seal(APPLICATION_DATA, Buffer.of(1)));
    },
  ],
];

test.for([...RECORDS, ...HELLOS, ...ORDER, ...EXCHANGES, ...OPEN])("%s: %s", ([, alert, attack]) => {
  expectRefused(alert, attack);
});

/** The padding defects and the lengths that an attacker of RFC 5246 §7.4.7.1 would tell apart. */
const CIPHERTEXTS: readonly (readonly [string, (client: HandClient) => Buffer])[] = [
  ["another version in the secret", (c) => c.wrap(c.block((block) => (block[256 - 47] = 2)))],
  ["TLS 1.0 in the secret", (c) => c.wrap(c.block((block) => (block[256 - 47] = 1)))],
  ["block type 1", (c) => c.wrap(c.block((block) => (block[1] = 1)))],
  ["a first octet that is not 0", (c) => c.wrap(c.block((block) => (block[0] = 1)))],
  ["no zero behind the padding", (c) => c.wrap(c.block((block) => (block[256 - 49] = 1)))],
  ["a zero early in the padding", (c) => c.wrap(c.block((block) => (block[5] = 0)))],
  ["a zero late in the padding", (c) => c.wrap(c.block((block) => (block[180] = 0)))],
  ["a secret of another length", (c) => c.wrap(c.block((block) => (block[256 - 60] = 0)))],
  ["nothing but zeros inside", (c) => c.wrap(Buffer.alloc(256))],
  ["a short ciphertext", () => Buffer.alloc(255, 1)],
  ["an empty ciphertext", () => Buffer.alloc(0)],
  ["a long ciphertext", () => Buffer.alloc(257, 1)],
  ["a ciphertext above the modulus", () => Buffer.alloc(256, 0xff)],
  ["a ciphertext of zeros", () => Buffer.alloc(256)],
  ["a good ciphertext of another secret", (c) => c.wrap(c.block((block) => (block[255] ^= 1)))],
];

test.for(CIPHERTEXTS)("RFC 5246 §7.4.7.1: with %s nothing is said until Finished cannot be opened", ([, wrapped]) => {
  const client = new HandClient(serverEnd());
  client.hello().keyExchange(wrapped(client));
  expect(client.alerts()).toEqual([]);
  expect(client.server.failures).toEqual([]);
  expectRefused("bad_record_mac", () => client.changeCipherSpec().finished(), client);
});

const renegotiate = (client: HandClient): HandClient =>
  client.raw(client.seal(HANDSHAKE, rawHello(`0303${RANDOM}000002009c0100`)));

test("RFC 5746 §4.5: a renegotiation is refused by a warning, and the connection goes on", () => {
  const client = new HandClient(serverEnd()).complete();
  renegotiate(client);
  expect(client.alerts()).toEqual(["warning no_renegotiation"]);
  client.raw(client.seal(APPLICATION_DATA, Buffer.from("still here")));
  expect(client.server.text.toString()).toBe("still here");
});

test("renegotiation that is asked for again and again ends the connection", () => {
  const client = new HandClient(serverEnd()).complete();
  for (let i = 0; i < RENEGOTIATION_REQUESTS_MAX; i++) renegotiate(client);
  expect(client.alerts()).toHaveLength(RENEGOTIATION_REQUESTS_MAX);
  expectRefused("handshake_failure", renegotiate, client);
});

test("RFC 5246 §7.2: a fatal alert of the peer ends the connection without an answer", () => {
  const early = new HandClient(serverEnd()).hello().raw(alertRecord(2, "unknown_ca"));
  expect(early.alerts()).toEqual([]);
  expect(early.server.failures).toEqual([{ kind: "alert", alert: "unknown_ca" }]);
  const late = new HandClient(serverEnd()).complete();
  late.raw(late.seal(ALERT, Buffer.of(2, 255)));
  expect(late.server.failures).toEqual([{ kind: "alert", alert: "alert_255" }]);
});

test("RFC 5246 §7.2.1: close_notify is an end, and octets that end without it are cut off", () => {
  const closed = new HandClient(serverEnd()).complete();
  closed.raw(Buffer.concat([closed.seal(ALERT, Buffer.of(1, 0)), Buffer.alloc(50_000)]));
  closed.raw(record(HANDSHAKE, Buffer.of(1, 2, 3)));
  expect(closed.server.connection.held).toBe(0);
  closed.server.connection.inputEnded();
  expect(closed.server.ends).toBe(1);
  expect(closed.server.failures).toEqual([]);
  closed.server.connection.end();
  expect(closed.alerts()).toEqual(["warning close_notify"]);
  const cut = new HandClient(serverEnd()).complete();
  cut.server.connection.inputEnded();
  expect(cut.server.failures).toEqual([{ kind: "truncated" }]);
});

test("legal and odd: unknown extensions, suites and versions, messages octet by octet, empty records, warnings", () => {
  const client = new HandClient(serverEnd());
  client.hello({
    version: 0x0399,
    suites: [0x0a0a, 0x1301, 0x009c, 0xffff],
    sessionId: Buffer.alloc(32, 5),
    extensions: extend(0x0a0a, "00"),
  });
  client.preMaster[1] = 0x99; // The version of ClientHello, whatever was agreed on.
  client.raw(alertRecord(1, "user_canceled"));
  const whole = frameMessage(CLIENT_KEY_EXCHANGE, Buffer.concat([Buffer.of(1, 0), client.wrap(client.block())]));
  for (const octet of whole.subarray(0, -1)) client.raw(record(HANDSHAKE, Buffer.of(octet)));
  expect(client.alerts()).toEqual([]);
  expect(client.server.failures).toEqual([]);
});

test("a peer that sends half a record, or half a message, makes nothing grow beyond it", () => {
  const half = new HandClient(serverEnd());
  half.raw(record(HANDSHAKE, Buffer.alloc(PLAINTEXT_MAX)).subarray(0, 9000));
  expect(half.server.connection.held).toBe(9000);
  const messages = new HandClient(serverEnd());
  const long = Buffer.alloc(MESSAGE_OCTETS_MAX + 4);
  long[0] = CLIENT_HELLO;
  long.writeUIntBE(MESSAGE_OCTETS_MAX, 1, 3);
  for (let at = 0; at < long.length; at += 1000) messages.raw(record(HANDSHAKE, long.subarray(at, at + 1000)));
  expect(messages.alerts()).toEqual(["fatal decode_error"]);
});
