import fc from "fast-check";
import { isIPv4 } from "node:net";
import { describe, expect, test } from "vitest";

import { ANY_ADDRESS, formatAddress, toAddress } from "../../src/base/address.ts";
import { LOOPBACK_ADDRESS, parseAddress, parsePrefix } from "../../src/sockets/address-text.ts";

describe("addresses as people type them", () => {
  test("what was formatted is parsed back", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (word) => {
        expect(parseAddress(formatAddress(toAddress(word)))).toBe(word);
      }),
    );
  });

  test("dotted quads, as node:net has them, and nothing else", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{1,3}(\.[0-9a-fx]{1,4}){1,4}$/), (text) => {
        expect(typeof parseAddress(text) === "number").toBe(isIPv4(text));
      }),
    );
  });

  test.each([
    ["*", ANY_ADDRESS],
    ["0.0.0.0", ANY_ADDRESS],
    ["localhost", LOOPBACK_ADDRESS],
    ["127.0.0.1", LOOPBACK_ADDRESS],
    ["::ffff:127.0.0.1", LOOPBACK_ADDRESS],
    ["::1", "EAFNOSUPPORT"],
    ["2001:db8::1", "EAFNOSUPPORT"],
    ["host.example", "ENOTFOUND"],
    ["127.1", "ENOTFOUND"],
    ["1.2.3.256", "ENOTFOUND"],
    ["", "ENOTFOUND"],
  ])("%s", (text, expected) => expect(parseAddress(text)).toBe(expected));

  test.each([
    ["198.18.0.2/24", "198.18.0.2", 24],
    ["198.18.0.2", "198.18.0.2", 32],
    ["0.0.0.0/0", "0.0.0.0", 0],
  ])("prefix %s", (text, address, prefixLength) => {
    expect(parsePrefix(text)).toEqual({ address: parseAddress(address), prefixLength });
  });

  test.each([
    "198.18.0.2/33",
    "198.18.0.2/",
    "198.18.0.2/-1",
    "198.18.0.2/24/1",
    "198.18.0/24",
    "localhost/8",
    "::1/64",
    "1.2.3.4/ 8",
  ])("no prefix: %s", (text) => expect(parsePrefix(text)).toBeNull());
});
