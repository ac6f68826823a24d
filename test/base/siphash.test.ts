import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { newSipKey, sipHash24 } from "../../src/base/siphash.ts";

const octetsUpTo = (count: number): Int32Array =>
  new Int32Array(Uint8Array.from({ length: count }, (_, i) => i).buffer);

/** From the authors' reference implementation, vectors.h (`vectors_sip64`): key 00..0f, message 00, 01, … of that length. */
const VECTORS: [octets: number, hash: string][] = [
  [0, "310e0edd47db6f72"],
  [4, "b7877127e09427cf"],
  [8, "6224939a79f5f593"],
  [12, "fbe50e86bc8f1e75"],
  [16, "db9bc2577fcc2a3f"],
  [60, "e1915f5cb1eca46c"],
];

test.each(VECTORS)("RFC 6528 §3, SipHash-2-4: the published vector of %i octets", (octets, hash) => {
  const out = new Int32Array(2);
  sipHash24(octetsUpTo(16), octetsUpTo(octets), octets / 4, out);
  expect(Buffer.from(out.buffer).toString("hex")).toBe(hash);
});

test("RFC 6528 §3: another key gives another hash, and words behind the length do not matter", () => {
  const random = new SeededRandom(6528);
  const one = new Int32Array(2);
  const other = new Int32Array(2);
  const key = newSipKey(random);
  sipHash24(key, Int32Array.of(1, 2, 3), 3, one);
  sipHash24(key, Int32Array.of(1, 2, 3, 4), 3, other);
  expect(other).toEqual(one);
  sipHash24(newSipKey(random), Int32Array.of(1, 2, 3), 3, other);
  expect(other).not.toEqual(one);
});
