import fc from "fast-check";
import { expect, test } from "vitest";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { DatagramQueue } from "../../src/device/datagram-queue.ts";
import { Fifo } from "../../src/device/fifo.ts";
import { rowsOf } from "./datagrams.ts";

/** Any, and many that fill a ring to its last octets, or nearly. */
const length = fc.oneof(
  fc.integer({ min: 1, max: 65_535 }),
  fc.constantFrom(8_192, 16_384, 32_768),
  fc.integer({ min: -4, max: 4 }).map((more) => 16_384 + more),
);

test("design.md §7: the queue gives what it took, in order, unchanged, and never crosses its bounds", () => {
  const rx = new RxBatch(2, 140_000);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.oneof(fc.constant(65_536), fc.integer({ min: 65_535, max: 100_000 })),
      fc.array(fc.oneof(length, length, fc.constant(0)), { maxLength: 60 }),
      (datagramsMax, octetsMax, steps) => {
        const queue = new DatagramQueue(datagramsMax, octetsMax);
        const model: Uint8Array[] = [];
        let serial = 0;
        for (const octets of steps) {
          if (octets === 0) {
            rx.clear();
            queue.moveTo(rx);
            expect(rx.rows > 0).toBe(model.length > 0);
            for (const got of rowsOf(rx)) expect(Buffer.compare(got, model.shift() ?? new Uint8Array(0))).toBe(0);
          } else {
            const datagram = new Uint8Array(octets).fill(++serial);
            const room = queue.hasRoom();
            const taken = queue.offer(datagram);
            if (taken) model.push(datagram);
            if (room || model.length === 0) expect(taken).toBe(true);
          }
          expect(queue.datagrams).toBe(model.length);
          expect(queue.datagrams).toBeLessThanOrEqual(datagramsMax);
          expect(queue.octets).toBe(model.reduce((sum, datagram) => sum + datagram.length, 0));
          expect(queue.octets).toBeLessThanOrEqual(octetsMax);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("design.md §7: a ring that is full to its last octet behind a wrap takes nothing more", () => {
  const queue = new DatagramQueue(10, 65_536);
  const rx = new RxBatch(2, 140_000);
  const offer = (fill: number) => queue.offer(new Uint8Array(16_384).fill(fill));
  expect([1, 2, 3, 4, 5].map(offer)).toEqual([true, true, true, true, false]);
  queue.moveTo(rx);
  expect([6, 7, 8].map(offer)).toEqual([true, true, false]);
  const fills: number[] = [];
  for (; queue.datagrams > 0; fills.push(...rowsOf(rx).map((datagram) => datagram[0]))) {
    rx.clear();
    queue.moveTo(rx);
  }
  expect(fills).toEqual([3, 4, 6, 7]);
});

test("design.md §7: what is first in is first out, over thousands", () => {
  const fifo = new Fifo<number>();
  let next = 0;
  for (let i = 0; i < 10_000; i++) {
    fifo.push(i);
    if (i % 3 !== 0) expect(fifo.shift()).toBe(next++);
  }
  expect(fifo.length).toBe(10_000 - next);
  for (; next < 10_000; next++) {
    expect(fifo.peek()).toBe(next);
    expect(fifo.shift()).toBe(next);
  }
  expect(fifo.shift()).toBeUndefined();
  fifo.push(1);
  fifo.clear();
  expect(fifo.peek()).toBeUndefined();
});
