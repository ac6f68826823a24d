import fc from "fast-check";
import { expect, test } from "vitest";

import {
  seqAdd,
  seqDiff,
  seqGe,
  seqGt,
  seqInWindow,
  seqLe,
  seqLt,
  seqMax,
  seqMin,
  toSeq,
  type Seq,
} from "../../src/base/seq.ts";

const MODULUS = 2n ** 32n;
const HALF = 2 ** 31;

/** The oracle: the number as the wire shows it. */
const onWire = (s: Seq): bigint => BigInt.asUintN(32, BigInt(s));

const seqs = fc.integer({ min: -HALF, max: HALF - 1 }).map(toSeq);
/** Closer than half of the space, on either side: where RFC 9293 §3.4 defines an order. */
const near = fc.integer({ min: -HALF + 1, max: HALF - 1 });

test("RFC 9293 §3.4: sums are taken modulo 2^32", () => {
  fc.assert(
    fc.property(seqs, fc.nat(HALF - 1), (a, octets) => {
      expect(onWire(seqAdd(a, octets))).toBe((onWire(a) + BigInt(octets)) % MODULUS);
    }),
  );
});

test("RFC 9293 §3.4: order and distance go around the circle, also over its seam", () => {
  fc.assert(
    fc.property(seqs, near, (b, distance) => {
      const a = seqAdd(b, distance);
      expect(seqDiff(a, b)).toBe(distance);
      expect([seqLt(a, b), seqLe(a, b), seqGt(a, b), seqGe(a, b)]).toEqual([
        distance < 0,
        distance <= 0,
        distance > 0,
        distance >= 0,
      ]);
      expect(seqMax(a, b)).toBe(distance < 0 ? b : a);
      expect(seqMin(a, b)).toBe(distance < 0 ? a : b);
    }),
  );
});

test("RFC 9293 §3.10.7.4: a window holds its left edge and not its right one, for every size up to 2^31", () => {
  fc.assert(
    fc.property(seqs, fc.nat(HALF), near, (left, size, distance) => {
      expect(seqInWindow(seqAdd(left, distance), left, size)).toBe(distance >= 0 && distance < size);
      expect(seqInWindow(left, left, size)).toBe(size > 0);
      expect(seqInWindow(seqAdd(left, size), left, size)).toBe(false);
    }),
  );
});

test("a number of the wire beyond 2^31 is the int32 of the same bits", () => {
  expect(toSeq(0xffff_ffff)).toBe(-1);
  expect(seqAdd(toSeq(0xffff_ffff), 1)).toBe(0);
  expect(seqLt(toSeq(0xffff_fff0), toSeq(5))).toBe(true);
});
