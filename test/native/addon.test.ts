import { execFileSync } from "node:child_process";
import { constants, fstatSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";

import { sumOctets } from "../../src/base/checksum.ts";
import {
  EVENT_READABLE,
  EVENT_WRITABLE,
  loadTunAddon,
  SET_QUEUE_LENGTH,
  type TunAddon,
  WRITE_RESULT_ROWS,
} from "../../src/device/tun-addon.ts";
import { EAGAIN, EINVAL } from "../../src/device/tun-errors.ts";
import { needsAddon } from "../support/namespace.ts";

// A FIFO, opened for both directions, stands in for a device: it needs no privileges and does fill up.
let addon: TunAddon;
const { O_RDWR, O_NONBLOCK } = constants;
const ENOSPC = 28;
const HEAD = new Uint8Array([1, 2, 3, 4]);

let folder: string;
let fifo: string;
let fd: number;
let handle: number;

beforeEach((context) => {
  needsAddon(context);
  addon = loadTunAddon();
  folder = mkdtempSync(join(tmpdir(), "fourtuple-"));
  fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  fd = openSync(fifo, O_RDWR | O_NONBLOCK);
  handle = addon.adopt(fd);
  context.onTestFinished(() => {
    try {
      addon.close(handle);
    } catch {
      // The test has closed it.
    }
    rmSync(folder, { recursive: true });
  });
});

/** Writes rows of `HEAD` and pieces, each with four fields that complete no sum; `pieces` are [bytes, at, length]. */
function write(plan: number[], rows: number, pieces: [Uint8Array | null, number, number][] = []): number {
  return addon.writeBatch(
    handle,
    HEAD,
    Int32Array.from(plan.flatMap((field, i) => (i % 4 === 3 ? [field, 0, 0] : [field]))),
    rows,
    pieces.map(([bytes]) => bytes),
    Int32Array.from(pieces, ([, at]) => at),
    Int32Array.from(pieces, ([, , length]) => length),
  );
}

function received(): number[] {
  const into = new Uint8Array(100);
  return [...into.subarray(0, readSync(fd, into))];
}

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

describe("writeBatch", () => {
  test("a row is a range of the head and ranges of its pieces, in order; nothing else is written", () => {
    const result = write([1, 2, 1, 2, 0, 1, 0, 0], 2, [
      [bytes(99), 0, 1],
      [bytes(10, 11, 12), 1, 2],
      [bytes(20, 21), 0, 1],
    ]);
    expect(result).toBe(2 * WRITE_RESULT_ROWS);
    expect(received()).toEqual([2, 3, 11, 12, 20, 1]);
  });

  test("a full device keeps the row that it refused and those behind it", () => {
    const large: [Uint8Array, number, number] = [new Uint8Array(40_000), 0, 40_000];
    const result = write([0, 4, 0, 1, 0, 4, 0, 1, 0, 4, 0, 1], 3, [large]);
    // A FIFO of 65,536 octets takes one row and a part of the next; a TUN takes rows whole or not at all.
    expect(result % WRITE_RESULT_ROWS).toBe(EAGAIN);
    expect((result - EAGAIN) / WRITE_RESULT_ROWS).toBeLessThan(3);
  });

  test("another refusal is told with its errno and the rows before it", () => {
    addon.close(handle);
    handle = addon.adopt(openSync("/dev/full", O_RDWR));
    expect(write([0, 4, 0, 0], 1)).toBe(ENOSPC);
  });

  test("an empty range at the end of its buffer is legal", () => {
    expect(write([4, 0, 0, 1], 1, [[bytes(7), 1, 0]])).toBe(WRITE_RESULT_ROWS);
  });

  test.for<[string, number[], number, [Uint8Array | null, number, number][]]>([
    ["a head before its buffer", [-1, 2, 0, 0], 1, []],
    ["a head of negative length", [0, -1, 0, 0], 1, []],
    ["a head behind its buffer", [3, 2, 0, 0], 1, []],
    ["a head whose end overflows", [0x7fff_ffff, 0x7fff_ffff, 0, 0], 1, []],
    ["more rows than planned", [0, 1, 0, 0], 2, []],
    ["pieces before the list", [0, 1, -1, 1], 1, [[bytes(1), 0, 1]]],
    ["pieces behind the list", [0, 1, 0, 2], 1, [[bytes(1), 0, 1]]],
    ["a negative number of pieces", [0, 1, 0, -1], 1, [[bytes(1), 0, 1]]],
    ["too many pieces", [0, 1, 0, 256], 1, Array.from({ length: 256 }, () => [bytes(1), 0, 1])],
    ["a piece before its buffer", [0, 1, 0, 1], 1, [[bytes(1), -1, 1]]],
    ["a piece behind its buffer", [0, 1, 0, 1], 1, [[bytes(1, 2), 1, 2]]],
    ["a piece of negative length", [0, 1, 0, 1], 1, [[bytes(1, 2), 1, -1]]],
    ["a piece whose end overflows", [0, 1, 0, 1], 1, [[bytes(1), 0x7fff_ffff, 0x7fff_ffff]]],
  ])("%s is refused and nothing is written", ([, plan, rows, pieces]) => {
    expect(() => write(plan, rows, pieces)).toThrow(RangeError);
    expect(() => received()).toThrow("EAGAIN");
  });

  test("a row that is refused for its plan keeps all of its batch from being written, and every head as it was", () => {
    const head = bytes(1, 2, 3, 4);
    const plan = Int32Array.of(0, 4, 0, 1, 0, 2, 0, 4, 0, 2, 0, 2);
    const lengths = Int32Array.of(1, 2); // The second row's second piece lies behind its buffer.
    const writeBoth = (): number =>
      addon.writeBatch(handle, head, plan, 2, [bytes(7), bytes(8)], new Int32Array(2), lengths);
    expect(writeBoth).toThrow(RangeError);
    expect([...head]).toEqual([1, 2, 3, 4]);
    expect(() => received()).toThrow("EAGAIN");
  });

  test("what a getter in the list of pieces does to plan, ranges, head and device is too late, or is met with an exception", () => {
    const plan = Int32Array.of(0, 2, 0, 1, 0, 0);
    const at = Int32Array.of(0, 0);
    const length = Int32Array.of(1, 1);
    const listed = (meddle: () => void): Uint8Array[] =>
      Object.defineProperty([bytes(7), bytes(8)], 0, {
        get: () => {
          meddle();
          return bytes(9);
        },
      });
    const whole = (pieces: Uint8Array[], head = bytes(1, 2, 3)): number =>
      addon.writeBatch(handle, head, plan, 1, pieces, at, length);
    expect(whole(listed(() => plan.set([0, 3, 0, 255])))).toBe(WRITE_RESULT_ROWS);
    expect(received()).toEqual([1, 2, 9]);
    plan.set([0, 2, 0, 1]);
    expect(() => whole(listed(() => (length[0] = 2)))).toThrow(RangeError);
    length[0] = 1;
    const head = bytes(1, 2, 3);
    const taken = (): unknown => structuredClone(head, { transfer: [head.buffer as ArrayBuffer] });
    expect(() => whole(listed(taken), head)).toThrow(RangeError);
    expect(() =>
      whole(
        listed(() => {
          addon.close(handle);
        }),
      ),
    ).toThrow("the device is closed");
  });

  test("a piece that is missing is refused", () => {
    expect(() => write([0, 1, 0, 1], 1, [[null, 0, 0]])).toThrow(TypeError);
  });
});

describe("a row's sum", () => {
  const sumRow = (head: Uint8Array, from: number, at: number, pieces: readonly Uint8Array[], to = handle): number =>
    addon.writeBatch(
      to,
      head,
      Int32Array.of(0, head.length, 0, pieces.length, from, at),
      1,
      pieces,
      new Int32Array(pieces.length),
      Int32Array.from(pieces, ({ length }) => length),
    );

  test("RFC 1071 §2(B): it is completed over head and pieces of any lengths, and verifies", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 6, maxLength: 9 }),
        fc.nat(4),
        fc.array(fc.uint8Array({ maxLength: 7 }), { maxLength: 5 }),
        (head, from, pieces) => {
          // On a word of the range, as in every protocol; what stands there is the pseudo-header's sum.
          const at = from + ((head.length - from - 2) & ~1);
          const seed = sumOctets(head, at, at + 2, 0);
          expect(sumRow(head, from, at, pieces)).toBe(WRITE_RESULT_ROWS);
          const row = Uint8Array.from(received());
          expect(sumOctets(row, from, row.length, seed)).toBe(0xffff);
        },
      ),
    );
  });

  test("RFC 1624 §3: a sum of zero is sent as 0, and never as 0xffff", () => {
    sumRow(bytes(0, 0, 0, 0), 0, 2, [bytes(0xff, 0xff)]);
    expect(received()).toEqual([0, 0, 0, 0, 0xff, 0xff]);
  });

  test("a row that is refused keeps its head, to be offered again", () => {
    const full = addon.adopt(openSync("/dev/full", O_RDWR));
    const head = bytes(1, 2, 3, 4);
    expect(sumRow(head, 0, 2, [bytes(5)], full)).toBe(ENOSPC);
    expect([...head]).toEqual([1, 2, 3, 4]);
    addon.close(full);
  });

  test.each([
    [0, 3],
    [5, 2],
    [-1, 2],
    [0, -2],
  ])("a range from %i with its sum at %i does not lie in a head of four octets", (from, at) => {
    expect(() => sumRow(bytes(1, 2, 3, 4), from, at, [])).toThrow(RangeError);
  });
});

describe("readBatch", () => {
  const NO_SUMS = new Int32Array(0);
  const read = (slab: Uint8Array, from: number, lead: number, room: number, spans: Int32Array): number =>
    addon.readBatch(handle, slab, from, lead, room, spans, NO_SUMS);

  test("RFC 1071: each row is summed where that is asked for, and no more rows are read than have place for it", () => {
    const octets = Uint8Array.from({ length: 45 }, (_, i) => i * 37);
    write([0, 0, 0, 1], 1, [[octets, 0, 45]]);
    const sums = new Int32Array(4);
    const slab = new Uint8Array(200);
    expect(addon.readBatch(handle, slab, 0, 3, 10, new Int32Array(20), sums)).toBe(4);
    expect([...sums]).toEqual([0, 10, 20, 30].map((at) => sumOctets(octets, at, at + 10, 0)));
    expect(addon.readBatch(handle, slab, 0, 3, 10, new Int32Array(20), sums)).toBe(1);
    expect(sums[0]).toBe(sumOctets(octets, 40, 45, 0));
  });

  test("rows begin their lead behind a multiple of 8, follow each other, and end with what there is", () => {
    write([0, 4, 0, 1], 1, [[new Uint8Array(21).fill(9), 0, 21]]);
    const slab = new Uint8Array(100);
    const spans = new Int32Array(20);
    expect(read(slab, 3, 6, 10, spans)).toBe(3);
    expect([...spans.subarray(0, 6)]).toEqual([14, 24, 30, 40, 46, 51]);
    expect([...slab.subarray(12, 20)]).toEqual([0, 0, 1, 2, 3, 4, 9, 9]);
    expect(read(slab, 0, 0, 10, spans)).toBe(0);
  });

  test("it ends where the spans are full, or where the slab has no room for a whole row", () => {
    write([0, 4, 0, 1], 1, [[new Uint8Array(60), 0, 60]]);
    expect(read(new Uint8Array(100), 0, 0, 8, new Int32Array(5))).toBe(2);
    expect(read(new Uint8Array(31), 0, 0, 16, new Int32Array(10))).toBe(1);
    expect(read(new Uint8Array(15), 0, 0, 16, new Int32Array(10))).toBe(0);
    expect(read(new Uint8Array(16), 0x7fff_ffff, 0x7fff_ffff, 0x7fff_ffff, new Int32Array(10))).toBe(0);
  });

  test("a failure is its errno", () => {
    addon.close(handle);
    handle = addon.adopt(openSync(folder, constants.O_RDONLY));
    expect(read(new Uint8Array(16), 0, 0, 16, new Int32Array(2))).toBe(-21); // EISDIR.
  });

  test("wrong arguments are refused", () => {
    const spans = new Int32Array(2);
    const slab = new Uint8Array(16);
    expect(() => read(slab, -1, 0, 1, spans)).toThrow(RangeError);
    expect(() => read(slab, 0, 0.5, 1, spans)).toThrow(RangeError);
    expect(() => read(slab, 0, NaN, 1, spans)).toThrow(RangeError);
    expect(() => read(slab, 0, 0, 0, spans)).toThrow(RangeError);
    expect(() => read(new Uint16Array(16) as unknown as Uint8Array, 0, 0, 1, spans)).toThrow(TypeError);
    expect(() => read(slab, 0, 0, 1, new Uint32Array(2) as unknown as Int32Array)).toThrow(TypeError);
    expect(() => read("slab" as unknown as Uint8Array, 0, 0, 1, spans)).toThrow(TypeError);
    expect(() => (addon.readBatch as unknown as () => number)()).toThrow(TypeError);
  });
});

describe("handles", () => {
  test("a closed handle is refused, also once its slot is used again; the descriptor is closed", () => {
    addon.close(handle);
    const second = openSync(fifo, O_RDWR | O_NONBLOCK);
    const again = addon.adopt(second);
    expect(again).not.toBe(handle);
    expect(() => addon.poll(handle, 0)).toThrow("the device is closed");
    for (const wrong of [-1, 0x7fff_ffff, handle + 1]) expect(() => addon.deviceFlags(wrong)).toThrow(RangeError);
    addon.close(again);
    expect(() => fstatSync(second)).toThrow("EBADF");
  });

  test("what is no TUN and no descriptor is told by errno", () => {
    expect(addon.adopt(1_000_000)).toBe(-9); // EBADF.
    expect(addon.deviceName(handle)).toBeLessThan(0);
    expect(addon.deviceFlags(handle)).toBeLessThan(0);
    expect(addon.interfaceState("no-such-link", new Int32Array(7))).toBe(-19); // ENODEV.
    expect(addon.interfaceSet("lo", 99, 0)).toBe(-EINVAL);
    expect(addon.interfaceSet("no-such-link", SET_QUEUE_LENGTH, 1)).toBe(-19);
  });

  test("names and states of the wrong shape are refused", () => {
    expect(() => addon.interfaceState("sixteen-octets--", new Int32Array(7))).toThrow(RangeError);
    expect(() => addon.interfaceState("lo", new Int32Array(6))).toThrow(RangeError);
    expect(() => addon.interfaceState(7 as unknown as string, new Int32Array(7))).toThrow(TypeError);
    expect(() => addon.interfaceSet("lo", 0, 2 ** 32)).toThrow(RangeError);
  });
});

describe("polling", () => {
  test("readiness is level-triggered, ends with mask 0, and a poll may close its own device", async () => {
    const told: number[] = [];
    await new Promise<void>((resolve) => {
      addon.start(handle, (events, status) => {
        expect(status).toBe(0);
        told.push(events);
        if (told.length === 1) addon.poll(handle, EVENT_READABLE | EVENT_WRITABLE);
        if (told.length < 3) return;
        addon.close(handle);
        resolve();
      });
      addon.poll(handle, EVENT_WRITABLE);
      write([0, 4, 0, 0], 1);
    });
    expect(told).toEqual([EVENT_WRITABLE, EVENT_READABLE | EVENT_WRITABLE, EVENT_READABLE | EVENT_WRITABLE]);
  });

  test("what cannot be polled is told by errno; out of order is refused", () => {
    const nothing = (): void => undefined;
    expect(() => addon.poll(handle, 1)).toThrow("not started");
    expect(() => addon.watchLinks(handle)).toThrow("after start");
    expect(() => addon.start(handle, null as unknown as typeof nothing)).toThrow(TypeError);
    expect(addon.start(handle, nothing)).toBe(0);
    expect(() => addon.start(handle, nothing)).toThrow("before");
    const full = addon.adopt(openSync("/dev/full", O_RDWR));
    expect(addon.start(full, nothing)).toBe(-1); // EPERM: epoll has nothing to wait for.
    addon.close(full);
  });
});

describe("sum", () => {
  test("RFC 1071 §1: it is the sum of `sumOctets` for every range", () => {
    const range = fc.uint8Array({ maxLength: 300 }).chain((octets) =>
      fc.tuple(fc.constant(octets), fc.nat(octets.length), fc.nat(octets.length)).map(([all, a, b]) => ({
        all,
        at: Math.min(a, b),
        end: Math.max(a, b),
      })),
    );
    fc.assert(
      fc.property(range, ({ all, at, end }) => {
        // 0 and 0xffff are the same number in one's complement.
        expect(addon.sum(all, at, end) % 0xffff).toBe(sumOctets(all, at, end, 0) % 0xffff);
      }),
      { numRuns: 300 },
    );
  });

  test("it does not overflow", () => {
    const ones = new Uint8Array(1 << 20).fill(0xff);
    expect(addon.sum(ones, 0, ones.length)).toBe(0xffff);
    expect(addon.sum(ones, 1, ones.length)).toBe(sumOctets(ones, 1, ones.length, 0));
    expect(addon.sum(new Uint8Array(0), 0, 0)).toBe(0);
  });

  test("a range outside its buffer is refused", () => {
    const octets = new Uint8Array(4);
    expect(() => addon.sum(octets, 0, 5)).toThrow(RangeError);
    expect(() => addon.sum(octets, 3, 2)).toThrow(RangeError);
    expect(() => addon.sum(octets, -1, 2)).toThrow(RangeError);
  });
});
