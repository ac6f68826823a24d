import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryBudget } from "../../src/base/memory-budget.ts";
import { type Seq, seqAdd, toSeq } from "../../src/base/seq.ts";
import { TX_PIECES_PER_ROW, TxBatch } from "../../src/base/tx-batch.ts";
import { CopyArena } from "../../src/tcp/copy-arena.ts";
import { COPY_IN_FLIGHT, InFlight, LOST, RETRANSMITTED, SACKED } from "../../src/tcp/in-flight.ts";
import { OUT_OF_ORDER_OVERHEAD, OutOfOrder } from "../../src/tcp/out-of-order.ts";
import { ReceiveQueue } from "../../src/tcp/receive-queue.ts";
import { SendQueue } from "../../src/tcp/send-queue.ts";
import { Segment } from "../../src/wire/segment.ts";

/** Where the numbers wrap. */
const START = toSeq(0x7fff_ffff - 50);
const from = (octets: number): Seq => seqAdd(START, octets);
const fill = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (first + i) & 255);

/** The octets that the newest row of a fresh batch borrows. */
function lent(queue: SendQueue, seq: Seq, length: number): Uint8Array {
  const tx = new TxBatch();
  const row = tx.open(20);
  const count = queue.lend(tx, seq, length);
  const bytes = new Uint8Array(65_535);
  const end = tx.gather(row, bytes, 0);
  expect(end - 40).toBe(count);
  return bytes.slice(40, end);
}

test("SendQueue: any range can be lent again and again, until it is acknowledged", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(100), fc.nat(100), fc.boolean()), { maxLength: 40 }),
      (steps) => {
        const queue = new SendQueue(new MemoryBudget(1 << 26));
        const arena = new CopyArena();
        queue.reset(START);
        let model: number[] = [];
        let una = 0;
        for (const [length, a, b, copied] of steps) {
          const octets = fill(length, model.length);
          if (copied) {
            arena.copy(octets);
            if (queue.continues(arena.chunk, arena.at)) queue.extend(length);
            else queue.push(arena.chunk, arena.at, length);
          } else queue.push(octets, 0, length);
          model = [...model, ...octets];
          expect(queue.end).toBe(from(model.length));
          const at = una + Math.floor(((model.length - una) * a) / 101);
          const wanted = Math.floor(((model.length - at) * b) / 100);
          const got = lent(queue, from(at), wanted);
          expect([...got]).toEqual(model.slice(at, at + got.length));
          if (wanted > 0) expect(got.length).toBeGreaterThan(0);
          una = at;
          queue.acknowledge(from(una));
        }
        queue.acknowledge(from(model.length + 1));
        expect(queue.pieces).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});

test("SendQueue: a row takes no more pieces than it has place for", () => {
  const queue = new SendQueue(new MemoryBudget(1 << 26));
  queue.reset(START);
  for (let i = 0; i < 100; i++) queue.push(new Uint8Array([i]), 0, 1);
  expect(lent(queue, START, 100)).toHaveLength(TX_PIECES_PER_ROW);
});

test("SendQueue: a small write that waits for long keeps no other's memory alive, and is what it was", () => {
  const queue = new SendQueue(new MemoryBudget(1 << 26));
  const arena = new CopyArena();
  queue.reset(START);
  arena.copy(fill(100, 0));
  const shared = arena.chunk;
  queue.push(arena.chunk, arena.at, 100);
  const own = fill(5000, 100);
  queue.push(own, 0, 5000);
  queue.unshare();
  expect(Buffer.from(lent(queue, START, 5100)).equals(Buffer.from(fill(5100, 0)))).toBe(true);
  shared.fill(0);
  expect([...lent(queue, START, 100)]).toEqual([...fill(100, 0)]);
  own[0] = 7; // Large pieces stay the application's.
  expect(lent(queue, from(100), 1)[0]).toBe(7);
});

test("InFlight: ranges, flags and sums agree with octets that are looked at one by one", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), length: fc.integer({ min: 1, max: 30 }), at: fc.nat(100) }),
    fc.record({ kind: fc.constantFrom("ack", "split", "sack", "lose", "resend"), length: fc.nat(30), at: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const inFlight = new InFlight();
      let una = 0;
      let flags: number[] = [];
      const ends = new Set<number>(); // Where ranges end that were pushed or cut, however they are kept since.
      for (const { kind, length, at } of steps) {
        const i = Math.floor((inFlight.count * at) / 101);
        if (kind === "push") {
          inFlight.push(from(una + flags.length), from(una + flags.length + length), 5, 0);
          flags.push(...new Array<number>(length).fill(0));
          ends.add(una + flags.length);
        } else if (inFlight.count === 0) continue;
        else if (kind === "ack") {
          const octets = Math.min(length, flags.length);
          inFlight.acknowledge(from((una += octets)));
          flags = flags.slice(octets);
        } else if (kind === "split") {
          const cut = inFlight.length(i) < 2 ? 0 : 1 + (length % (inFlight.length(i) - 1));
          if (cut > 0) {
            ends.add(((inFlight.start(i) - START) | 0) + cut);
            inFlight.split(i, seqAdd(inFlight.start(i), cut));
          }
        } else {
          const next = (old: number): number =>
            kind === "sack"
              ? (old | SACKED) & ~(LOST | COPY_IN_FLIGHT)
              : kind === "lose"
                ? (old | LOST) & ~COPY_IN_FLIGHT
                : old | RETRANSMITTED | COPY_IN_FLIGHT;
          const first = ((inFlight.start(i) - from(una)) | 0) >>> 0;
          for (let o = first; o < first + inFlight.length(i); o++) flags[o] = next(flags[o]);
          if (kind === "resend") inFlight.resent(i, 9);
          else if (kind === "sack") inFlight.sack(i);
          else inFlight.setFlags(i, next(inFlight.flags(i)));
        }
        expect(inFlight.sackedOctets).toBe(flags.filter((f) => (f & SACKED) !== 0).length);
        expect(inFlight.lostOctets).toBe(flags.filter((f) => (f & (SACKED | LOST | COPY_IN_FLIGHT)) === LOST).length);
        const covered = Array.from({ length: inFlight.count }, (_, r) =>
          new Array<number>(inFlight.length(r)).fill(inFlight.flags(r)),
        );
        // Ranges that are SACKED become one: what else was known of them is not kept.
        const known = (f: number): number => ((f & SACKED) !== 0 ? SACKED : f);
        expect(covered.flat().map(known)).toEqual(flags.map(known));
        const sacked = Array.from({ length: inFlight.count }, (_, r) => (inFlight.flags(r) & SACKED) !== 0);
        expect(inFlight.sackedRanges).toBeGreaterThanOrEqual(sacked.filter((is) => is).length);
        // Never more than there were: one for each end of a range that is SACKED now.
        const counted = [...ends].filter((end) => end > una && (flags[end - 1 - una] & SACKED) !== 0);
        expect(inFlight.sackedRanges).toBeLessThanOrEqual(counted.length);
        const probe = una + Math.floor((flags.length * at) / 101);
        const found = inFlight.firstEndingAfter(from(probe));
        if (flags.length > 0) {
          expect((inFlight.start(found) - from(probe)) | 0).toBeLessThanOrEqual(0);
          expect((inFlight.end(found) - from(probe)) | 0).toBeGreaterThan(0);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("RFC 6675 §5 (1): ranges that were SACKED count once each, whatever cuts what they have become", () => {
  const inFlight = new InFlight();
  for (let i = 0; i < 10; i++) inFlight.push(from(10 * i), from(10 * i + 10), 5, 0);
  for (let i = 9; i >= 2; i--) inFlight.sack(i);
  expect([inFlight.count, inFlight.sackedRanges]).toEqual([3, 8]);
  inFlight.split(2, from(55));
  expect([inFlight.count, inFlight.sackedRanges]).toEqual([4, 8]);
  inFlight.acknowledge(from(75)); // It leaves two and a half of them, and nobody knows how many.
  expect([inFlight.count, inFlight.sackedRanges]).toEqual([1, 1]);
  inFlight.acknowledge(from(100));
  expect([inFlight.count, inFlight.sackedRanges]).toEqual([0, 0]);
});

test("OutOfOrder: keeps each octet once, gives them in order, and reports true blocks, the newest first", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 20 }), fc.nat(9)), {
        minLength: 1,
        maxLength: 25,
      }),
      (parts) => {
        const kept = new OutOfOrder(new MemoryBudget(1 << 26), false);
        const have = new Set<number>();
        const seg = new Segment();
        for (const [at, length, luck] of parts) {
          if (luck === 0 && kept.segments > 0) {
            kept.dropLast(); // Memory is short: the furthest goes.
            const furthest = [...have].sort((a, b) => b - a);
            for (const octet of furthest.slice(0, have.size - kept.octets)) have.delete(octet);
          }
          const before = have.size;
          for (let i = at; i < at + length; i++) have.add(i);
          expect(kept.insert(from(at), fill(length + 7, at - 3), 3, length)).toBe(have.size - before);
          expect(kept.octets).toBe(have.size);
          kept.fillSack(seg, from(0), 4);
          const blocks = Array.from({ length: seg.sackCount }, (_, i) => [
            (seg.sackEdges[2 * i] - START) | 0,
            (seg.sackEdges[2 * i + 1] - START) | 0,
          ]);
          expect(blocks[0][0]).toBeLessThanOrEqual(at);
          expect(blocks[0][1]).toBeGreaterThanOrEqual(at + length);
          // One expectation, not one for each octet: those cost seconds where the machine is busy.
          const reported = blocks.flatMap(([left, right]) => Array.from({ length: right - left }, (_, i) => left + i));
          expect(reported.every((octet) => have.has(octet))).toBe(true);
          expect(kept.charge).toBe(kept.octets + kept.segments * OUT_OF_ORDER_OVERHEAD);
          expect([have.has(blocks[0][0] - 1), have.has(blocks[0][1])]).toEqual([false, false]);
          blocks.forEach(([left, right], i) => {
            for (const [otherLeft, otherRight] of blocks.slice(i + 1))
              expect(otherRight <= left || otherLeft >= right).toBe(true);
          });
        }
        const all: number[] = [];
        for (let next = 0; next <= 120;) {
          const chunk = kept.take(from(next));
          if (chunk === null) next++;
          else {
            all.push(...Array.from(chunk, (_, i) => next + i));
            expect([...chunk]).toEqual(Array.from(chunk, (_, i) => (next + i) & 255));
            next += chunk.length;
          }
        }
        expect(all).toEqual([...have].sort((a, b) => a - b));
        expect([kept.octets, kept.segments, kept.charge]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 150 },
  );
});

test("ReceiveQueue: gives what was pushed, in order, in chunks of its own", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3000), fc.nat(2)), { maxLength: 40 }), (steps) => {
      const queue = new ReceiveQueue(new MemoryBudget(1 << 26));
      const slab = new Uint8Array(4096);
      const pushed: number[] = [];
      const got: number[] = [];
      for (const [length, shifts] of steps) {
        slab.set(fill(length, pushed.length), 5);
        queue.push(slab, 5, 5 + length);
        pushed.push(...fill(length, pushed.length));
        slab.fill(0xdd);
        for (let i = 0; i < shifts; i++) got.push(...(queue.shift() ?? []));
        expect(queue.octets).toBe(pushed.length - got.length);
      }
      for (let chunk = queue.shift(); chunk !== null; chunk = queue.shift()) got.push(...chunk);
      expect(Buffer.compare(Buffer.from(got), Buffer.from(pushed))).toBe(0);
      expect(queue.octets).toBe(0);
    }),
    { numRuns: 60 },
  );
});
