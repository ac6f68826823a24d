import { Duplex, PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { duplexDevice } from "../../src/device/duplex.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { Told, addPartialRow, addRow, numberIn, numbered, receiver, tcp } from "./datagrams.ts";

/** One turn of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A stream that keeps what is written, completing a write only when told. */
class Slow extends Duplex {
  readonly written: Uint8Array[] = [];
  #complete: (() => void) | null = null;

  override _read(): void {
    // `push` comes from the test.
  }
  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    this.#complete = done;
  }
  complete(): void {
    const done = this.#complete;
    this.#complete = null;
    done?.();
  }
}

describe.each([{ objectMode: false }, { objectMode: true }])("duplex, objectMode: $objectMode", ({ objectMode }) => {
  test("design.md §2: each chunk is one datagram, both ways, with its checksum finished", async () => {
    const timebase = new VirtualTimebase();
    const device = duplexDevice(new PassThrough({ objectMode, highWaterMark: 1 << 20 }), { timebase, mtu: 1500 });
    const { told, got } = receiver(device, new RxBatch());
    const tx = new TxBatch();
    addPartialRow(tx, tcp({ text: [1, 2, 3] }), [1]);
    for (let i = 0; i < 20; i++) addRow(tx, numbered(i));
    device.write(tx);
    expect(told.events).toEqual([]);
    await timebase.elapse(0);
    expect(got[0]).toEqual(tcp({ text: [1, 2, 3] }));
    expect(got.slice(1).map(numberIn)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    device.close();
  });

  test("design.md §7: rows stay with the stack from a full stream to its drain, and none is lost or doubled", async () => {
    const timebase = new VirtualTimebase();
    const stream = new Slow({ objectMode, writableHighWaterMark: objectMode ? 4 : 4 * 64 });
    const device = duplexDevice(stream, { timebase, mtu: 1500 });
    const told = new Told();
    const tx = new TxBatch();
    device.start(told);
    for (let i = 0; i < 10; i++) addRow(tx, numbered(i));
    device.write(tx);
    expect(tx.pending).toBe(6);
    device.write(tx);
    expect(tx.pending).toBe(6);
    told.onWritable = () => {
      device.write(tx);
    };
    for (let writes = 0; writes < 20; writes++) {
      stream.complete();
      await timebase.elapse(0);
    }
    expect(stream.written.map(numberIn)).toEqual(Array.from({ length: 10 }, (_, i) => i));
    expect(told.events.filter((event) => event === "writable").length).toBeGreaterThanOrEqual(2);
    device.close();
  });

  test("design.md §7: a full queue pauses the stream, reading resumes it, and nothing is lost", async () => {
    const timebase = new VirtualTimebase();
    const stream = new Slow({ objectMode, readableHighWaterMark: 1 << 20 });
    const device = duplexDevice(stream, { timebase, mtu: 1500, queueDatagrams: 5 });
    const rx = new RxBatch(2, 70_000);
    device.start(new Told());
    for (let i = 0; i < 12; i++) stream.push(numbered(i));
    await turn();
    expect(stream.isPaused()).toBe(true);
    const got: number[] = [];
    for (let reads = 0; reads < 20; reads++) {
      for (let row = 0, rows = device.read(rx); row < rows; row++) {
        got.push(numberIn(rx.frame.bytes.slice(rx.at[row], rx.end[row])));
      }
      await turn();
    }
    expect(got).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(device.counters.overflowed).toBe(0);
    device.close();
  });

  test("design.md §7: what is longer than the MTU is dropped and counted, both ways", async () => {
    const timebase = new VirtualTimebase();
    const stream = new Slow({ objectMode });
    const device = duplexDevice(stream, { timebase, mtu: 100 });
    const { got } = receiver(device, new RxBatch());
    stream.push(numbered(1, 101));
    stream.push(numbered(2, 100));
    const tx = new TxBatch();
    addRow(tx, numbered(3, 101));
    addPartialRow(tx, tcp({ text: [1, 2, 3, 4] }), [], 2);
    addRow(tx, numbered(4, 100));
    device.write(tx);
    await timebase.elapse(0);
    expect(got.map(numberIn)).toEqual([2]);
    expect(stream.written.map(numberIn)).toEqual([4]);
    expect(device.counters).toMatchObject({ oversized: 1, tooLong: 2 });
    device.close();
  });

  test("device.ts: the stream's end is down(null), told once, behind what it sent; rows after it are counted", async () => {
    const timebase = new VirtualTimebase();
    const stream = new Slow({ objectMode });
    const device = duplexDevice(stream, { timebase, mtu: 1500 });
    const { told, got } = receiver(device, new RxBatch());
    stream.push(numbered(1));
    stream.push(null);
    await timebase.elapse(0);
    await timebase.elapse(0);
    expect(got.length).toBe(1);
    expect(told.events).toEqual(["readable", "down"]);
    expect(told.reason).toBeNull();
    stream.destroy();
    const tx = new TxBatch();
    addRow(tx, numbered(1));
    device.write(tx);
    await timebase.elapse(0);
    expect([tx.pending, device.counters.afterDown]).toEqual([0, 1]);
    expect(told.events).toEqual(["readable", "down"]);
  });

  test("device.ts: the stream's error is down(error), before the start too, and never ends the process", async () => {
    for (const early of [true, false]) {
      const timebase = new VirtualTimebase();
      const stream = new Slow({ objectMode });
      const device = duplexDevice(stream, { timebase, mtu: 1500 });
      const told = new Told();
      const reason = new Error("the tunnel broke");
      if (early) {
        stream.destroy(reason);
        await timebase.elapse(0);
      }
      device.start(told);
      if (!early) stream.destroy(reason);
      await timebase.elapse(0);
      expect(told.events).toEqual(["down"]);
      expect(told.reason).toBe(reason);
      device.close();
    }
  });

  test("device.ts: a stream that had closed before the start is down(null)", async () => {
    const timebase = new VirtualTimebase();
    const stream = new Slow({ objectMode });
    const device = duplexDevice(stream, { timebase, mtu: 1500 });
    stream.destroy();
    await timebase.elapse(0);
    const told = new Told();
    device.start(told);
    await timebase.elapse(0);
    expect(told.events).toEqual(["down"]);
    expect(told.reason).toBeNull();
  });

  test("device.ts: close destroys the stream and tells nothing afterwards", async () => {
    const timebase = new VirtualTimebase();
    const stream = new Slow({ objectMode });
    const device = duplexDevice(stream, { timebase, mtu: 1500 });
    const told = new Told();
    device.start(told);
    device.close();
    device.close();
    await timebase.elapse(0);
    expect(stream.destroyed).toBe(true);
    expect(told.events).toEqual([]);
  });
});

test("design.md §7: chunks that are no octets are dropped and counted", async () => {
  const timebase = new VirtualTimebase();
  const stream = new Slow({ objectMode: true });
  const device = duplexDevice(stream, { timebase, mtu: 1500 });
  const { got } = receiver(device, new RxBatch());
  for (const chunk of ["text", 7, { datagram: 1 }, new Uint16Array(40), new Uint8Array(0), numbered(1)])
    stream.push(chunk);
  await timebase.elapse(0);
  expect(got.map(numberIn)).toEqual([1]);
  expect(device.counters.notADatagram).toBe(5);
  device.close();
});

test("device.ts: a stream that throws from its own write is down(error); write itself never throws", async () => {
  const timebase = new VirtualTimebase();
  const reason = new Error("thrown, not reported");
  const stream = new Duplex({
    read: () => undefined,
    write: () => {
      throw reason;
    },
  });
  const device = duplexDevice(stream, { timebase, mtu: 1500 });
  const told = new Told();
  device.start(told);
  const tx = new TxBatch();
  addRow(tx, numbered(1));
  device.write(tx);
  await timebase.elapse(0);
  expect(told.reason).toBe(reason);
  device.close();
});
