import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { WRITE_SLICE_OCTETS, WriteSlices } from "../../src/sockets/write-slices.ts";

const drained = (next: () => Uint8Array | null): Uint8Array[] => {
  const out: Uint8Array[] = [];
  for (let slice = next(); slice !== null; slice = next()) out.push(slice);
  return out;
};
const all = (slices: WriteSlices): Uint8Array[] => drained(() => slices.next());
const lent = (slices: WriteSlices): Uint8Array[] => drained(() => slices.lend());

describe("design §3.2: the stream API copies once on write", () => {
  test.each([
    ["copied", all],
    ["lent", lent],
  ])("the slices are the pieces, in full slices: %s", (_, take) => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.integer({ min: 1, max: 3 * WRITE_SLICE_OCTETS }).map((length) => new Uint8Array(length).fill(length)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const slices = new WriteSlices(pieces);
        const whole = Buffer.concat(pieces);
        expect(slices.left).toBe(whole.length);
        const out = take(slices);
        expect(Buffer.concat(out).equals(whole)).toBe(true);
        expect(slices.left).toBe(0);
        expect(out.slice(0, -1).every((slice) => slice.length === WRITE_SLICE_OCTETS)).toBe(true);
        expect(out.every((slice) => slice.length > 0)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("a slice has memory of its own", () => {
    const piece = new Uint8Array([1, 2, 3]);
    const [slice] = all(new WriteSlices([piece]));
    piece.fill(9);
    expect([...slice]).toEqual([1, 2, 3]);
  });

  test("a slice that is lent is a view where it lies in one piece, and gathered where it does not", () => {
    const large = new Uint8Array(2 * WRITE_SLICE_OCTETS);
    const small = new Uint8Array(10);
    const slices = lent(new WriteSlices([large, small, small]));
    expect(slices.map((slice) => slice.buffer === large.buffer)).toEqual([true, true, false]);
  });
});
