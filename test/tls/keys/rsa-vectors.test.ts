import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { rsaUnwrapKey, unwrapPreMaster } from "../../../src/tls/keys/rsa-unwrapping.ts";
import { fixturePath, identity } from "../support/fixtures.ts";
import type { UnwrappingVector } from "../support/unwrapping-vector.ts";

/** `rsa-vectors.script.ts` wrote it without anything of src/. */
interface Vectors {
  readonly numberOfTests: number;
  readonly tests: readonly (UnwrappingVector & { readonly tcId: number })[];
}

const { numberOfTests, tests } = JSON.parse(readFileSync(fixturePath("rsa-unwrapping.json"), "utf8")) as Vectors;
const key = rsaUnwrapKey(identity("rsa").key);
const FLAGS = [...new Set(tests.flatMap(({ flags }) => flags))];
const hex = (text: string): Buffer => Buffer.from(text, "hex");

test("RFC 8017 §7.2.2: the vectors are all there, of every class", () => {
  expect(tests).toHaveLength(numberOfTests);
  expect(numberOfTests).toBeGreaterThan(250);
  expect(FLAGS.sort()).toEqual(
    [
      "Valid",
      "WrongVersion",
      "FirstOctet",
      "BlockType",
      "ShortPadding",
      "WrongLength",
      "NoZero",
      "NoForm",
      "SpecialCiphertext",
      "NotBelowModulus",
      "CiphertextLength",
    ].sort(),
  );
});

test.for(FLAGS)("RFC 8017 §7.2.2, RFC 5246 §7.4.7.1: vectors of the class %s", (flag) => {
  for (const [fill, substitute] of [0, 0xee].map((octet) => [octet, Buffer.alloc(48, octet)] as const)) {
    for (const { tcId, comment, version, ct, msg, result } of tests.filter(({ flags }) => flags.includes(flag))) {
      const clientVersion = parseInt(version, 16);
      const got = unwrapPreMaster({ key, wrapped: hex(ct), clientVersion, substitute }).toString("hex");
      const expected = result === "valid" ? msg : substitute.toString("hex");
      expect(got, `${tcId}, ${comment}, substitute of ${fill}`).toBe(expected);
    }
  }
});
