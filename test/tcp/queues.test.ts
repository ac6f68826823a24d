import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryBudget } from "../../src/base/memory-budget.ts";
import { type Seq, seqAdd, toSeq } from "../../src/base/seq.ts";
import { TX_PIECES_PER_ROW, TxBatch } from "../../src/base/tx-batch.ts";
import { CopyArena } from "../../src/tcp/copy-arena.ts";
import { COPY_IN_FLIGHT, InFlight, LOST, RETRANSMITTED, SACKED } from "../../src/tcp/in-flight.ts";
import { OutOfOrder } from "../../src/tcp/out-of-order.ts";
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
      for (const { kind, length, at } of steps) {
        const i = Math.floor((inFlight.count * at) / 101);
        if (kind === "push") {
          inFlight.push(from(una + flags.length), from(una + flags.length + length), 5, 0);
          flags.push(...new Array<number>(length).fill(0));
        } else if (inFlight.count === 0) continue;
        else if (kind === "ack") {
          const octets = Math.min(length, flags.length);
          inFlight.acknowledge(from((una += octets)));
          flags = flags.slice(octets);
        } else if (kind === "split") {
          if (inFlight.length(i) > 1)
            inFlight.split(i, seqAdd(inFlight.start(i), 1 + (length % (inFlight.length(i) - 1))));
        } else {
          const next = (old: number): number =>
            kind === "sack"
              ? old | SACKED
              : kind === "lose"
                ? (old | LOST) & ~COPY_IN_FLIGHT
                : old | RETRANSMITTED | COPY_IN_FLIGHT;
          const first = ((inFlight.start(i) - from(una)) | 0) >>> 0;
          for (let o = first; o < first + inFlight.length(i); o++) flags[o] = next(flags[o]);
          if (kind === "resend") inFlight.resent(i, 9);
          else inFlight.setFlags(i, next(inFlight.flags(i)));
        }
        expect(inFlight.sackedOctets).toBe(flags.filter((f) => (f & SACKED) !== 0).length);
        expect(inFlight.lostOctets).toBe(flags.filter((f) => (f & (SACKED | LOST | COPY_IN_FLIGHT)) === LOST).length);
        const covered = Array.from({ length: inFlight.count }, (_, r) =>
          new Array<number>(inFlight.length(r)).fill(inFlight.flags(r)),
        );
        expect(covered.flat()).toEqual(flags);
        const probe = una + Math.floor((flags.length * at) / 101);
        const found = inFlight.firstEndingAfter(from(probe));
        if (flags.length > 0) {
          expect((inFlight.start(found) - from(probe)) | 0).toBeLessThanOrEqual(0);
          expect((inFlight.end(found) - from(probe)) | 0).toBeGreaterThan(0);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("OutOfOrder: keeps each octet once, gives them in order, and reports true blocks, the newest first", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 20 })), {
        minLength: 1,
        maxLength: 25,
      }),
      (parts) => {
        const kept = new OutOfOrder(new MemoryBudget(1 << 26), false);
        const have = new Set<number>();
        const seg = new Segment();
        for (const [at, length] of parts) {
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
          for (const [left, right] of blocks) for (let i = left; i < right; i++) expect(have.has(i)).toBe(true);
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
