import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { Identifications } from "../../src/ipv4/identification.ts";
import { HOST, ip, PEER } from "./datagrams.ts";

test("RFC 6864 §4.1: no number repeats within 65,536 datagrams of one source, destination and protocol", () => {
  const identifications = new Identifications(new SeededRandom(1));
  const seen = new Uint8Array(65_536);
  for (let i = 0; i < 65_536; i++) seen[identifications.take(HOST, PEER, 17)]++;
  expect(seen.every((times) => times === 1)).toBe(true);
});

test("RFC 6864 §4.1: not even when all share their counters with a thousand other destinations", () => {
  const identifications = new Identifications(new SeededRandom(2));
  const seen = new Set<number>();
  for (let i = 0; i < 60; i++) {
    seen.add(identifications.take(HOST, PEER, 1));
    for (let other = 0; other < 1_000; other++) identifications.take(HOST, ip(10, 0, other >> 8, other & 255), 1);
  }
  expect(seen.size).toBe(60);
});

test("RFC 7739 §5: neighbours do not follow each other, and another seed walks another order", () => {
  const walk = (seed: number): number[] => {
    const identifications = new Identifications(new SeededRandom(seed));
    return Array.from({ length: 1_000 }, () => identifications.take(HOST, PEER, 17));
  };
  const one = walk(1);
  const steps = new Set(one.slice(1).map((id, i) => (id - one[i]) & 0xffff));
  expect(steps.size).toBeGreaterThan(900);
  expect(walk(2)).not.toEqual(one);
});
