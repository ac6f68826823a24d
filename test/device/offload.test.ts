import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TxBatch } from "../../src/base/tx-batch.ts";
import {
  completeChecksum,
  completeDatagram,
  cutSegment,
  segmentCount,
  segmentText,
  verifySuperSegment,
} from "../../src/device/offload.ts";
import {
  ACK,
  CWR,
  FIN,
  PSH,
  addPartialRow,
  addRow,
  fieldOf,
  fields,
  icmp,
  ipv4,
  naiveSum,
  tcp,
  udp,
} from "./datagrams.ts";

const octets = (maxLength: number) => fc.array(fc.integer({ min: 0, max: 255 }), { maxLength });
const optionWords = fc
  .integer({ min: 0, max: 10 })
  .chain((words) => fc.array(fc.integer({ min: 0, max: 255 }), { minLength: words * 4, maxLength: words * 4 }));
/** Any, and many that carry from the low half or wrap within a few octets. */
const sequence = fc.oneof(
  fc.nat(0xffff_ffff),
  fc.tuple(fc.nat(0xffff), fc.nat(200)).map(([high, below]) => high * 0x1_0000 + 0xffff - below),
  fc.nat(200).map((below) => 0xffff_ffff - below),
);
const transport = fc.oneof(
  octets(600).map((text) => tcp({ text })),
  octets(600).map((text) => tcp({ text, tcpOptions: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] })),
  octets(600).map(udp),
  octets(600).map(icmp),
);

/** Cuts `bytes` and returns the datagrams. */
function cut(bytes: Uint8Array, gsoSize: number, mtu: number): Uint8Array[] {
  const memory = new Uint8Array(bytes.length + 9).fill(0xee);
  memory.set(bytes, 5);
  const text = segmentText(memory, 5, 5 + bytes.length, gsoSize, mtu);
  expect(text).toBeGreaterThan(0);
  const into = new Uint8Array(65_600);
  return Array.from({ length: segmentCount(memory, 5, 5 + bytes.length, text) }, (_, index) => {
    const length = cutSegment(memory, 5, 5 + bytes.length, text, index, into, 7);
    return into.slice(7, 7 + length);
  });
}

describe("checksums left to do", () => {
  test("RFC 1071 §2(B): a row's checksum is right however its octets are split into pieces", () => {
    fc.assert(
      fc.property(
        transport,
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 50 }),
        fc.nat(3),
        (datagram, cuts, inHeader) => {
          const tx = new TxBatch(4, 128);
          addRow(tx, ipv4(253, [1, 2, 3]));
          const textLength = datagram.length - 20 - (datagram[9] === 6 ? (datagram[32] >>> 4) * 4 : 8);
          addPartialRow(tx, datagram, cuts, 0, Math.min(inHeader, textLength));
          completeChecksum(tx, 0);
          completeChecksum(tx, 1);
          const gathered = new Uint8Array(700);
          const length = tx.gather(1, gathered, 0);
          expect(gathered.subarray(0, length)).toEqual(datagram);
          expect(tx.checksumAt[1]).toBe(0);
          completeChecksum(tx, 1);
          tx.gather(1, gathered, 0);
          expect(gathered.subarray(0, length)).toEqual(datagram);
        },
      ),
    );
  });

  test("RFC 9293 §3.1, RFC 768, RFC 792: a vouched datagram's checksum is made new whatever its field holds", () => {
    fc.assert(
      fc.property(transport, fc.integer({ min: 1, max: 0xffff }), (datagram, junk) => {
        const memory = new Uint8Array(datagram.length + 12).fill(0xee);
        memory.set(datagram, 3);
        const field = 3 + 20 + fieldOf(datagram);
        memory[field] = junk >>> 8;
        memory[field + 1] = junk;
        completeDatagram(memory, 3, 3 + datagram.length);
        expect(memory.subarray(3, 3 + datagram.length)).toEqual(datagram);
        expect([...memory.subarray(0, 3), ...memory.subarray(3 + datagram.length)]).toEqual(new Array(12).fill(0xee));
      }),
    );
  });

  test("RFC 768: a UDP checksum of 0 is sent as 0xffff; TCP's and ICMP's are sent as 0", () => {
    for (const make of [(text: number[]) => udp(text), (text: number[]) => tcp({ text }), icmp]) {
      // The sum of `make([0, 0])` tells the word that completes it to 0xffff.
      const blank = make([0, 0]);
      const at = 20 + fieldOf(blank);
      const field = (blank[at] << 8) | blank[at + 1];
      const datagram = make([field >>> 8, field & 255]);
      const zero = datagram[9] === 17 ? [0xff, 0xff] : [0, 0];
      expect([...datagram.subarray(at, at + 2)]).toEqual(zero);
      const copy = datagram.slice();
      copy.set([0x12, 0x34], at);
      completeDatagram(copy, 0, copy.length);
      expect(copy).toEqual(datagram);
      const tx = new TxBatch(1, 64);
      addPartialRow(tx, datagram, [1]);
      completeChecksum(tx, 0);
      tx.gather(0, copy, 0);
      expect(copy).toEqual(datagram);
    }
  });

  test("RFC 768: a UDP field of 0, none sent, stays", () => {
    const datagram = udp([1, 2, 3]);
    datagram.set([0, 0], 26);
    const copy = datagram.slice();
    completeDatagram(copy, 0, copy.length);
    expect(copy).toEqual(datagram);
  });

  test("RFC 791 §3.1: fragments, lying lengths and strangers stay as they are", () => {
    const first = tcp({ text: [1, 2, 3, 4] });
    first[6] = 0x20;
    const later = tcp({ text: [1, 2, 3, 4] });
    later[7] = 1;
    const lying = tcp({ text: [1, 2, 3, 4] });
    lying[3] += 1;
    const ihl = tcp({ text: [1, 2, 3, 4] });
    ihl[0] = 0x44;
    const version = tcp({ text: [1, 2, 3, 4] });
    version[0] = 0x65;
    for (const datagram of [
      first,
      later,
      lying,
      ihl,
      version,
      ipv4(6, [1, 2, 3]),
      ipv4(253, [1, 2, 3, 4, 5, 6, 7, 8]),
    ]) {
      datagram.set([0x55, 0x66], datagram.length - 2);
      const copy = datagram.slice();
      completeDatagram(copy, 0, copy.length);
      expect(copy).toEqual(datagram);
    }
  });

  test("RFC 791 §3.1: no octets, whatever they are, are read or written beyond their end", () => {
    fc.assert(
      fc.property(octets(80), (junk) => {
        const memory = Uint8Array.from([...junk, ...new Array<number>(80).fill(0xee)]);
        completeDatagram(memory, 0, junk.length);
        expect(segmentText(memory, 0, junk.length, 100, 1500)).toBeGreaterThanOrEqual(0);
        expect(memory.subarray(junk.length)).toEqual(new Uint8Array(80).fill(0xee));
      }),
    );
  });
});

describe("super-segments", () => {
  test("RFC 9293 §3.1, RFC 3168 §6.1.2: a cut super-segment is the datagrams that a sender without offload would send", () => {
    fc.assert(
      fc.property(
        octets(400),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 0xffff }),
        sequence,
        fc.integer({ min: 0, max: 255 }),
        optionWords,
        optionWords,
        (text, gsoSize, id, seq, flags, ipOptions, tcpOptions) => {
          const whole = fields({ text, id, seq, flags, ipOptions, tcpOptions });
          const expected: Uint8Array[] = [];
          for (let at = 0; at === 0 || at < text.length; at += gsoSize) {
            const last = at + gsoSize >= text.length;
            let kept = flags;
            if (!last) kept &= ~(FIN | PSH);
            if (at > 0) kept &= ~CWR;
            expected.push(
              tcp({
                ...whole,
                id: (id + expected.length) & 0xffff,
                seq: (seq + at) >>> 0,
                flags: kept,
                text: text.slice(at, at + gsoSize),
              }),
            );
          }
          expect(cut(tcp(whole), gsoSize, 1500)).toEqual(expected);
        },
      ),
    );
  });

  test("RFC 791 §3.1: 65,535 octets are cut into datagrams that all verify and make up the whole", () => {
    const text = Array.from({ length: 65_535 - 40 }, (_, i) => (i * 7) & 255);
    const datagrams = cut(tcp({ text, seq: 0xffff_0000, flags: ACK | PSH }), 1460, 1500);
    expect(datagrams.length).toBe(Math.ceil(text.length / 1460));
    expect(datagrams.flatMap((datagram) => [...datagram.subarray(40)])).toEqual(text);
    for (const datagram of datagrams) {
      expect(naiveSum([...datagram.subarray(0, 20)])).toBe(0xffff);
      expect(verifySuperSegment(datagram, 0, datagram.length)).toBe(true);
    }
  });

  test("RFC 791 §3.1: no datagram of a super-segment is longer than the MTU, whatever the gsoSize", () => {
    const datagrams = cut(tcp({ text: new Array<number>(5000).fill(1) }), 3000, 576);
    expect(Math.max(...datagrams.map((datagram) => datagram.length))).toBe(576);
  });

  test("RFC 9293 §3.1: what is no whole TCP datagram, or has no room for text, cannot be cut", () => {
    const good = tcp({ text: [1, 2, 3] });
    expect(segmentText(good, 0, good.length, 1, 41)).toBe(1);
    expect(segmentText(good, 0, good.length, 1, 40)).toBe(0);
    expect(segmentText(good, 0, good.length - 1, 1, 1500)).toBe(0);
    const longer = Uint8Array.from([...good, 0]);
    expect(segmentText(longer, 0, longer.length, 1, 1500)).toBe(0);
    const stranger = udp([1, 2, 3]);
    expect(segmentText(stranger, 0, stranger.length, 1, 1500)).toBe(0);
    for (const offset of [0x40, 0x60]) {
      const bad = tcp({ text: [1, 2, 3] });
      bad[32] = offset;
      expect(segmentText(bad, 0, bad.length, 1, 1500)).toBe(0);
    }
  });

  test("RFC 9293 §3.1 MUST-3: a super-segment with a wrong bit does not verify", () => {
    const good = tcp({ text: [1, 2, 3, 4, 5] });
    expect(verifySuperSegment(good, 0, good.length)).toBe(true);
    good[42] ^= 4;
    expect(verifySuperSegment(good, 0, good.length)).toBe(false);
  });
});
