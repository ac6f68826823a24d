import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { ImpairedPath, type Impairment, REORDER_DEPTH_MAX, REORDER_HOLD_MS } from "../../src/device/impairment.ts";
import { numberIn, numbered } from "./datagrams.ts";

interface Arrival {
  readonly atUs: number;
  readonly bytes: Uint8Array;
}

/** Sends `count` numbered datagrams, one every `gapUs`, and waits for the last. */
function run(path: ImpairedPath, count: number, gapUs: number, length = 64): Arrival[] {
  const arrivals: Arrival[] = [];
  const until = (endUs: number) => {
    for (let nextUs = path.nextUs(); nextUs <= endUs && nextUs < Infinity; nextUs = path.nextUs()) {
      path.release(nextUs, (bytes) => arrivals.push({ atUs: nextUs, bytes }));
    }
  };
  for (let i = 0; i < count; i++) {
    until(i * gapUs);
    path.enter(numbered(i, length), i * gapUs);
  }
  until(Infinity);
  return arrivals;
}

const path = (faults: Impairment, seed = 1) => new ImpairedPath(faults, new SeededRandom(seed));
const numbers = (arrivals: readonly Arrival[]) => arrivals.map(({ bytes }) => numberIn(bytes));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const probability = fc.double({ min: 0, max: 1, noNaN: true });

describe("one direction of an imperfect link", () => {
  test("design.md §9: every datagram is accounted for, and none changes but by corruption, whatever the faults", () => {
    fc.assert(
      fc.property(
        fc.record({
          loss: probability,
          duplicate: probability,
          reorder: probability,
          corrupt: probability,
          delayMs: fc.double({ min: 0, max: 50, noNaN: true }),
          jitterMs: fc.double({ min: 0, max: 50, noNaN: true }),
          rateBitsPerSecond: fc.oneof(fc.constant(Infinity), fc.integer({ min: 100_000, max: 100_000_000 })),
          queueOctets: fc.integer({ min: 64, max: 10_000 }),
        }),
        fc.integer({ min: 0, max: 2000 }),
        fc.nat(),
        (faults, gapUs, seed) => {
          const link = path(faults, seed);
          const arrivals = run(link, 200, gapUs);
          const c = link.counters;
          expect(c.entered).toBe(200);
          expect(c.entered + c.duplicated).toBe(c.lost + c.queueDropped + c.overflowed + c.discarded + c.released);
          expect(c.released).toBe(arrivals.length);
          expect([link.octets, link.datagrams, link.nextUs()]).toEqual([0, 0, Infinity]);
          const sent = new Set(Array.from({ length: 200 }, (_, i) => hex(numbered(i))));
          expect(arrivals.filter(({ bytes }) => !sent.has(hex(bytes))).length).toBeLessThanOrEqual(c.corrupted);
          // The same seed and the same datagrams: the same fate, to the microsecond.
          expect(run(path(faults, seed), 200, gapUs)).toEqual(arrivals);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("design.md §9: a corrupted datagram differs from what was sent in exactly one bit, anywhere in it", () => {
    const link = path({ corrupt: 1 });
    const places = new Set<number>();
    run(link, 2000, 0, 30).forEach(({ bytes }, i) => {
      const sent = numbered(i, 30);
      const flipped = Array.from({ length: 240 }, (_, bit) => bit).filter(
        (bit) => (((bytes[bit >>> 3] ^ sent[bit >>> 3]) >>> (bit & 7)) & 1) === 1,
      );
      expect(flipped.length).toBe(1);
      places.add(flipped[0]);
    });
    expect(link.counters.corrupted).toBe(2000);
    expect(places.size).toBeGreaterThan(230);
  });

  test("design.md §9: a duplicate is a datagram of its own: what corrupts one copy leaves the other", () => {
    const link = path({ duplicate: 1, corrupt: 0.5 });
    const changed = run(link, 500, 0).filter(({ bytes }, i) => hex(bytes) !== hex(numbered(i >> 1)));
    expect(changed.length).toBe(link.counters.corrupted);
    expect(changed.length).toBeGreaterThan(100);
  });

  test("design.md §9: faults come as often as asked for, and exactly as often for one seed", () => {
    const faults = { loss: 0.02, duplicate: 0.01, reorder: 0.01, corrupt: 0.001 };
    const count = 50_000;
    const link = path(faults, 7);
    run(link, count, 10);
    const c = link.counters;
    for (const [seen, p] of [
      [c.lost, faults.loss],
      [c.duplicated, faults.duplicate],
      [c.reordered + c.notOvertaken, faults.reorder],
      [c.corrupted, faults.corrupt],
    ]) {
      expect(Math.abs(seen - count * p)).toBeLessThan(5 * Math.sqrt(count * p));
    }
    const again = path(faults, 7);
    run(again, count, 10);
    expect(again.counters).toEqual(c);
    const other = path(faults, 8);
    run(other, count, 10);
    expect(other.counters).not.toEqual(c);
  });

  test("design.md §9: a perfect link changes nothing and takes no time", () => {
    const arrivals = run(path({}), 100, 5);
    expect(arrivals).toEqual(Array.from({ length: 100 }, (_, i) => ({ atUs: i * 5, bytes: numbered(i) })));
  });

  test("design.md §9: loss of 1 delivers nothing; duplication of 1 delivers each twice, in order", () => {
    expect(run(path({ loss: 1 }), 100, 1)).toEqual([]);
    expect(numbers(run(path({ duplicate: 1 }), 3, 1))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test("design.md §9: delay and jitter keep the order; each arrives within their bounds", () => {
    const arrivals = run(path({ delayMs: 10, jitterMs: 5 }), 500, 100);
    expect(numbers(arrivals)).toEqual(Array.from({ length: 500 }, (_, i) => i));
    const delays = arrivals.map(({ atUs }, i) => atUs - i * 100);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(15_000);
    expect(new Set(delays).size).toBeGreaterThan(10);
  });

  test("design.md §9: the rate spaces datagrams, and its queue drops from the tail beyond its bound", () => {
    // 1,000 octets at 8 Mbit/s take 1 ms; ten come at once, four fit.
    const link = path({ rateBitsPerSecond: 8e6, queueOctets: 4000 });
    const arrivals = run(link, 10, 0, 1000);
    expect(arrivals.map(({ atUs }) => atUs)).toEqual([1000, 2000, 3000, 4000]);
    expect(numbers(arrivals)).toEqual([0, 1, 2, 3]);
    expect(link.counters.queueDropped).toBe(6);
    // The queue has emptied: it takes again.
    link.enter(numbered(10, 1000), 10_000);
    expect(link.nextUs()).toBe(11_000);
  });

  test("design.md §9: a reordered datagram is overtaken by 1 to REORDER_DEPTH_MAX others; these keep their order", () => {
    const link = path({ reorder: 0.1 }, 3);
    const order = numbers(run(link, 2000, 10));
    const overtaken = order.filter((n, i) => i > 0 && n < Math.max(...order.slice(Math.max(0, i - 40), i)));
    expect(overtaken.length).toBe(link.counters.reordered);
    expect(link.counters.reordered).toBeGreaterThan(100);
    const kept = order.filter((n) => !overtaken.includes(n));
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
    const late = overtaken.map(
      (n) => order.slice(0, order.indexOf(n)).filter((m) => m > n && !overtaken.includes(m)).length,
    );
    expect(Math.min(...late)).toBe(1);
    expect(Math.max(...late)).toBe(REORDER_DEPTH_MAX);
  });

  test("design.md §7: a datagram that nothing overtakes is held for REORDER_HOLD_MS at most", () => {
    const link = path({ reorder: 1 });
    const arrivals = run(link, 3, 10);
    expect(arrivals.map(({ atUs }) => atUs)).toEqual([0, 10, 20].map((us) => us + REORDER_HOLD_MS * 1000));
    expect(link.counters).toMatchObject({ reordered: 0, notOvertaken: 3 });
  });

  test("design.md §7: what is on its way when the link ends is counted and gone", () => {
    const link = path({ delayMs: 5, reorder: 0.5 });
    for (let i = 0; i < 20; i++) link.enter(numbered(i), 0);
    link.discard();
    expect(link.counters.discarded).toBe(20);
    expect([link.octets, link.nextUs()]).toEqual([0, Infinity]);
  });
});
