import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import type { Device } from "../../src/device/device.ts";
import { loopbackDevice, memoryPair } from "../../src/device/memory.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { Told, addPartialRow, addRow, numberIn, numbered, receiver, rowsOf, tcp } from "./datagrams.ts";

/** Both ends of a pair, and the time that passes between them. */
function pairOf(options: Omit<Parameters<typeof memoryPair>[0], "timebase"> = {}) {
  const timebase = new VirtualTimebase();
  const [left, right] = memoryPair({ timebase, ...options });
  return { timebase, left, right };
}

/** A batch of `count` small datagrams, numbered from 0 on. */
function batchOf(count: number): TxBatch {
  const tx = new TxBatch();
  for (let i = 0; i < count; i++) addRow(tx, numbered(i));
  return tx;
}

/** An owner that takes one datagram each time it is told. */
function slowReader(device: Device) {
  const rx = new RxBatch(1, 70_000);
  const told = new Told();
  told.onReadable = () => device.read(rx);
  device.start(told);
  return { rx, told };
}

describe("memory pair", () => {
  test("design.md §2: what one side writes the other reads, both ways, in order", () => {
    const { timebase, left, right } = pairOf();
    const atLeft = receiver(left, new RxBatch());
    const atRight = receiver(right, new RxBatch());
    const tx = batchOf(10);
    left.write(tx);
    expect(tx.pending).toBe(0);
    addRow(tx, numbered(99));
    right.write(tx);
    expect(atRight.told.events).toEqual([]); // Nothing is told inside `write`.
    timebase.settle();
    expect(atRight.got.map(numberIn)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(atLeft.got.map(numberIn)).toEqual([99]);
    expect(timebase.pending).toBe(0);
  });

  test("design.md §3.1: with offload, unfinished checksums are vouched for, finished ones are not, and super-segments stay whole", () => {
    const { left, right } = pairOf();
    const rx = new RxBatch();
    const tx = new TxBatch();
    addPartialRow(tx, tcp({ text: [1, 2, 3] }), []);
    addRow(tx, tcp({ text: [1, 2, 3] }));
    addPartialRow(tx, tcp({ text: new Array<number>(5000).fill(1) }), [700], 1460);
    left.write(tx);
    expect(right.read(rx)).toBe(3);
    expect([...rx.vouched.subarray(0, 3)]).toEqual([1, 0, 1]);
    expect([...rx.gsoSize.subarray(0, 3)]).toEqual([0, 0, 1460]);
    expect(rx.end[2] - rx.at[2]).toBe(5040);
    expect(left.counters).toEqual({ tooLong: 0, peerClosed: 0 });
  });

  test("design.md §3.1: without offload, checksums are finished, and what is longer than the MTU is dropped and counted", () => {
    const { left, right } = pairOf({ offload: false, mtu: 100 });
    const rx = new RxBatch();
    const tx = new TxBatch();
    addPartialRow(tx, tcp({ text: [1, 2, 3] }), [1]);
    addRow(tx, numbered(1, 100));
    addRow(tx, numbered(2, 101));
    addPartialRow(tx, tcp({ text: new Array<number>(90).fill(1) }), [], 30);
    left.write(tx);
    expect(left.offload).toEqual({ checksum: false, segmentMax: 0 });
    expect(right.read(rx)).toBe(2);
    expect(rowsOf(rx)[0]).toEqual(tcp({ text: [1, 2, 3] }));
    expect([...rx.vouched.subarray(0, 2)]).toEqual([0, 0]);
    expect(left.counters.tooLong).toBe(2);
  });

  test("design.md §7: a full queue keeps the rows with the writer, calls writable once read, and loses nothing", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 24, max: 1500 }),
        (queueDatagrams, count, length) => {
          const { timebase, left, right } = pairOf({ queueDatagrams, queueOctets: 65_535 });
          const { got } = receiver(right, new RxBatch(4, 100_000));
          const tx = new TxBatch();
          const sender = new Told();
          let next = 0;
          sender.onWritable = () => {
            while (next < count && tx.hasRoom()) addRow(tx, numbered(next++, length));
            left.write(tx);
          };
          left.start(sender);
          sender.onWritable();
          timebase.run();
          // The batch may have been emptied with more to come; whoever drives it would go on.
          while (next < count) {
            sender.onWritable();
            timebase.run();
          }
          expect(got.map(numberIn)).toEqual(Array.from({ length: count }, (_, i) => i));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("design.md §7: a writer gets exactly the bound of the queue in, and is told only after a read", () => {
    const { timebase, left, right } = pairOf({ queueDatagrams: 3 });
    const sender = new Told();
    left.start(sender);
    right.start(new Told());
    const tx = batchOf(5);
    left.write(tx);
    expect(tx.pending).toBe(2);
    const rx = new RxBatch();
    right.read(rx);
    expect(sender.events).toEqual([]);
    for (let turn = 0; turn < 3; turn++) timebase.settle();
    expect(sender.events).toEqual(["writable"]);
    left.write(tx);
    right.read(rx);
    expect(rowsOf(rx).map(numberIn)).toEqual([3, 4]);
  });

  test("device.ts: readable is told again while something is left", () => {
    const { timebase, left, right } = pairOf();
    const { told } = slowReader(right);
    left.write(batchOf(3));
    timebase.run();
    expect(told.events).toEqual(["readable", "readable", "readable"]);
  });

  test("device.ts: closing one side tells the other down(null) once, behind what it can still read", () => {
    const { timebase, left, right } = pairOf();
    const closer = new Told();
    left.start(closer);
    const { told, got } = receiver(right, new RxBatch());
    const tx = new TxBatch();
    addRow(tx, numbered(1));
    left.write(tx);
    left.close();
    left.close();
    expect(told.events).toEqual([]);
    timebase.run();
    expect(got.map(numberIn)).toEqual([1]);
    expect(told.events).toEqual(["readable", "down"]);
    expect(told.reason).toBeNull();
    expect(closer.events).toEqual([]);
    addRow(tx, numbered(2));
    right.write(tx);
    expect(tx.pending).toBe(0);
    expect(right.counters.peerClosed).toBe(1);
    right.close();
    timebase.run();
    expect(told.events).toEqual(["readable", "down"]);
  });

  test("device.ts: an owner that reads a little at a time has read everything before it hears down", () => {
    const { timebase, left, right } = pairOf();
    const { rx, told } = slowReader(right);
    left.write(batchOf(3));
    left.close();
    timebase.run();
    expect(told.events).toEqual(["readable", "readable", "readable", "down"]);
    expect(rowsOf(rx).map(numberIn)).toEqual([2]);
  });

  test("device.ts: an owner that reads no more hears down all the same", () => {
    const { timebase, left, right } = pairOf();
    const told = new Told();
    right.start(told);
    left.write(batchOf(1));
    left.close();
    timebase.run();
    expect(told.events).toEqual(["readable", "down"]);
  });
});

describe("loopback", () => {
  test("RFC 1122 §3.2.1.3(g): what is written comes back, super-segments whole, and closing tells nothing", () => {
    const timebase = new VirtualTimebase();
    const device = loopbackDevice({ timebase });
    const { told, got } = receiver(device, new RxBatch());
    const tx = new TxBatch();
    addPartialRow(tx, tcp({ text: new Array<number>(60_000).fill(1) }), [10], 1460);
    addRow(tx, numbered(5, 65_000));
    device.write(tx);
    timebase.run();
    expect(got.map((datagram) => datagram.length)).toEqual([60_040, 65_000]);
    device.close();
    timebase.run();
    expect(told.events).toEqual(["readable"]);
  });
});
