import { expect, test } from "vitest";
import { copyOctets } from "../../src/base/copy-octets.ts";

test("octets are copied, short and long, out of the middle into the middle, and none beside them is touched", () => {
  const memory = Uint8Array.from({ length: 400 }, (_, i) => i & 255);
  // Neither begins where its buffer does.
  const from = memory.subarray(100);
  for (const length of [0, 1, 63, 64, 65, 200]) {
    const into = new Uint8Array(300).subarray(20);
    copyOctets(from, 7, length, into, 30);
    expect([...into.subarray(30, 30 + length)]).toEqual([...from.subarray(7, 7 + length)]);
    expect(into.subarray(0, 30).every((octet) => octet === 0)).toBe(true);
    expect(into.subarray(30 + length).every((octet) => octet === 0)).toBe(true);
  }
});
