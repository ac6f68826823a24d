import { createCipheriv, createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";

import { CbcOpener, CbcSealer, type CbcKind } from "../../../src/tls/record/cbc.ts";
import { copyMac, readPadding } from "../../../src/tls/record/cbc-padding.ts";
import { seededOctets } from "../support/endpoint.ts";

const KEY = Buffer.alloc(16, 0x4b);
const IV = Buffer.alloc(16, 0x49);
const MACS = [
  ["sha1", 20],
  ["sha256", 32],
] as const;
type Mac = (typeof MACS)[number][0];

const kindOf = (mac: Mac, encryptThenMac: boolean): CbcKind => ({
  keyLength: 16,
  mac,
  encryptThenMac,
  random: seededOctets(1),
});
const keysOf = (macLength: number) => ({ key: Buffer.from(KEY), mac: Buffer.alloc(macLength, 0x4d) });

/** What stands in front of a record's text when its MAC is made, RFC 5246 §6.2.3.1: number 0, application data. */
const authenticated = (length: number): Buffer =>
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 23, 3, 3, length >> 8, length & 0xff]);
const macOf = (mac: Mac, macLength: number, text: Uint8Array, length = text.length): Buffer =>
  createHmac(mac, Buffer.alloc(macLength, 0x4d)).update(authenticated(length)).update(text).digest();

/** Encrypts what is given, right or wrong, as the fragment of a record. */
function encrypt(text: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false);
  return Buffer.concat([IV, cipher.update(text), cipher.final()]);
}

test.for(MACS)(
  "RFC 5246 §6.2.3.2: what is sealed with %s opens, in both orders, whatever its length",
  ([mac, macLength]) => {
    for (const encryptThenMac of [false, true]) {
      const sealer = new CbcSealer(kindOf(mac, encryptThenMac), keysOf(macLength), 1e6);
      const opener = new CbcOpener(kindOf(mac, encryptThenMac), keysOf(macLength), 1e6);
      for (let length = 0; length < 300; length++) {
        const text = Buffer.alloc(length, length);
        const into = Buffer.alloc(length + sealer.overhead);
        const end = sealer.seal(23, text, into, 0);
        expect(into.readUInt16BE(3)).toBe(end - 5);
        expect(opener.open(23, into.subarray(5, end))).toEqual(text);
      }
    }
  },
);

test.for(MACS)(
  "RFC 5246 §6.2.3.2: with %s every padding that a peer may choose opens, up to 256 octets",
  ([mac, macLength]) => {
    const text = Buffer.from("hello");
    const from = 16 - ((text.length + macLength) % 16);
    for (let count = from; count <= 256; count += 16) {
      const opener = new CbcOpener(kindOf(mac, false), keysOf(macLength), 1e6);
      const whole = Buffer.concat([text, macOf(mac, macLength, text), Buffer.alloc(count, count - 1)]);
      expect(opener.open(23, encrypt(whole))).toEqual(text);
    }
  },
);

test.for(MACS)("with %s every octet of padding and MAC counts", ([mac, macLength]) => {
  const text = Buffer.from("hello");
  const from = 16 - ((text.length + macLength) % 16);
  for (const count of [from, from + 32]) {
    const whole = Buffer.concat([text, macOf(mac, macLength, text), Buffer.alloc(count, count - 1)]);
    for (let at = 0; at < whole.length; at++) {
      const spoilt = Buffer.from(whole);
      spoilt[at] ^= 0x40;
      const opener = new CbcOpener(kindOf(mac, false), keysOf(macLength), 1e6);
      expect(opener.open(23, encrypt(spoilt))).toBeNull();
    }
  }
});

test("a record that is too short, not whole blocks, or all padding is answered like any other", () => {
  for (const [mac, macLength] of MACS) {
    for (const encryptThenMac of [false, true]) {
      const opener = new CbcOpener(kindOf(mac, encryptThenMac), keysOf(macLength), 1e6);
      for (const length of [0, 1, 15, 16, 17, 31, 32, 48, 63]) expect(opener.open(23, Buffer.alloc(length))).toBeNull();
      for (const last of [0, 15, 63, 255]) expect(opener.open(23, encrypt(Buffer.alloc(64, last)))).toBeNull();
    }
  }
});

test("RFC 7366 §3: what fails the MAC is not decrypted, and a wrong padding below a good MAC is refused all the same", () => {
  const seal = (text: Buffer): Buffer => {
    const encrypted = encrypt(text);
    return Buffer.concat([encrypted, macOf("sha256", 32, encrypted)]);
  };
  const open = (fragment: Buffer) => new CbcOpener(kindOf("sha256", true), keysOf(32), 1e6).open(23, fragment);
  const good = seal(Buffer.concat([Buffer.from("hello"), Buffer.alloc(11, 10)]));
  expect(open(good)?.toString()).toBe(Buffer.from("hello").toString());
  expect(open(seal(Buffer.concat([Buffer.from("hello"), Buffer.alloc(11, 9)])))).toEqual(
    Buffer.concat([Buffer.from("hello"), Buffer.of(9)]),
  );
  expect(open(seal(Buffer.concat([Buffer.from("hello!"), Buffer.alloc(10, 10)])))).toBeNull();
  for (let at = 0; at < good.length; at++) {
    const spoilt = Buffer.from(good);
    spoilt[at] ^= 1;
    expect(open(spoilt)).toBeNull();
  }
});

/** The same in plain words, branches and all. */
function plainPadding(text: Uint8Array, macLength: number): { dataLength: number; good: boolean } {
  const padding = text[text.length - 1];
  const room = text.length - macLength;
  const good = padding + 1 <= room && text.subarray(text.length - padding - 1).every((octet) => octet === padding);
  return { dataLength: good ? room - padding - 1 : room, good };
}

test("the arithmetic without branches says what plain words say", () => {
  const texts = fc.oneof(
    fc.uint8Array({ minLength: 33, maxLength: 400 }),
    fc
      .tuple(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 300 }),
      )
      .map(([head, padding, count]) => Buffer.concat([Buffer.alloc(32), head, Buffer.alloc(count, padding)])),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(0, 20, 32), (text, macLength) => {
      const { dataLength, good } = readPadding(text, macLength);
      const plain = plainPadding(text, macLength);
      expect([dataLength, good]).toEqual([plain.dataLength, plain.good ? -1 : 0]);
      expect(copyMac(text, dataLength, macLength)).toEqual(
        Buffer.from(text.subarray(dataLength, dataLength + macLength)),
      );
    }),
    { numRuns: 500 },
  );
});
