import { execFileSync } from "node:child_process";
import { createCipheriv, createHmac } from "node:crypto";
import { expect, test } from "vitest";

import { makeOpener, makeSealer } from "../../../src/tls/keys/key-schedule.ts";
import type { ContentType } from "../../../src/tls/record/record.ts";
import { CIPHER_SUITES, type CipherSuite } from "../../../src/tls/suites.ts";
import { seededOctets } from "../support/endpoint.ts";

/** Record protection against records made by hand: AEADs by node:crypto, CBC by `openssl enc`, both anchored in NIST's vectors. */
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const ENCRYPTION_KEY = hex("feffe9928665731c6d6a8f946730830800112233445566778899aabbccddeeff");
const MAC_KEY = hex("a0".repeat(32));
const IV = hex("cafebabefacedbaddecaf888");

function gcm(key: Buffer, nonce: Buffer, authenticated: Buffer, text: Buffer): string {
  const cipher = createCipheriv(key.length === 16 ? "aes-128-gcm" : "aes-256-gcm", key, nonce);
  cipher.setAAD(authenticated);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString("hex");
}

function chacha(key: Buffer, nonce: Buffer, authenticated: Buffer, text: Buffer): string {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(authenticated, { plaintextLength: text.length });
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString("hex");
}

function cbc(key: Buffer, iv: Buffer, text: Buffer): string {
  const args = ["enc", `-aes-${8 * key.length}-cbc`, "-K", key.toString("hex"), "-iv", iv.toString("hex"), "-nopad"];
  return execFileSync("openssl", args, { input: text }).toString("hex");
}

test("NIST, the GCM specification's test case 4, and SP 800-38A F.2.1: the oracles are right", () => {
  const text =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
  const authenticated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
  expect(gcm(ENCRYPTION_KEY.subarray(0, 16), IV, hex(authenticated), hex(text))).toBe(
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091" +
      "5bc94fbc3221a5db94fae95ae7121a47",
  );
  const key = hex("2b7e151628aed2a6abf7158809cf4f3c");
  expect(cbc(key, hex("000102030405060708090a0b0c0d0e0f"), hex("6bc1bee22e409f96e93d7e117393172a"))).toBe(
    "7649abac8119b246cee98e9b12e9197d",
  );
});

/** RFC 5246 §6.2.3.1: sequence number, type, version, length. */
const authenticatedBy = (number: number, type: number, length: number): Buffer =>
  Buffer.of(0, 0, 0, 0, 0, 0, 0, number, type, 3, 3, length >> 8, length & 0xff);

/** The fragment of record `number` as its RFC says, whatever src/ does; `iv` is that of CBC. */
function byHand(suite: CipherSuite, number: number, type: number, text: Buffer, etm: boolean, iv: Buffer): string {
  const { cipher } = suite;
  const key = ENCRYPTION_KEY.subarray(0, cipher.keyLength);
  const authenticated = authenticatedBy(number, type, text.length);
  if (cipher.kind === "gcm") {
    const explicit = Buffer.of(0, 0, 0, 0, 0, 0, 0, number); // RFC 5288 §3.
    return explicit.toString("hex") + gcm(key, Buffer.concat([IV.subarray(0, 4), explicit]), authenticated, text);
  }
  if (cipher.kind === "chacha20-poly1305") {
    const nonce = Buffer.from(IV); // RFC 7905 §2.
    nonce[11] ^= number;
    return chacha(key, nonce, authenticated, text);
  }
  const macKey = MAC_KEY.subarray(0, cipher.mac === "sha1" ? 20 : 32);
  const mac = (octets: Buffer): Buffer => createHmac(cipher.mac, macKey).update(octets).digest();
  const padded = (octets: Buffer): Buffer => {
    const padding = 15 - (octets.length % 16);
    return Buffer.concat([octets, Buffer.alloc(padding + 1, padding)]);
  };
  if (!etm) {
    const inside = Buffer.concat([text, mac(Buffer.concat([authenticated, text]))]); // RFC 5246 §6.2.3.2.
    return iv.toString("hex") + cbc(key, iv, padded(inside));
  }
  const encrypted = Buffer.concat([iv, hex(cbc(key, iv, padded(text)))]); // RFC 7366 §3.
  const outside = mac(Buffer.concat([authenticatedBy(number, type, encrypted.length), encrypted]));
  return Buffer.concat([encrypted, outside]).toString("hex");
}

/** Copies: who takes keys wipes them. */
function keysOf({ cipher }: CipherSuite): { mac: Buffer; key: Buffer; iv: Buffer } {
  const macLength = cipher.kind === "cbc" ? (cipher.mac === "sha1" ? 20 : 32) : 0;
  return {
    mac: Buffer.from(MAC_KEY.subarray(0, macLength)),
    key: Buffer.from(ENCRYPTION_KEY.subarray(0, cipher.keyLength)),
    iv: Buffer.from(IV.subarray(0, cipher.kind === "gcm" ? 4 : 12)),
  };
}

const RECORDS: readonly (readonly [type: ContentType, text: Buffer])[] = [
  [22, hex(`1400000c${"0f".repeat(12)}`)],
  [23, Buffer.alloc(0)],
  [23, Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  [21, Buffer.of(1, 0)],
  [23, Buffer.alloc(1 << 14, "x")],
];

test.for(
  CIPHER_SUITES.flatMap((suite) =>
    (suite.cipher.kind === "cbc" ? [false, true] : [false]).map((etm) => [suite.name, etm, suite] as const),
  ),
)(
  "RFC 5246 §6.2.3, %s (encrypt-then-MAC: %s): records are those that are made by hand, and these are opened",
  ([, encryptThenMac, suite]) => {
    const sealer = makeSealer(suite, keysOf(suite), { encryptThenMac, random: seededOctets(1) });
    const opener = makeOpener(suite, keysOf(suite), { encryptThenMac, random: seededOctets(1) });
    for (const [number, [type, text]] of RECORDS.entries()) {
      const into = Buffer.alloc(text.length + sealer.overhead);
      const sealed = into.subarray(0, sealer.seal(type, text, into, 0));
      const expected = byHand(suite, number, type, text, encryptThenMac, sealed.subarray(5, 21));
      expect(sealed.subarray(5).toString("hex")).toBe(expected);
      expect([...sealed.subarray(0, 5)]).toEqual([type, 3, 3, expected.length >> 9, (expected.length >> 1) & 0xff]);
      const opened = opener.open(type, hex(expected));
      expect(opened === null ? null : Buffer.from(opened).equals(text)).toBe(true);
    }
  },
);
