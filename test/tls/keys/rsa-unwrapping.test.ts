import { constants, createPublicKey, generateKeyPairSync, publicEncrypt } from "node:crypto";
import { expect, test } from "vitest";

import { rsaUnwrapKey, unwrapPreMaster } from "../../../src/tls/keys/rsa-unwrapping.ts";
import { identity } from "../support/fixtures.ts";
import { wrap } from "../support/wrap.ts";

const { key: privateKey } = identity("rsa");
const key = rsaUnwrapKey(privateKey);
const publicKey = createPublicKey(privateKey);
const LENGTH = 256;
const SECRET = Buffer.concat([Buffer.of(3, 3), Buffer.alloc(46, 0x77)]);
const SUBSTITUTE = Buffer.alloc(48, 0xee);

const block = (edit: (block: Buffer) => void = () => {}): Buffer => {
  const octets = Buffer.alloc(LENGTH, 0x11);
  octets[0] = 0;
  octets[1] = 2;
  octets[LENGTH - 49] = 0;
  octets.set(SECRET, LENGTH - 48);
  edit(octets);
  return octets;
};
const encrypt = (octets: Buffer): Buffer =>
  publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, octets);
const unwrap = (wrapped: Uint8Array, clientVersion = 0x0303): Buffer =>
  unwrapPreMaster({ key, wrapped, clientVersion, substitute: SUBSTITUTE });

test("RFC 8017 §7.2.2: the 48 octets behind a good padding are the secret", () => {
  expect(unwrap(encrypt(block()))).toEqual(SECRET);
  expect(unwrap(encrypt(block((octets) => octets.fill(0xff, 2, LENGTH - 49))))).toEqual(SECRET);
  expect(unwrap(encrypt(block((octets) => octets.fill(0, LENGTH - 46))))).toEqual(
    Buffer.concat([Buffer.of(3, 3), Buffer.alloc(46)]),
  );
});

const DEFECTS: readonly (readonly [string, (octets: Buffer) => void])[] = [
  ["a first octet of 1", (octets) => (octets[0] = 1)],
  ["a first octet of 0x80 below the modulus", (octets) => (octets[0] = 0x40)],
  ["block type 0", (octets) => (octets[1] = 0)],
  ["block type 1", (octets) => (octets[1] = 1)],
  ["block type 3", (octets) => (octets[1] = 3)],
  ["block type 0x82", (octets) => (octets[1] = 0x82)],
  ["a zero as the first octet of the padding", (octets) => (octets[2] = 0)],
  ["a zero as the eighth octet of the padding", (octets) => (octets[9] = 0)],
  ["a zero in the middle of the padding", (octets) => (octets[100] = 0)],
  ["a zero as the last octet of the padding", (octets) => (octets[LENGTH - 50] = 0)],
  ["no zero behind the padding", (octets) => (octets[LENGTH - 49] = 1)],
  ["no zero at all", (octets) => octets.fill(1, 2, LENGTH)],
  ["a secret of 47 octets", (octets) => ((octets[LENGTH - 49] = 9), (octets[LENGTH - 48] = 0))],
  ["a secret of 49 octets", (octets) => ((octets[LENGTH - 50] = 0), (octets[LENGTH - 49] = 3))],
  ["an empty secret", (octets) => (octets.fill(5, 2), (octets[LENGTH - 1] = 0))],
  ["a version of 3.2", (octets) => (octets[LENGTH - 47] = 2)],
  ["a version of 2.3", (octets) => (octets[LENGTH - 48] = 2)],
  ["a version of 0", (octets) => octets.fill(0, LENGTH - 48, LENGTH - 46)],
  ["nothing but zeros", (octets) => octets.fill(0)],
  ["the number 1", (octets) => (octets.fill(0), (octets[LENGTH - 1] = 1))],
];

test.for(DEFECTS)("RFC 5246 §7.4.7.1: %s gives the substitute", ([, spoil]) => {
  expect(unwrap(encrypt(block(spoil)))).toEqual(SUBSTITUTE);
});

const MODULUS = key.modulus;
const plusOne = (octets: Buffer): Buffer => {
  const next = Buffer.from(octets);
  next[next.length - 1]++;
  return next;
};

test.each([
  ["empty", Buffer.alloc(0)],
  ["one octet", Buffer.of(1)],
  ["one octet short", encrypt(block()).subarray(1)],
  ["one octet long", Buffer.concat([Buffer.alloc(1), encrypt(block())])],
  ["of 16 KiB", Buffer.alloc(1 << 14, 1)],
  ["the modulus", MODULUS],
  ["above the modulus", plusOne(MODULUS)],
  ["all ones", Buffer.alloc(LENGTH, 0xff)],
  ["zero", Buffer.alloc(LENGTH)],
])("RFC 5246 §7.4.7.1: a ciphertext that is %s gives the substitute", (_name, wrapped) => {
  expect(unwrap(wrapped)).toEqual(SUBSTITUTE);
});

test("RFC 5246 §7.4.7.1: the version is that of ClientHello, whatever was agreed on", () => {
  const newer = encrypt(block((octets) => (octets[LENGTH - 47] = 4)));
  expect(unwrap(newer, 0x0304).subarray(0, 2)).toEqual(Buffer.of(3, 4));
  expect(unwrap(newer, 0x0303)).toEqual(SUBSTITUTE);
});

test("what the client wraps the server unwraps, with keys whose length is no multiple of 8 bits too", () => {
  for (const modulusLength of [2048, 2056, 2051]) {
    const pair = generateKeyPairSync("rsa", { modulusLength });
    const { preMaster, wrapped } = wrap(pair.publicKey, modulusLength);
    const opened = unwrapPreMaster({
      key: rsaUnwrapKey(pair.privateKey),
      wrapped,
      clientVersion: 0x0303,
      substitute: SUBSTITUTE,
    });
    expect(opened).toEqual(preMaster);
    expect(preMaster.subarray(0, 2)).toEqual(Buffer.of(3, 3));
  }
});

test("RFC 8017 §7.2.1: the same randomness wraps to the same octets, and no octet of the padding is 0", () => {
  const [one, two] = [1, 1].map((seed) => wrap(publicKey, seed));
  expect(one.wrapped).toEqual(two.wrapped);
  expect(wrap(publicKey, 2).wrapped).not.toEqual(one.wrapped);
  for (let seed = 0; seed < 50; seed++) expect(unwrap(wrap(publicKey, seed).wrapped)).not.toEqual(SUBSTITUTE);
});

test("the substitute and the ciphertext are left as they were", () => {
  const wrapped = encrypt(block());
  const before = Buffer.from(wrapped);
  unwrap(wrapped);
  expect(wrapped).toEqual(before);
  expect(SUBSTITUTE).toEqual(Buffer.alloc(48, 0xee));
});
