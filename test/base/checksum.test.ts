import fc from "fast-check";
import { expect, test } from "vitest";

import { addSums, sumOctets, swapSum } from "../../src/base/checksum.ts";

/** RFC 1071 §1 word by word, with an integer that cannot overflow. */
function oracle(octets: Uint8Array, seed: number): number {
  let sum = BigInt(seed);
  for (let i = 0; i < octets.length; i += 2)
    sum += BigInt((octets[i] << 8) | (i + 1 < octets.length ? octets[i + 1] : 0));
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

const sums = fc.nat(0xffff);

test("RFC 1071 §1: the sum of any range is the words' one's-complement sum, an odd last octet padded", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(9), sums, (octets, at, seed) => {
      const memory = new Uint8Array(at + octets.length + 9).fill(0xee);
      memory.set(octets, at);
      expect(sumOctets(memory, at, at + octets.length, seed)).toBe(oracle(octets, seed));
    }),
  );
});

test("RFC 1071 §1: the longest datagram of the largest octets does not overflow", () => {
  for (const length of [65_534, 65_535, (1 << 17) + 3]) {
    const octets = new Uint8Array(length).fill(0xff);
    expect(sumOctets(octets, 0, length, 0xffff)).toBe(oracle(octets, 0xffff));
  }
});

test("RFC 1071 §2: sums of parts add up, swapped where a part begins at an odd octet", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(100), (octets, cut) => {
      const middle = Math.min(cut, octets.length);
      const first = sumOctets(octets, 0, middle, 0);
      const second = sumOctets(octets, middle, octets.length, 0);
      const whole = addSums(first, middle % 2 === 0 ? second : swapSum(second));
      expect(whole).toBe(oracle(octets, 0));
    }),
  );
});

test("RFC 1071 §2 (A): the order in which sums are added does not matter", () => {
  fc.assert(
    fc.property(sums, sums, sums, (a, b, c) => {
      expect(addSums(addSums(a, b), c)).toBe(addSums(a, addSums(c, b)));
    }),
  );
});
