import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toAddress } from "../../src/base/address.ts";
import { sumOctets } from "../../src/base/checksum.ts";
import { Frame } from "../../src/base/frame.ts";
import {
  Datagram,
  emitIpv4,
  FLAG_DONT_FRAGMENT,
  FLAG_MORE_FRAGMENTS,
  parseIpv4,
  pseudoHeaderSum,
  Quote,
} from "../../src/wire/ipv4.ts";
import { frameOf, hex, ipv4 } from "../ipv4/datagrams.ts";

const parse = (bytes: Uint8Array, end = bytes.length): { verdict: string; datagram: Datagram } => {
  const datagram = new Datagram();
  return { verdict: parseIpv4(new Frame(bytes), 0, end, datagram), datagram };
};

// RFC 1071's arithmetic by hand: the header that many textbooks compute, checksum b861.
const GOLDEN = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");

describe("reading", () => {
  test("RFC 791 §3.1: every field of a header is where the figure has it", () => {
    const bytes = new Uint8Array(0x73);
    bytes.set(GOLDEN);
    const { verdict, datagram } = parse(bytes);
    expect(verdict).toBe("ok");
    expect(datagram).toMatchObject({
      source: toAddress(0xc0a80001),
      destination: toAddress(0xc0a800c7),
      protocol: 17,
      ttl: 64,
      tos: 0,
      identification: 0,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      at: 0,
      payloadAt: 20,
      end: 0x73,
    });
  });

  test("RFC 791 §3.1: flags and offset are told apart", () => {
    const { datagram } = parse(
      ipv4({ moreFragments: true, fragmentOffset: 65_520, tos: 0xb9, identification: 0xfedc }),
    );
    expect(datagram).toMatchObject({ dontFragment: false, moreFragments: true, fragmentOffset: 65_520 });
    expect(datagram).toMatchObject({ tos: 0xb9, identification: 0xfedc });
  });

  test("RFC 1122 §3.2.1.1: another version is dropped", () => {
    for (let version = 0; version < 16; version++) {
      const bytes = ipv4({});
      bytes[0] = (version << 4) | 5;
      if (version !== 4) expect(parse(bytes).verdict).toBe("ip-version");
    }
  });

  test("RFC 1122 §3.2.1.2: one wrong bit in the header is dropped, wherever it is", () => {
    for (let bit = 0; bit < 160; bit++) {
      const bytes = ipv4({ payload: new Uint8Array(8) });
      bytes[bit >> 3] ^= 0x80 >> (bit & 7);
      expect(parse(bytes).verdict).not.toBe("ok");
    }
  });

  test("RFC 791 §3.1: octets behind Total Length are not part of the datagram", () => {
    const bytes = new Uint8Array([...ipv4({ payload: hex("0102") }), 0xee, 0xee, 0xee]);
    const { verdict, datagram } = parse(bytes);
    expect(verdict).toBe("ok");
    expect(datagram.end).toBe(22);
  });

  test("RFC 791 §3.1: a datagram cut at any octet is dropped", () => {
    const bytes = ipv4({ options: hex("01010101"), payload: hex("0102030405") });
    for (let end = 0; end < bytes.length; end++) expect(parse(bytes, end).verdict).toBe("ip-truncated");
    expect(parse(bytes).verdict).toBe("ok");
  });

  test("RFC 791 §3.1: a header length below 5 or beyond the datagram is dropped", () => {
    for (let words = 0; words < 16; words++) {
      const { verdict } = parse(ipv4({ headerWords: words, payload: new Uint8Array(20) }));
      if (words < 5) expect(verdict).toBe("ip-header-length");
      if (words > 10) expect(verdict).toBe("ip-truncated");
    }
  });

  test("RFC 791 §3.1: a Total Length shorter than the header is dropped", () => {
    for (let length = 0; length < 24; length++) {
      expect(parse(ipv4({ options: hex("01010101"), totalLength: length })).verdict).toBe("ip-total-length");
    }
  });
});

describe("options", () => {
  const withOptions = (text: string): { verdict: string; datagram: Datagram } => parse(ipv4({ options: hex(text) }));

  test("RFC 9293 §3.9.2 MUST-50, RFC 1122 §3.2.1.8: what nobody here knows is ignored: NOP, end, record route, timestamp, security, router alert", () => {
    for (const text of [
      "01010100",
      "00ffffff",
      "07070400 00000000",
      "44080500 00000000",
      "82040000",
      "94040000",
      "9e020101",
    ]) {
      expect(withOptions(text).verdict).toBe("ok");
    }
  });

  test("RFC 7126 §4.3, §4.4: a source route is dropped, loose or strict, behind other options too", () => {
    for (const text of ["83070400 00000000", "89070400 00000000", "01830304", "94040000 83070400 00000000"]) {
      expect(withOptions(text).verdict).toBe("ip-source-route");
    }
  });

  test("RFC 1122 §3.2.2.5: an option of length 0, 1, beyond the header or without a length names the octet at fault", () => {
    for (const [text, problemAt] of [
      ["07000000", 21],
      ["07010000", 21],
      ["07050000", 21],
      ["83ff0000", 21],
      ["01010107", 23],
    ] as const) {
      const { verdict, datagram } = withOptions(text);
      expect(verdict).toBe("ip-option-malformed");
      expect(datagram.problemAt).toBe(problemAt);
    }
  });
});

describe("writing", () => {
  test("RFC 791 §3.1: the header that was read is written again, checksum included", () => {
    const frame = frameOf(new Uint8Array(24).fill(0xaa));
    emitIpv4(frame, 2, 0x73, 0, 0, FLAG_DONT_FRAGMENT, 64, 17, toAddress(0xc0a80001), toAddress(0xc0a800c7));
    expect(frame.bytes.subarray(2, 22)).toEqual(GOLDEN);
    expect([frame.bytes[1], frame.bytes[22]]).toEqual([0xaa, 0xaa]);
  });

  test("RFC 791 §3.1: whatever is written is read back the same", () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const property = fc.property(
      fc.record({ source: fc.integer(), destination: fc.integer(), tos: octet, ttl: octet, protocol: octet }),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0x1fff }),
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 0, max: 60 }),
      (fields, identification, offset, dontFragment, moreFragments, length) => {
        const frame = Frame.ofSize(20 + length);
        const flags = (dontFragment ? FLAG_DONT_FRAGMENT : 0) | (moreFragments ? FLAG_MORE_FRAGMENTS : 0) | offset;
        const { tos, ttl, protocol } = fields;
        const source = toAddress(fields.source);
        const destination = toAddress(fields.destination);
        emitIpv4(frame, 0, 20 + length, tos, identification, flags, ttl, protocol, source, destination);
        const { verdict, datagram } = parse(frame.bytes);
        expect(verdict).toBe("ok");
        expect(datagram).toMatchObject({ source, destination, tos, ttl, protocol, identification, end: 20 + length });
        expect(datagram).toMatchObject({ dontFragment, moreFragments, fragmentOffset: offset * 8 });
      },
    );
    fc.assert(property);
  });

  test("RFC 9293 §3.1: the pseudo-header's sum is that of its twelve octets", () => {
    const property = fc.property(
      fc.integer(),
      fc.integer(),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 65_535 }),
      (source, destination, protocol, length) => {
        const frame = Frame.ofSize(12);
        frame.view.setInt32(0, source);
        frame.view.setInt32(4, destination);
        frame.view.setUint16(8, protocol);
        frame.view.setUint16(10, length);
        const sum = pseudoHeaderSum(toAddress(source), toAddress(destination), protocol, length);
        expect(sum % 0xffff).toBe(sumOctets(frame.bytes, 0, 12, 0) % 0xffff);
        expect(sum).toBeLessThanOrEqual(0xffff);
      },
    );
    fc.assert(property);
  });
});

test("RFC 1122 §3.2.2: a quoted header is read without believing its length and checksum", () => {
  const bytes = ipv4({ totalLength: 1500, protocol: 6, options: hex("01010101"), fragmentOffset: 16 });
  bytes[10] ^= 0xff;
  const quote = new Quote();
  expect(quote.read(new Frame(bytes), 0, bytes.length)).toBe(true);
  expect(quote).toMatchObject({ protocol: 6, payloadAt: 24, fragmentOffset: 16 });
  for (let end = 0; end < 24; end++) expect(quote.read(new Frame(bytes), 0, end)).toBe(false);
});

test("RFC 1122 §3.2.1: random octets never make the parser throw or point outside the datagram", () => {
  const frame = frameOf(new Uint8Array(80));
  const datagram = new Datagram();
  const property = fc.property(
    fc.uint8Array({ minLength: 80, maxLength: 80 }),
    fc.nat(80),
    fc.boolean(),
    (octets, end, sane) => {
      frame.bytes.set(octets);
      if (sane) {
        frame.bytes[0] = 0x45 + (octets[0] % 11);
        const headerLength = (frame.bytes[0] & 15) * 4;
        frame.view.setUint16(2, headerLength + (octets[2] % 20));
        frame.view.setUint16(10, 0);
        frame.view.setUint16(10, ~sumOctets(frame.bytes, 0, headerLength, 0) & 0xffff);
      }
      if (parseIpv4(frame, 0, end, datagram) !== "ok") return;
      expect(datagram.payloadAt).toBeGreaterThanOrEqual(20);
      expect(datagram.payloadAt).toBeLessThanOrEqual(datagram.end);
      expect(datagram.end).toBeLessThanOrEqual(end);
    },
  );
  fc.assert(property, { numRuns: 3_000 });
});
