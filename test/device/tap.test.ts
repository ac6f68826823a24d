import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { HELD_OCTETS_MAX } from "../../src/device/held-blocks.ts";
import { type MemoryDevice, memoryPair } from "../../src/device/memory.ts";
import { PACKET_AT } from "../../src/device/pcapng.ts";
import { type CaptureOptions, type CapturedDevice, captured } from "../../src/device/tap.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { FIN, PSH, Told, addPartialRow, addRow, icmp, numberIn, numbered, tcp, udp } from "./datagrams.ts";

/** 2026-01-02 03:04:05.678901 UTC. */
const EPOCH_US = 1_767_323_045_678_901;

/** A sink that keeps everything, or, when held, completes nothing. */
class Kept extends Writable {
  readonly chunks: Uint8Array[] = [];
  held = false;

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.chunks.push(chunk);
    if (this.held) this.release = done;
    else done();
  }
  /** Completes the write that was held. */
  release: () => void = () => undefined;
}

interface Bench {
  readonly timebase: VirtualTimebase;
  readonly device: CapturedDevice;
  readonly far: MemoryDevice;
}

function bench(sink: Writable | string, options: Partial<CaptureOptions> = {}, queueDatagrams = 64): Bench {
  const timebase = new VirtualTimebase(5_000_000);
  const [near, far] = memoryPair({ timebase, queueDatagrams, name: "tun7" });
  const device = captured(near, sink, { timebase, epochUs: EPOCH_US, ...options });
  return { timebase, device, far };
}

interface Packet {
  readonly epochUs: number;
  readonly direction: number;
  readonly bytes: Uint8Array;
}

/** The Enhanced Packet Blocks of a capture; the last option is the flags'. */
function packets(capture: Uint8Array): Packet[] {
  const view = new DataView(capture.buffer, capture.byteOffset, capture.length);
  const found: Packet[] = [];
  for (let at = 0; at < capture.length; at += view.getUint32(at + 4, true)) {
    if (view.getUint32(at, true) !== 6) continue;
    const length = view.getUint32(at + 20, true);
    found.push({
      epochUs: view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 16, true),
      direction: capture[at + PACKET_AT + ((length + 3) & ~3) + 4],
      bytes: Uint8Array.from(capture.subarray(at + PACKET_AT, at + PACKET_AT + length)),
    });
  }
  return found;
}

/** The types of the blocks of a capture, in order. */
function blockTypes(chunks: readonly Uint8Array[]): number[] {
  return chunks.map((block) => new DataView(block.buffer, block.byteOffset).getUint32(0, true));
}

const [SECTION, INTERFACE, STATISTICS, PACKET, SECRETS] = [0x0a0d0d0a, 1, 5, 6, 10];

describe("captured device", () => {
  test("design.md §8: both directions are recorded with direction, wall-clock time and finished checksums", async () => {
    const sink = new Kept();
    const { timebase, device, far } = bench(sink);
    device.start(new Told());
    const tx = new TxBatch();
    addPartialRow(tx, tcp({ text: [1, 2, 3] }), [1]);
    device.write(tx);
    const rx = new RxBatch();
    far.read(rx);
    expect(rx.vouched[0]).toBe(1); // The copy alone was finished.
    timebase.advance(1500);
    addPartialRow(tx, udp([4, 5, 6]), []);
    addPartialRow(tx, icmp([7, 8]), []);
    const bad = tcp({ text: [9] });
    bad[40] ^= 1;
    addRow(tx, bad);
    far.write(tx);
    expect(device.read(rx)).toBe(3);
    device.close();
    await device.flushed;
    expect(packets(Buffer.concat(sink.chunks))).toEqual([
      { epochUs: EPOCH_US, direction: 2, bytes: tcp({ text: [1, 2, 3] }) },
      { epochUs: EPOCH_US + 1_500_000, direction: 1, bytes: udp([4, 5, 6]) },
      { epochUs: EPOCH_US + 1_500_000, direction: 1, bytes: icmp([7, 8]) },
      { epochUs: EPOCH_US + 1_500_000, direction: 1, bytes: bad },
    ]);
    expect(device.counters).toEqual({ seen: 4, dropped: 0 });
  });

  test("design.md §8: a row that the inner device refuses is recorded when it is taken, once", async () => {
    const sink = new Kept();
    const { device, far } = bench(sink, {}, 2);
    device.start(new Told());
    const tx = new TxBatch();
    for (let i = 0; i < 5; i++) addRow(tx, numbered(i));
    const rx = new RxBatch();
    for (let left = 3; left >= 0; left = left === 3 ? 1 : left === 1 ? 0 : -1) {
      device.write(tx);
      expect(tx.pending).toBe(left);
      far.read(rx);
    }
    device.close();
    await device.flushed;
    expect(packets(Buffer.concat(sink.chunks)).map(({ bytes }) => numberIn(bytes))).toEqual([0, 1, 2, 3, 4]);
  });

  test("design.md §7: a sink that lags bounds the memory: packets beyond are counted, passed on, and told in the statistics", async () => {
    const sink = new Kept();
    sink.held = true;
    const { device, far } = bench(sink, { bufferOctets: 4000 });
    device.start(new Told());
    const tx = new TxBatch();
    for (let i = 0; i < 20; i++) addRow(tx, numbered(i, 1000));
    device.write(tx);
    expect(sink.writableLength).toBeLessThan(4000 + 1100);
    const rx = new RxBatch();
    expect(far.read(rx)).toBe(20);
    far.write(tx);
    addRow(tx, numbered(77));
    far.write(tx);
    device.read(rx);
    expect(rx.rows).toBe(1);
    expect(device.counters.seen).toBe(21);
    const kept = 21 - device.counters.dropped;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(5);
    device.close();
    sink.held = false;
    sink.release();
    await device.flushed;
    // Its statistics are written whatever the sink had refused: option 4, received, and option 5, dropped, as they stood.
    const tail = Buffer.concat(sink.chunks).subarray(-28);
    expect([tail.readBigUInt64LE(0), tail.readBigUInt64LE(12)]).toEqual([21n, BigInt(device.counters.dropped)]);
  });

  test("pcapng §4.7: secrets stand before the packets that are held back for them, and before none that is older", async () => {
    const sink = new Kept();
    const { timebase, device } = bench(sink, { holdMs: 100 });
    device.start(new Told());
    const tx = new TxBatch();
    addRow(tx, numbered(1));
    device.write(tx);
    timebase.advance(60);
    addRow(tx, numbered(2));
    device.write(tx);
    expect(blockTypes(sink.chunks)).toEqual([SECTION, INTERFACE]);
    timebase.advance(40);
    expect(blockTypes(sink.chunks)).toEqual([SECTION, INTERFACE, PACKET]);
    device.addSecrets(Uint8Array.of(10));
    timebase.advance(60);
    expect(blockTypes(sink.chunks)).toEqual([SECTION, INTERFACE, PACKET, SECRETS, PACKET]);
    addRow(tx, numbered(3));
    device.write(tx);
    device.close();
    await device.flushed;
    expect(blockTypes(sink.chunks).slice(5)).toEqual([PACKET, STATISTICS]);
    expect(packets(Buffer.concat(sink.chunks)).map(({ bytes }) => numberIn(bytes))).toEqual([1, 2, 3]);
  });

  test("design.md §7: what is held back has a bound: the oldest packets go early, and all count as waiting", () => {
    const sink = new Kept();
    const { device, far } = bench(sink, { holdMs: 100, bufferOctets: 2 * HELD_OCTETS_MAX });
    device.start(new Told());
    const tx = new TxBatch();
    const rx = new RxBatch();
    for (let octets = 0; octets < HELD_OCTETS_MAX; octets += 60_000) {
      addRow(tx, numbered(octets, 60_000));
      device.write(tx);
      far.read(rx);
    }
    expect(blockTypes(sink.chunks)).toEqual([SECTION, INTERFACE, PACKET]);
    sink.held = true;
    for (let i = 0; i < 40; i++) {
      addRow(tx, numbered(i, 60_000));
      device.write(tx);
      far.read(rx);
    }
    expect(device.counters.dropped).toBeGreaterThan(0);
  });

  test("design.md §7: a sink that fails is told once and never holds up the device", async () => {
    const reason = new Error("disk full");
    const sink = new Writable({
      write: (_chunk, _encoding, done) => {
        done(reason);
      },
    });
    const told: Error[] = [];
    const { device, far } = bench(sink, { onSinkError: (error) => told.push(error) });
    await device.flushed;
    device.start(new Told());
    const tx = new TxBatch();
    addRow(tx, numbered(1));
    device.write(tx);
    expect(far.read(new RxBatch())).toBe(1);
    expect(device.counters).toEqual({ seen: 1, dropped: 1 });
    device.close();
    expect(told).toEqual([reason]);
  });

  test("device.ts: name, MTU, offload and events are the inner device's; close is safe to call again", async () => {
    const sink = new Kept();
    const { timebase, device, far } = bench(sink);
    const told = new Told();
    device.start(told);
    expect([device.name, device.mtu, device.offload]).toEqual(["tun7.0", 1500, far.offload]);
    const rx = new RxBatch();
    told.onReadable = () => device.read(rx);
    const tx = new TxBatch();
    addRow(tx, numbered(1));
    far.write(tx);
    timebase.run();
    expect(told.events).toEqual(["readable"]);
    device.close();
    device.close();
    await device.flushed;
  });
});

/** `tshark`'s output for `file`, or `null` where there is no tshark. */
function tshark(file: string, ...options: string[]): string | null {
  try {
    const checks = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"].flatMap((name) => [
      "-o",
      `${name}:TRUE`,
    ]);
    return execFileSync("tshark", ["-n", "-r", file, ...checks, ...options], {
      stdio: ["ignore", "pipe", "pipe"],
    }).toString();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

const hasTshark = tshark("/dev/null", "--version") !== null;

test.runIf(hasTshark)(
  "design.md §8: tshark reads the capture: nothing malformed, every checksum good, super-segments whole",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "fourtuple-tap-"));
    const file = join(folder, "run.pcapng");
    try {
      const { timebase, device, far } = bench(file);
      device.start(new Told());
      const tx = new TxBatch();
      const rx = new RxBatch();
      const text = Array.from({ length: 65_535 - 40 }, (_, i) => i & 255);
      addPartialRow(tx, tcp({ text, flags: 16 | PSH, seq: 1 }), [1000], 1460);
      addPartialRow(tx, tcp({ text: [], flags: 16 | FIN, seq: 1 + text.length }), []);
      device.addSecrets(new TextEncoder().encode(`CLIENT_RANDOM ${"ab".repeat(32)} ${"cd".repeat(48)}\n`));
      device.write(tx);
      far.read(rx);
      timebase.advance(0.25);
      addPartialRow(tx, udp([1, 2, 3]), []);
      addPartialRow(tx, icmp([1, 2, 3]), []);
      far.write(tx);
      device.read(rx);
      device.close();
      await device.flushed;
      const rows = tshark(
        file,
        "-T",
        "fields",
        "-E",
        "separator=,",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.len",
        "-e",
        "frame.interface_name",
        "-e",
        "frame.packet_flags_direction",
        "-e",
        "ip.checksum.status",
        "-e",
        "tcp.checksum.status",
        "-e",
        "udp.checksum.status",
        "-e",
        "icmp.checksum.status",
      );
      expect(rows?.trim().split("\n")).toEqual([
        "1767323045.678901000,65535,tun7.0,0x00000002,1,1,,",
        "1767323045.678901000,40,tun7.0,0x00000002,1,1,,",
        "1767323045.679151000,31,tun7.0,0x00000001,1,,1,",
        "1767323045.679151000,31,tun7.0,0x00000001,1,,,1",
      ]);
      expect(tshark(file, "-Y", "_ws.malformed || _ws.expert.severity >= 6291456")).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
