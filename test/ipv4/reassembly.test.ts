import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryBudget } from "../../src/base/memory-budget.ts";
import type { Address } from "../../src/base/address.ts";
import { sumOctets } from "../../src/base/checksum.ts";
import { Clock } from "../../src/base/clock.ts";
import { Frame } from "../../src/base/frame.ts";
import { newIpv4Counters } from "../../src/ipv4/counters.ts";
import { Reassembly, type ReassemblyLimits } from "../../src/ipv4/reassembly.ts";
import { newDropCounters } from "../../src/wire/drop-reason.ts";
import { Datagram, parseIpv4 } from "../../src/wire/ipv4.ts";
import { type DatagramFields, hex, ip, ipv4, pattern, PEER } from "./datagrams.ts";

class Bench {
  readonly clock = new Clock();
  readonly drops = newDropCounters();
  readonly counters = newIpv4Counters();
  readonly memory = new MemoryBudget(1 << 26);
  readonly datagram = new Datagram();
  readonly timedOut: { octets: Uint8Array; source: Address; toHost: boolean }[] = [];
  readonly reassembly: Reassembly;

  constructor(limits: Partial<ReassemblyLimits> = {}) {
    this.reassembly = new Reassembly({
      clock: this.clock,
      drops: this.drops,
      counters: this.counters,
      memory: this.memory,
      limits,
    });
    this.reassembly.onTimeout = (first) => {
      const octets = first.frame.bytes.slice(first.at, first.end);
      this.timedOut.push({ octets, source: first.source, toHost: first.toHost });
    };
  }

  add(fields: DatagramFields): string {
    const bytes = ipv4(fields);
    expect(parseIpv4(new Frame(bytes), 0, bytes.length, this.datagram)).toBe("ok");
    this.datagram.vouched = true;
    this.datagram.toHost = true;
    const outcome = this.reassembly.add(this.datagram);
    bytes.fill(0xdb); // The slab is the device's again.
    return outcome;
  }

  /** `payload[start, end)` of a datagram of `payload`. */
  part(payload: Uint8Array, start: number, end: number, fields: DatagramFields = {}): string {
    const moreFragments = end < payload.length;
    return this.add({ fragmentOffset: start, moreFragments, payload: payload.subarray(start, end), ...fields });
  }

  get payload(): Uint8Array {
    return this.datagram.frame.bytes.subarray(this.datagram.payloadAt, this.datagram.end);
  }
}

describe("putting together", () => {
  test("RFC 791 §3.2: in order, reversed and with the middle last", () => {
    const whole = pattern(100);
    const parts = [
      [0, 40],
      [40, 80],
      [80, 100],
    ] as const;
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 0, 2],
    ]) {
      const bench = new Bench();
      const outcomes = order.map((i) => bench.part(whole, parts[i][0], parts[i][1]));
      expect(outcomes).toEqual(["held", "held", "whole"]);
      expect(bench.payload).toEqual(whole);
      expect(bench.reassembly).toMatchObject({ octets: 0, datagrams: 0 });
      expect(bench.counters).toMatchObject({ reasmReqds: 3, reasmOks: 1, reasmFails: 0 });
    }
  });

  test("RFC 791 §3.2: the whole has the first fragment's header with its options, a new length and a right checksum", () => {
    const bench = new Bench();
    const whole = pattern(24);
    bench.part(whole, 8, 24, { ttl: 3 });
    expect(bench.part(whole, 0, 8, { options: hex("94040000"), ttl: 9 })).toBe("whole");
    const { frame, at, payloadAt, end } = bench.datagram;
    expect([payloadAt - at, end - at]).toEqual([24, 48]);
    const again = new Datagram();
    expect(parseIpv4(frame, at, end, again)).toBe("ok");
    expect(again).toMatchObject({ moreFragments: false, fragmentOffset: 0, ttl: 9, end });
    expect(bench.datagram).toMatchObject({ vouched: false, gsoSize: 0, moreFragments: false, fragmentOffset: 0 });
    expect(sumOctets(frame.bytes, at, payloadAt, 0)).toBe(0xffff);
  });

  test("RFC 791 §3.2: source, destination, protocol and identification together tell datagrams apart", () => {
    const bench = new Bench();
    const whole = pattern(16);
    bench.part(whole, 0, 8);
    for (const other of [
      { source: ip(9, 9, 9, 9) },
      { destination: ip(9, 9, 9, 9) },
      { protocol: 99 },
      { identification: 9 },
    ]) {
      expect(bench.part(whole, 8, 16, other)).toBe("held");
    }
    expect(bench.part(whole, 8, 16)).toBe("whole");
    expect(bench.reassembly.datagrams).toBe(4);
  });

  test("RFC 791 §3.2: the largest datagram of all, 65,535 octets", () => {
    const bench = new Bench();
    const whole = pattern(65_515);
    for (let start = 0; start < 65_515; start += 1480) {
      const end = Math.min(whole.length, start + 1480);
      expect(bench.part(whole, start, end)).toBe(end === whole.length ? "whole" : "held");
    }
    expect(bench.payload).toEqual(whole);
  });

  test("RFC 3168 §5.3: CE on one fragment marks the whole; beside a fragment that is not ECN-capable it is lost", () => {
    const whole = pattern(16);
    for (const [first, second, tos] of [
      [0xb8 | 2, 0xb8 | 3, 0xb8 | 3],
      [0xb8 | 3, 0xb8 | 1, 0xb8 | 3],
      [0xb8 | 2, 0xb8 | 2, 0xb8 | 2],
      [0xb8, 0xb8, 0xb8],
    ]) {
      const bench = new Bench();
      bench.part(whole, 0, 8, { tos: first });
      expect(bench.part(whole, 8, 16, { tos: second })).toBe("whole");
      expect(bench.datagram.tos).toBe(tos);
    }
    const bench = new Bench();
    bench.part(whole, 0, 8, { tos: 0 });
    expect(bench.part(whole, 8, 16, { tos: 3 })).toBe("fragment-ecn-conflict");
    expect(bench.reassembly.octets).toBe(0);
  });

  test("RFC 791 §3.2: a duplicate of a fragment changes nothing", () => {
    const bench = new Bench();
    const whole = pattern(48);
    const outcomes = [
      [16, 32],
      [16, 32],
      [32, 48],
      [32, 48],
      [0, 16],
    ].map(([start, end]) => bench.part(whole, start, end));
    expect(outcomes).toEqual(["held", "held", "held", "held", "whole"]);
    expect(bench.payload).toEqual(whole);
  });
});

describe("what is refused", () => {
  const whole = pattern(64);
  const other = pattern(65).subarray(1);

  test("RFC 5722 §4: an overlap of any kind condemns the datagram, and all that is still to come of it", () => {
    const kinds: [number, number][] = [
      [8, 24], // Over its beginning.
      [24, 40], // Over its end.
      [24, 32], // Inside it.
      [8, 48], // Around it.
      [16, 24],
    ];
    for (const [start, end] of kinds) {
      const bench = new Bench();
      bench.part(whole, 16, 32);
      expect(bench.part(whole, start, end)).toBe("fragment-overlap");
      expect(bench.reassembly).toMatchObject({ octets: 0, datagrams: 1 });
      for (const [from, to] of [
        [0, 16],
        [16, 32],
        [32, 64],
      ]) {
        expect(bench.part(whole, from, to)).toBe("fragment-overlap");
      }
      expect(bench.counters).toMatchObject({ reasmOks: 0, reasmFails: 1 });
    }
  });

  test("RFC 5722 §4: the same range with other octets is an overlap, not a duplicate", () => {
    const bench = new Bench();
    bench.part(whole, 16, 32);
    expect(bench.part(other, 16, 32)).toBe("fragment-overlap");
  });

  test("RFC 791 §3.2: two ends, or octets behind the end, condemn the datagram", () => {
    const add = (first: DatagramFields, second: DatagramFields): string => {
      const bench = new Bench();
      expect(bench.add(first)).toBe("held");
      return bench.add(second);
    };
    const last = { fragmentOffset: 16, payload: whole.subarray(0, 16) };
    const after = { fragmentOffset: 32, moreFragments: true, payload: whole.subarray(0, 8) };
    expect(add(last, after)).toBe("fragment-end-conflict");
    expect(add(after, last)).toBe("fragment-end-conflict");
    expect(add(last, { fragmentOffset: 8, payload: whole.subarray(0, 8) })).toBe("fragment-end-conflict");
    expect(add(last, { fragmentOffset: 40, payload: whole.subarray(0, 8) })).toBe("fragment-end-conflict");
  });

  test("RFC 791 §3.2: an empty fragment, or one cut at no multiple of eight although more follow", () => {
    const bench = new Bench();
    expect(bench.add({ moreFragments: true })).toBe("fragment-length");
    expect(bench.add({ fragmentOffset: 8 })).toBe("fragment-length");
    for (let length = 1; length < 8; length++) {
      expect(bench.add({ moreFragments: true, payload: new Uint8Array(length) })).toBe("fragment-length");
    }
    expect(bench.reassembly.datagrams).toBe(0);
  });

  test("RFC 791 §3.1: a fragment, or a whole, of more than 65,535 octets", () => {
    const bench = new Bench();
    expect(bench.add({ fragmentOffset: 65_528, payload: new Uint8Array(1) })).toBe("fragment-too-long");
    expect(bench.add({ fragmentOffset: 65_512, payload: new Uint8Array(4) })).toBe("fragment-too-long");
    const long = pattern(65_515);
    for (let start = 8; start < long.length; start += 32_768) {
      bench.part(long, start, Math.min(long.length, start + 32_768));
    }
    // Its options make the whole longer than any one fragment was.
    expect(bench.part(long, 0, 8, { options: hex("01010100") })).toBe("fragment-too-long");
    expect(bench.reassembly.octets).toBe(0);
  });

  test("RFC 1858 §3.2.2, RFC 3128 §3: a TCP header is not split", () => {
    const bench = new Bench();
    const tcp = { protocol: 6, moreFragments: true };
    expect(bench.add({ ...tcp, payload: new Uint8Array(16) })).toBe("fragment-tiny");
    expect(bench.add({ ...tcp, fragmentOffset: 8, payload: new Uint8Array(24) })).toBe("fragment-tiny");
    const header = new Uint8Array(24);
    header[12] = 0x70;
    expect(bench.add({ ...tcp, payload: header })).toBe("fragment-tiny");
    header[12] = 0x60;
    expect(bench.add({ ...tcp, payload: header })).toBe("held");
    expect(bench.add({ protocol: 17, moreFragments: true, payload: new Uint8Array(8) })).toBe("held");
  });
});

describe("bounds", () => {
  test("fragmentsMax: a datagram of too many fragments is condemned", () => {
    const bench = new Bench({ fragmentsMax: 10 });
    const whole = pattern(800);
    for (let i = 0; i < 10; i++) expect(bench.part(whole, i * 16, i * 16 + 8)).toBe("held");
    expect(bench.part(whole, 400, 408)).toBe("fragment-count");
    expect(bench.reassembly.octets).toBe(0);
  });

  test("datagramsMax and datagramsPerSourceMax: the oldest goes, of the same source first", () => {
    const bench = new Bench({ datagramsMax: 6, datagramsPerSourceMax: 3 });
    const whole = pattern(16);
    const stranger = ip(203, 0, 113, 1);
    bench.part(whole, 0, 8, { source: stranger, identification: 1 });
    for (let id = 1; id <= 5; id++) bench.part(whole, 0, 8, { identification: id });
    expect(bench.reassembly.datagrams).toBe(4);
    expect(bench.part(whole, 8, 16, { source: stranger, identification: 1 })).toBe("whole");
    expect(bench.part(whole, 8, 16, { identification: 3 })).toBe("whole");
    for (let host = 1; host <= 20; host++) bench.part(whole, 0, 8, { source: ip(203, 0, 113, host) });
    expect(bench.reassembly.datagrams).toBe(6);
    expect(bench.drops["fragment-evicted"]).toBe(2 + 16);
  });

  test("octetsMax: a flood of distant fragments holds no more memory than that", () => {
    const bench = new Bench({ octetsMax: 300_000 });
    const octets = new Uint8Array(8);
    for (let id = 0; id < 2_000; id++) {
      bench.add({ identification: id, source: (PEER + (id % 50)) as Address, fragmentOffset: 65_000, payload: octets });
      expect(bench.reassembly.octets).toBeLessThanOrEqual(300_000);
    }
    expect(bench.reassembly.octets).toBeGreaterThan(200_000);
  });

  test("octetsMax: what is condemned holds no memory, so it is never given up for some", () => {
    const bench = new Bench({ octetsMax: 5_000 });
    const whole = pattern(4_000);
    bench.part(whole, 16, 32);
    bench.part(whole, 24, 40);
    expect(bench.part(whole, 0, 3_000, { identification: 2 })).toBe("held");
    expect(bench.part(whole, 0, 3_000, { identification: 3 })).toBe("held");
    expect(bench.reassembly.datagrams).toBe(2);
    expect(bench.part(whole, 40, 48)).toBe("fragment-overlap");
  });

  test("octetsPerSourceMax: a source that floods pushes out its own, not others'", () => {
    const bench = new Bench({ octetsMax: 100_000, octetsPerSourceMax: 20_000 });
    const other = (PEER + 1) as Address;
    bench.add({ identification: 1, source: other, moreFragments: true, payload: new Uint8Array(1000) });
    for (let id = 2; id < 100; id++)
      bench.add({ identification: id, moreFragments: true, payload: new Uint8Array(4000) });
    expect(bench.reassembly.octets).toBeGreaterThan(15_000);
    expect(bench.reassembly.octets).toBeLessThan(25_000);
    const rest = { identification: 1, source: other, fragmentOffset: 1000, payload: new Uint8Array(8) };
    expect(bench.add(rest)).toBe("whole");
  });

  test("memoryMax: partial datagrams count in the stack's budget, and take no more than is free in it", () => {
    const bench = new Bench();
    bench.memory.receive = bench.memory.max - 10_000;
    for (let id = 0; id < 20; id++)
      bench.add({ identification: id, moreFragments: true, payload: new Uint8Array(1400) });
    expect(bench.memory.reassembly).toBe(bench.reassembly.octets);
    expect(bench.memory.used).toBeLessThanOrEqual(bench.memory.max);
    expect(bench.reassembly.octets).toBeGreaterThan(0);
    bench.clock.nowUs += 60e6;
    bench.reassembly.expire();
    expect(bench.memory.reassembly).toBe(0);
  });

  test("octetsMax: a datagram that alone exceeds it is condemned", () => {
    const bench = new Bench({ octetsMax: 4_096 });
    expect(bench.add({ fragmentOffset: 8_000, payload: new Uint8Array(8) })).toBe("fragment-evicted");
    expect(bench.reassembly.octets).toBe(0);
  });
});

describe("time", () => {
  test("RFC 1122 §3.3.2: after 60 s it is given up, told once with the first fragment as it came", () => {
    const bench = new Bench();
    const whole = pattern(64);
    bench.clock.nowUs = 5_000_000;
    const first = ipv4({ moreFragments: true, payload: whole.subarray(0, 24), options: hex("94040000") });
    bench.part(whole, 48, 64);
    bench.part(whole, 0, 24, { options: hex("94040000") });
    expect(bench.reassembly.nextDeadlineMs()).toBe(65_000);
    bench.clock.nowUs = 64_999_999;
    bench.part(whole, 24, 32); // What comes later puts nothing off.
    bench.reassembly.expire();
    expect(bench.timedOut).toEqual([]);
    bench.clock.nowUs = 65_000_000;
    bench.reassembly.expire();
    bench.reassembly.expire();
    expect(bench.timedOut.length).toBe(1);
    expect(bench.timedOut[0].octets.subarray(0, first.length)).toEqual(first);
    expect(bench.timedOut[0]).toMatchObject({ source: PEER, toHost: true });
    expect(bench.drops["fragment-timeout"]).toBe(1);
    expect(bench.reassembly).toMatchObject({ octets: 0, datagrams: 0 });
    expect(bench.reassembly.nextDeadlineMs()).toBe(Infinity);
  });

  test("RFC 1122 §3.3.2: without its first fragment, or condemned, it goes in silence", () => {
    const bench = new Bench();
    const whole = pattern(64);
    bench.part(whole, 8, 16);
    bench.part(whole, 0, 16, { identification: 2 });
    bench.part(whole, 8, 24, { identification: 2 });
    bench.clock.nowUs = 60_000_000;
    bench.reassembly.expire();
    expect(bench.timedOut).toEqual([]);
    expect(bench.reassembly.datagrams).toBe(0);
    expect(bench.counters.reasmFails).toBe(2);
  });
});

describe("against a plain model", () => {
  const LENGTH = 20;
  interface Piece {
    start: number;
    end: number;
    forged: boolean;
  }
  /** RFC 791's array of octets: what the outcome must be, fragment by fragment, written without any cleverness. */
  function model(pieces: readonly Piece[], octets: (piece: Piece) => Uint8Array): string[] {
    const owner: (string | null)[] = new Array<string | null>(LENGTH).fill(null);
    const taken = new Map<string, Uint8Array>();
    let lost = "";
    let done = false;
    return pieces.map((piece) => {
      if (done) return "after";
      if (lost !== "") return lost;
      const key = `${String(piece.start)}-${String(piece.end)}`;
      const known = taken.get(key);
      if (known !== undefined && Buffer.from(known).equals(octets(piece))) return "held";
      if (owner.slice(piece.start, piece.end).some((o) => o !== null)) return (lost = "fragment-overlap");
      taken.set(key, octets(piece));
      owner.fill(key, piece.start, piece.end);
      done = owner.every((o) => o !== null);
      return done ? "whole" : "held";
    });
  }

  test("RFC 791 §3.2, RFC 5722 §4: random orders, duplicates, overlaps and forgeries", () => {
    const whole = pattern(LENGTH * 8);
    const forgery = whole.map((octet) => octet ^ 0x55);
    const octets = ({ start, end, forged }: Piece): Uint8Array =>
      (forged ? forgery : whole).subarray(start * 8, end * 8);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: LENGTH - 1 }), { maxLength: 8 });
    const extra = fc.record({ start: fc.nat(LENGTH - 1), size: fc.integer({ min: 1, max: 6 }), forged: fc.boolean() });
    const property = fc.property(
      cuts,
      fc.array(extra, { maxLength: 2 }),
      fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
      fc.nat(3),
      (at, extras, order, copies) => {
        const bounds = [0, ...at.sort((a, b) => a - b), LENGTH];
        const pieces: Piece[] = bounds.slice(1).map((end, i) => ({ start: bounds[i], end, forged: false }));
        pieces.push(...pieces.slice(0, copies));
        for (const { start, size, forged } of extras)
          pieces.push({ start, end: Math.min(LENGTH, start + size), forged });
        const shuffled = pieces.map((piece, i) => ({ piece, key: order[i % 12] })).sort((a, b) => a.key - b.key);
        const sequence = shuffled.map(({ piece }) => piece);
        const bench = new Bench();
        const expected = model(sequence, octets);
        for (const [i, piece] of sequence.entries()) {
          if (expected[i] === "after") break;
          const moreFragments = piece.end < LENGTH;
          const payload = octets(piece);
          // A lone piece that is the whole would be no fragment at all.
          if (piece.start === 0 && !moreFragments) return;
          expect(bench.add({ fragmentOffset: piece.start * 8, moreFragments, payload })).toBe(expected[i]);
          expect(bench.reassembly.octets).toBeLessThanOrEqual(4096);
        }
        if (expected.includes("whole") && !sequence.some(({ forged }) => forged)) expect(bench.payload).toEqual(whole);
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });

  test("RFC 815: random fragments never throw and memory stays within its bound", () => {
    const bench = new Bench({ octetsMax: 200_000, datagramsMax: 8, fragmentsMax: 32 });
    const property = fc.property(
      fc.nat(20),
      fc.nat(8_191),
      fc.nat(64),
      fc.boolean(),
      (id, offset, length, moreFragments) => {
        bench.add({ identification: id, fragmentOffset: offset * 8, moreFragments, payload: new Uint8Array(length) });
        expect(bench.reassembly.octets).toBeLessThanOrEqual(200_000);
        expect(bench.reassembly.datagrams).toBeLessThanOrEqual(8);
      },
    );
    fc.assert(property, { numRuns: 3_000 });
  });
});
