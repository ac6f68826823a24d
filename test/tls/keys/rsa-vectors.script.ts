/**
 * Writes `fixtures/rsa-unwrapping.json` anew: ciphertexts for the key in `fixtures/rsa.key`, made by node:crypto's raw operation
 * and by arithmetic on big integers, with nothing of src/. Use: node --import ./test/support/typescript.mjs FILE, then prettier on what it wrote.
 */
import { constants, createPrivateKey, createPublicKey, publicEncrypt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

import type { UnwrappingVector } from "../support/unwrapping-vector.ts";

const fixture = (name: string): URL => new URL(`../fixtures/${name}`, import.meta.url);
const key = createPublicKey(createPrivateKey(readFileSync(fixture("rsa.key"))));
const { n = "", e = "" } = key.export({ format: "jwk" });
const modulus = BigInt(`0x${Buffer.from(n, "base64url").toString("hex")}`);
const LENGTH = 256;
const SECRET = Buffer.from(`0303${"5e".repeat(46)}`, "hex");

const vectors: UnwrappingVector[] = [];

function block(message: Buffer, spoil: (octets: Buffer) => unknown = () => {}): Buffer {
  const octets = Buffer.alloc(LENGTH);
  for (let at = 2; at < LENGTH; at++) octets[at] = 1 + ((at * 89) % 255);
  octets[1] = 2;
  octets[LENGTH - message.length - 1] = 0;
  octets.set(message, LENGTH - message.length);
  spoil(octets);
  return octets;
}
const encrypt = (octets: Buffer): Buffer => publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, octets);
const add = (comment: string, flag: string, ct: Buffer, msg: Buffer | null, version = "0303"): void => {
  const result = msg === null ? "invalid" : "valid";
  vectors.push({ comment, flags: [flag], version, ct: ct.toString("hex"), msg: msg?.toString("hex") ?? "", result });
};
const bad = (comment: string, flag: string, spoil: (octets: Buffer) => unknown): void =>
  add(comment, flag, encrypt(block(SECRET, spoil)), null);
const number = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(2 * LENGTH, "0"), "hex");

add("a good block", "Valid", encrypt(block(SECRET)), SECRET);
add("a padding of 1 alone", "Valid", encrypt(block(SECRET, (octets) => octets.fill(1, 2, LENGTH - 49))), SECRET);
add("a padding of 0xff alone", "Valid", encrypt(block(SECRET, (octets) => octets.fill(0xff, 2, LENGTH - 49))), SECRET);
const zeros = Buffer.from(`0303${"00".repeat(46)}`, "hex");
add("a secret of zeros behind its version", "Valid", encrypt(block(zeros)), zeros);
const ones = Buffer.from(`0303${"ff".repeat(46)}`, "hex");
add("a secret of ones behind its version", "Valid", encrypt(block(ones)), ones);
for (const version of ["0301", "0302", "0304", "03ff", "ffff"]) {
  const other = Buffer.concat([Buffer.from(version, "hex"), SECRET.subarray(2)]);
  add(`ClientHello and secret of version ${version}`, "Valid", encrypt(block(other)), other, version);
  add(`a secret of version ${version}`, "WrongVersion", encrypt(block(other)), null);
  add(`ClientHello of version ${version}, a secret of 0303`, "WrongVersion", encrypt(block(SECRET)), null, version);
}
// The block as a number c = m^e mod n, by hand: the raw operation agrees, or the fixture is worth nothing.
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let left = exponent, factor = base; left > 0n; left >>= 1n, factor = (factor * factor) % modulus) {
    if ((left & 1n) === 1n) result = (result * factor) % modulus;
  }
  return result;
}
const byHand = number(
  power(BigInt(`0x${block(SECRET).toString("hex")}`), BigInt(`0x${Buffer.from(e, "base64url").toString("hex")}`)),
);
if (!byHand.equals(encrypt(block(SECRET)))) throw new Error("the raw operation is not m^e mod n");

for (const value of [1, 2, 0x7f]) bad(`first octet ${value}`, "FirstOctet", (octets) => (octets[0] = value));
for (const value of [0, 1, 3, 0x82, 0xff]) bad(`block type ${value}`, "BlockType", (octets) => (octets[1] = value));
for (let at = 2; at < LENGTH - 49; at++) {
  bad(`a zero at ${at}`, at < 10 ? "ShortPadding" : "WrongLength", (octets) => (octets[at] = 0));
}
for (const value of [1, 0x80, 0xff]) bad(`${value} for the zero`, "NoZero", (octets) => (octets[LENGTH - 49] = value));
bad("no zero anywhere", "NoZero", (octets) => octets.fill(9, 2));
for (const length of [0, 1, 2, 46, 47, 49, 50, 64, 128, 245]) {
  const message = Buffer.concat([SECRET, Buffer.alloc(LENGTH, 0x33)]).subarray(0, length);
  add(`a secret of ${length} octets`, "WrongLength", encrypt(block(message)), null);
}
bad("nothing but zeros", "NoForm", (octets) => octets.fill(0));
bad("type and zeros", "NoForm", (octets) => octets.fill(0, 2));
bad("the number 2^16 + 1", "NoForm", (octets) => octets.fill(0).set([1, 0, 1], LENGTH - 3));
add("the ciphertext 0", "SpecialCiphertext", number(0n), null);
add("the ciphertext 1", "SpecialCiphertext", number(1n), null);
add("the ciphertext n - 1", "SpecialCiphertext", number(modulus - 1n), null);
add("the ciphertext n", "NotBelowModulus", number(modulus), null);
add("the ciphertext n + 1", "NotBelowModulus", number(modulus + 1n), null);
add("all ones", "NotBelowModulus", Buffer.alloc(LENGTH, 0xff), null);
const good = encrypt(block(SECRET));
const lifted = BigInt(`0x${good.toString("hex")}`) + modulus;
add(
  "a good ciphertext with n added",
  "NotBelowModulus",
  Buffer.from(lifted.toString(16).padStart(2 * LENGTH, "0"), "hex"),
  null,
);
add("no octets", "CiphertextLength", Buffer.alloc(0), null);
add("one octet", "CiphertextLength", Buffer.of(1), null);
add("a good ciphertext without its last octet", "CiphertextLength", good.subarray(0, -1), null);
add("a good ciphertext without its first octet", "CiphertextLength", good.subarray(1), null);
add("a good ciphertext behind a zero", "CiphertextLength", Buffer.concat([Buffer.alloc(1), good]), null);
add("a good ciphertext and a zero", "CiphertextLength", Buffer.concat([good, Buffer.alloc(1)]), null);
add("a good ciphertext twice", "CiphertextLength", Buffer.concat([good, good]), null);

const head = {
  algorithm: "RSAES-PKCS1-v1_5 in TLS (RFC 5246 §7.4.7.1)",
  key: "rsa.key",
  numberOfTests: vectors.length,
};
const tests = vectors.map((vector, at) => ({ tcId: at + 1, ...vector }));
writeFileSync(fixture("rsa-unwrapping.json"), `${JSON.stringify({ ...head, tests }, null, 2)}\n`);
