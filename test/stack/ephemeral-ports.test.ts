import { expect, test } from "vitest";
import { toAddress } from "../../src/base/address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { EPHEMERAL_FIRST, EPHEMERAL_LAST, EphemeralPorts } from "../../src/stack/ephemeral-ports.ts";

const LOCAL = toAddress(1);
const remote = (n: number): ReturnType<typeof toAddress> => toAddress(1000 + n);
const free = (): boolean => true;

test("RFC 6056 §3.2: ports come from the whole range and lie in it", () => {
  const ports = new EphemeralPorts(new SeededRandom(1));
  const seen = new Set<number>();
  for (let i = 0; i < 5000; i++) seen.add(ports.choose(LOCAL, remote(i), 80, free));
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(EPHEMERAL_FIRST);
  expect(Math.max(...seen)).toBeLessThanOrEqual(EPHEMERAL_LAST);
  expect(seen.size).toBeGreaterThan(4000);
});

test("RFC 6056 §3.3.3: another secret gives other ports, and neighbours of destinations are no neighbours of ports", () => {
  const one = new EphemeralPorts(new SeededRandom(1));
  const other = new EphemeralPorts(new SeededRandom(2));
  const chosen = Array.from({ length: 20 }, (_, i) => one.choose(LOCAL, remote(i), 80, free));
  expect(Array.from({ length: 20 }, (_, i) => other.choose(LOCAL, remote(i), 80, free))).not.toEqual(chosen);
  const near = chosen.slice(1).filter((port, i) => Math.abs(port - chosen[i]) <= 32).length;
  expect(near).toBeLessThan(3);
});

test("the only port that is free is found; where none is, there is none", () => {
  const ports = new EphemeralPorts(new SeededRandom(1));
  expect(ports.choose(LOCAL, remote(1), 80, (port) => port === 40_000)).toBe(40_000);
  expect(ports.choose(LOCAL, remote(1), 80, () => false)).toBe(-1);
});
