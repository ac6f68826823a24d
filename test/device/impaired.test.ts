import { describe, expect, test } from "vitest";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { type ImpairedDevice, type ImpairedOptions, READY_OCTETS_MAX, impaired } from "../../src/device/impaired.ts";
import { type MemoryDevice, memoryPair } from "../../src/device/memory.ts";
import { verifySuperSegment } from "../../src/device/offload.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { Told, addPartialRow, addRow, numberIn, numbered, receiver, rowsOf, tcp } from "./datagrams.ts";

interface Bench {
  readonly timebase: VirtualTimebase;
  readonly device: ImpairedDevice;
  readonly far: MemoryDevice;
}

function bench(options: Partial<ImpairedOptions>, queueDatagrams = 1024): Bench {
  const timebase = new VirtualTimebase();
  const [near, far] = memoryPair({ timebase, queueDatagrams });
  return { timebase, device: impaired(near, { timebase, seed: 1, ...options }), far };
}

const LONG = tcp({ text: Array.from({ length: 5000 }, (_, i) => i & 255) });
const textOf = (datagrams: readonly Uint8Array[]) => datagrams.flatMap((datagram) => [...datagram.subarray(40)]);

describe("impaired device", () => {
  test("design.md §9: super-segments go out finished and cut to the MTU, nothing vouched for", () => {
    const { timebase, device, far } = bench({});
    device.start(new Told());
    const tx = new TxBatch();
    addPartialRow(tx, LONG, [333], 1460);
    addPartialRow(tx, tcp({ text: [1, 2, 3] }), [1]);
    expect(device.offload).toEqual({ checksum: true, segmentMax: 65_535 });
    device.write(tx);
    expect(tx.pending).toBe(0);
    timebase.settle();
    const rx = new RxBatch();
    expect(far.read(rx)).toBe(5);
    const datagrams = rowsOf(rx);
    expect(datagrams.map((datagram) => datagram.length)).toEqual([1500, 1500, 1500, 660, 43]);
    expect(datagrams.every((datagram) => verifySuperSegment(datagram, 0, datagram.length))).toBe(true);
    expect(textOf(datagrams.slice(0, 4))).toEqual([...LONG.subarray(40)]);
    expect([...rx.vouched.subarray(0, 5), ...rx.gsoSize.subarray(0, 5)]).toEqual(new Array(10).fill(0));
  });

  test("design.md §9: super-segments come in finished and cut to the MTU, nothing vouched for", () => {
    const { timebase, device, far } = bench({});
    const rx = new RxBatch();
    const { got } = receiver(device, rx);
    const tx = new TxBatch();
    addPartialRow(tx, LONG, [], 1460);
    addPartialRow(tx, tcp({ text: [1, 2, 3] }), []);
    far.write(tx);
    timebase.run();
    expect(got.map((datagram) => datagram.length)).toEqual([1500, 1500, 1500, 660, 43]);
    expect(got.every((datagram) => verifySuperSegment(datagram, 0, datagram.length))).toBe(true);
    expect(got[4]).toEqual(tcp({ text: [1, 2, 3] }));
    expect([...rx.vouched.subarray(0, 5), ...rx.gsoSize.subarray(0, 5)]).toEqual(new Array(10).fill(0));
  });

  test("RFC 9293 §3.1 MUST-3: a wrong checksum that nobody vouched for is never made right", () => {
    const { timebase, device, far } = bench({});
    const { got } = receiver(device, new RxBatch());
    const tx = new TxBatch();
    const bad = tcp({ text: [1, 2, 3] });
    bad[42] ^= 1;
    addRow(tx, bad);
    const badLong = LONG.slice();
    badLong[99] ^= 1;
    addRow(tx, badLong);
    tx.gsoSize[1] = 1460;
    far.write(tx);
    timebase.run();
    expect(got).toEqual([bad]);
    expect(device.counters.badChecksum).toBe(1);
  });

  test("design.md §7: what is too long or cannot be cut is counted and dropped", () => {
    const { device } = bench({});
    device.start(new Told());
    const tx = new TxBatch();
    addRow(tx, numbered(1, 1501));
    addRow(tx, numbered(2, 3000));
    tx.gsoSize[1] = 1000;
    device.write(tx);
    expect(tx.pending).toBe(0);
    expect(device.counters).toMatchObject({ tooLong: 1, malformed: 1 });
  });

  test("design.md §9: out + in each have their own faults, and one does not disturb the other", () => {
    const fates = (interleaved: boolean) => {
      const { timebase, device, far } = bench({ seed: 42, loss: 0.3, in: { duplicate: 0.5 } });
      const { got } = receiver(device, new RxBatch());
      const farGot = receiver(far, new RxBatch()).got;
      const tx = new TxBatch();
      for (let i = 0; i < 100; i++) {
        addRow(tx, numbered(i));
        device.write(tx);
        if (interleaved) timebase.advance(1);
        addRow(tx, numbered(i));
        far.write(tx);
        if (interleaved) timebase.advance(1);
      }
      timebase.run();
      return { counters: device.counters, got: got.map(numberIn), farGot: farGot.map(numberIn) };
    };
    const one = fates(true);
    expect(fates(false)).toEqual(one);
    expect(one.counters.out.lost).toBeGreaterThan(10);
    expect(one.counters.out.duplicated).toBe(0);
    expect(one.counters.in.lost).toBe(0);
    expect(one.counters.in.duplicated).toBeGreaterThan(30);
    expect(one.farGot.length).toBe(100 - one.counters.out.lost);
  });

  test("design.md §9: delay passes in the time base, in both directions, and keeps the order", () => {
    const { timebase, device, far } = bench({ delayMs: 20, jitterMs: 3 });
    const near = receiver(device, new RxBatch());
    const away = receiver(far, new RxBatch());
    const tx = new TxBatch();
    for (let i = 0; i < 50; i++) addRow(tx, numbered(i));
    device.write(tx);
    for (let i = 0; i < 50; i++) addRow(tx, numbered(i));
    far.write(tx);
    timebase.advance(19.999);
    expect([near.got.length, away.got.length]).toEqual([0, 0]);
    timebase.advance(3.001);
    const all = Array.from({ length: 50 }, (_, i) => i);
    expect(near.got.map(numberIn)).toEqual(all);
    expect(away.got.map(numberIn)).toEqual(all);
    expect(timebase.pending).toBe(0);
  });

  test("design.md §7: an inner device that refuses rows gets them later, in order, and the stack keeps what is beyond the bound", () => {
    const { timebase, device, far } = bench({}, 4);
    const told = new Told();
    device.start(told);
    const tx = new TxBatch();
    let next = 0;
    for (let refused = false; !refused; refused = tx.pending > 0) {
      while (tx.hasRoom()) addRow(tx, numbered(next++, 1400));
      device.write(tx);
      expect(next * 1400).toBeLessThan(READY_OCTETS_MAX + 1_000_000);
    }
    expect(told.events).toEqual([]);
    told.onWritable = () => {
      device.write(tx);
    };
    const { got } = receiver(far, new RxBatch());
    timebase.run();
    expect(told.events).toContain("writable");
    expect(tx.pending).toBe(0);
    expect(got.map(numberIn)).toEqual(Array.from({ length: next }, (_, i) => i));
    expect(device.counters.out.released).toBe(next);
  });

  test("device.ts: a burst larger than the reader's batch is read to its end, although most of it is lost", () => {
    const { timebase, device, far } = bench({ loss: 0.9 });
    const { got } = receiver(device, new RxBatch(3, 70_000));
    const tx = new TxBatch(1000);
    for (let i = 0; i < 1000; i++) addRow(tx, numbered(i));
    far.write(tx);
    timebase.run();
    expect(got.length).toBe(1000 - device.counters.in.lost);
    expect(device.counters.in.entered).toBe(1000);
  });

  test("device.ts: read asks the inner device itself, without waiting to be told", () => {
    const { device, far } = bench({});
    device.start(new Told());
    const tx = new TxBatch();
    for (let i = 0; i < 3; i++) addRow(tx, numbered(i));
    far.write(tx);
    expect(device.read(new RxBatch())).toBe(3);
  });

  test("device.ts: the end of the inner device is told behind what has arrived; what is on its way is counted", () => {
    const { timebase, device, far } = bench({ in: {}, out: { delayMs: 5 } });
    const { told, got } = receiver(device, new RxBatch());
    const tx = new TxBatch();
    addRow(tx, numbered(1));
    device.write(tx);
    addRow(tx, numbered(2));
    far.write(tx);
    far.close();
    timebase.run();
    expect(got.map(numberIn)).toEqual([2]);
    expect(told.events).toEqual(["readable", "down"]);
    expect(device.counters.out.discarded).toBe(1);
    addRow(tx, numbered(3));
    device.write(tx);
    expect([tx.pending, device.counters.afterDown]).toEqual([0, 1]);
  });

  test("device.ts: close tells nothing afterwards, leaves no timer, and closes the inner device", () => {
    const { timebase, device, far } = bench({ delayMs: 5 });
    const told = new Told();
    device.start(told);
    const farTold = receiver(far, new RxBatch()).told;
    const tx = new TxBatch();
    addRow(tx, numbered(1));
    device.write(tx);
    device.close();
    device.close();
    timebase.run();
    expect(told.events).toEqual([]);
    expect(farTold.events).toEqual(["down"]);
    expect(timebase.nowUs()).toBe(0);
  });
});
