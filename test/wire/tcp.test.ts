import fc from "fast-check";
import { expect, test } from "vitest";
import { sumOctets } from "../../src/base/checksum.ts";
import { Frame } from "../../src/base/frame.ts";
import { toSeq } from "../../src/base/seq.ts";
import { ACK, FIN, RST, Segment, SYN } from "../../src/wire/segment.ts";
import { emitSegment, parseSegment, TCP_CHECKSUM_AT, TCP_HEADER } from "../../src/wire/tcp.ts";

/** A segment of these option octets (padded) and text, its checksum right for a pseudo-header that sums to `pseudo`. */
function wire(options: readonly number[], text: readonly number[] = [], pseudo = 0x1234): Frame {
  const padded = [...options, ...new Array<number>((4 - (options.length % 4)) % 4).fill(0)];
  const frame = Frame.ofSize(TCP_HEADER + padded.length + text.length);
  const seg = new Segment();
  seg.srcPort = 1;
  seg.dstPort = 2;
  seg.flags = SYN;
  emitSegment(frame, 0, seg, pseudo);
  frame.bytes[12] = ((TCP_HEADER + padded.length) / 4) << 4;
  frame.bytes.set([...padded, ...text], TCP_HEADER);
  frame.view.setUint16(TCP_CHECKSUM_AT, ~sumOctets(frame.bytes, 0, frame.bytes.length, 0) & 0xffff);
  return frame;
}
function parse(frame: Frame, pseudo = 0x1234): { seg: Segment; verdict: string } {
  const seg = new Segment();
  return { verdict: parseSegment(frame, 0, frame.bytes.length, pseudo, seg), seg };
}
const MSS = [2, 4, 5, 180];

test("RFC 9293 §3.1 MUST-2, MUST-3: what is emitted is read back, whatever it holds", () => {
  const uint = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });
  fc.assert(
    fc.property(
      fc.record({
        srcPort: fc.integer({ min: 1, max: 65_535 }),
        dstPort: fc.integer({ min: 1, max: 65_535 }),
        seq: uint(32).map(toSeq),
        ack: uint(32).map(toSeq),
        flags: uint(8),
        window: uint(16),
        urgentPointer: uint(16),
        mss: uint(16),
        windowScale: fc.integer({ min: -1, max: 14 }),
        sackPermitted: fc.boolean(),
        hasTimestamps: fc.boolean(),
        tsVal: uint(32).map((n) => n | 0),
        tsEcr: uint(32).map((n) => n | 0),
        sackCount: fc.nat(2),
      }),
      fc.uint8Array({ maxLength: 50 }),
      (fields, text) => {
        const seg = Object.assign(new Segment(), fields);
        for (let i = 0; i < 4; i++) seg.sackEdges[i] = i * 1000 - 7;
        const headerLength = TCP_HEADER + seg.optionsLength;
        if (headerLength > 60) return;
        const frame = Frame.ofSize(headerLength + text.length);
        expect(emitSegment(frame, 0, seg, 0x4321)).toBe(headerLength);
        frame.bytes.set(text, headerLength);
        frame.view.setUint16(TCP_CHECKSUM_AT, ~sumOctets(frame.bytes, 0, frame.bytes.length, 0) & 0xffff);
        const { seg: got, verdict } = parse(frame, 0x4321);
        expect(verdict).toBe("ok");
        const shown = fields.hasTimestamps ? fields : { ...fields, tsVal: got.tsVal, tsEcr: got.tsEcr };
        expect(got).toMatchObject(shown);
        expect([...got.sackEdges.subarray(0, 2 * fields.sackCount)]).toEqual([
          ...seg.sackEdges.subarray(0, 2 * fields.sackCount),
        ]);
        expect([...got.frame.bytes.subarray(got.textAt, got.textAt + got.textLength)]).toEqual([...text]);
        expect(got.len).toBe(text.length + ((fields.flags & SYN) !== 0 ? 1 : 0) + ((fields.flags & FIN) !== 0 ? 1 : 0));
      },
    ),
  );
});

test("RFC 9293 §3.1 MUST-3: any single bit that is wrong is found", () => {
  const frame = wire(MSS, [1, 2, 3]);
  for (let bit = 0; bit < frame.bytes.length * 8; bit++) {
    frame.bytes[bit >> 3] ^= 1 << (bit & 7);
    expect(parse(frame).verdict).not.toBe("ok");
    frame.bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  expect(parse(frame).verdict).toBe("ok");
  expect(parse(frame, 0x1235).verdict).toBe("tcp-checksum");
  frame.bytes[0] ^= 1;
  expect(parse(frame, -1).verdict).toBe("ok"); // The device vouches for it.
});

test("RFC 9293 §3.1: a segment cut short anywhere, or with a data offset that lies, is dropped", () => {
  const whole = wire(MSS);
  for (let end = 0; end < 24; end++) {
    expect(parseSegment(whole, 0, end, -1, new Segment())).toBe(end < 20 ? "tcp-truncated" : "tcp-header-length");
  }
  for (let words = 0; words < 16; words++) {
    const frame = wire(MSS);
    frame.bytes[12] = words << 4;
    expect(parse(frame, -1).verdict).toBe(words < 5 || words > 6 ? "tcp-header-length" : "ok");
  }
});

test("a segment from or to port 0 is dropped", () => {
  for (const at of [0, 2]) {
    const frame = wire([]);
    frame.view.setUint16(at, 0);
    expect(parse(frame, -1).verdict).toBe("tcp-port-zero");
  }
});

test("RFC 9293 §3.1 MUST-4, MUST-64: EOL, NOP and MSS, on any octet", () => {
  expect(parse(wire(MSS)).seg.mss).toBe(1460);
  expect(parse(wire([1, ...MSS])).seg.mss).toBe(1460);
  expect(parse(wire([1, 1, 1, ...MSS])).seg.mss).toBe(1460);
  expect(parse(wire([0, ...MSS])).seg.mss).toBe(0);
});

test("RFC 9293 §3.1 MUST-6, MUST-68: an option of an unknown kind is skipped by its length", () => {
  expect(parse(wire([253, 5, 9, 9, 9, ...MSS])).seg.mss).toBe(1460);
  expect(parse(wire([253, 2, ...MSS])).seg.mss).toBe(1460);
});

test("RFC 9293 §3.1 MUST-5: options are read in a segment without SYN too", () => {
  const frame = wire([253, 5, 9, 9, 9, ...MSS], [7]);
  frame.bytes[13] = ACK;
  const { seg } = parse(frame, -1);
  expect([seg.mss, seg.textLength, frame.bytes[seg.textAt]]).toEqual([1460, 1, 7]);
});

test("RFC 9293 §3.1 MUST-69: whatever options are sent, nothing but zeros could follow an EOL: there is none", () => {
  const frame = Frame.ofSize(64);
  for (let wish = 0; wish < 32; wish++) {
    const seg = new Segment();
    if ((wish & 1) !== 0) seg.mss = 1460;
    if ((wish & 2) !== 0) seg.windowScale = 7;
    seg.sackPermitted = (wish & 4) !== 0;
    seg.hasTimestamps = (wish & 8) !== 0;
    seg.sackCount = (wish & 16) !== 0 ? 1 : 0;
    if (seg.optionsLength > 40) continue;
    const end = emitSegment(frame, 0, seg, 0);
    for (let at = 20; at < end; at += frame.bytes[at] === 1 ? 1 : frame.bytes[at + 1])
      expect(frame.bytes[at]).not.toBe(0);
  }
});

test.each([
  ["0", [253, 0, ...MSS]],
  ["1", [253, 1, ...MSS]],
  ["past the end", [253, 40, ...MSS]],
  ["missing", [1, 1, 1, 253]],
])("RFC 9293 §3.1 MUST-7: an option length that is %s ends the options and harms nothing", (_, options) => {
  const { seg, verdict } = parse(wire(options, [7]));
  expect([verdict, seg.mss, seg.textLength]).toEqual(["ok", 0, 1]);
});

test.each([
  ["an MSS", [1, 1, 2, 4], [0x05, 0xb4]],
  ["a window scale", [1, 1, 3, 3], [7]],
  ["timestamps", [1, 1, 8, 10], [1, 1, 1, 1, 2, 2, 2, 2]],
])("RFC 9293 §3.1 MUST-7: %s whose length leads out of the header is not read from the text", (_, options, text) => {
  const { seg, verdict } = parse(wire(options, text));
  expect([verdict, seg.mss, seg.windowScale, seg.hasTimestamps, seg.textLength]).toEqual([
    "ok",
    0,
    -1,
    false,
    text.length,
  ]);
});

test("an option of a known kind with another length than its own is ignored", () => {
  const { seg } = parse(
    wire([2, 3, 5, 3, 4, 7, 7, 4, 3, 0, 8, 9, 1, 1, 1, 1, 1, 1, 1, 5, 9, 0, 0, 0, 0, 0, 0, 0, ...MSS]),
  );
  expect([seg.mss, seg.windowScale, seg.sackPermitted, seg.hasTimestamps, seg.sackCount]).toEqual([
    1460,
    -1,
    false,
    false,
    0,
  ]);
});

test("RFC 7323 §2.3: a shift above 14 counts as 14", () => {
  expect(parse(wire([3, 3, 200])).seg.windowScale).toBe(14);
});

test("any octets at all are read without harm", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const seg = new Segment();
      const verdict = parseSegment(new Frame(bytes), 0, bytes.length, -1, seg);
      if (verdict !== "ok") return;
      expect(seg.textAt + seg.textLength).toBe(bytes.length);
      expect(seg.sackCount).toBeLessThanOrEqual(4);
    }),
    { numRuns: 1000 },
  );
});

test("RFC 9293 §3.3.1: SEG.LEN counts SYN and FIN, and no other flag", () => {
  const seg = new Segment();
  const lengths = [0, SYN, FIN, SYN | FIN, ACK | RST].map((flags) => {
    seg.flags = flags;
    return seg.len;
  });
  expect(lengths).toEqual([0, 1, 1, 2, 0]);
});
