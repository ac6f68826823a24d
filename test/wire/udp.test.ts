import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sumOctets } from "../../src/base/checksum.ts";
import { Frame } from "../../src/base/frame.ts";
import { Datagram, parseIpv4, pseudoHeaderSum } from "../../src/wire/ipv4.ts";
import { parseUdp, UdpDatagram } from "../../src/wire/udp.ts";
import { HOST, hex, ipv4, PEER } from "../ipv4/datagrams.ts";

/** A UDP message from port 4660 to port 22136; `checksum` undefined computes the right one. */
function udp(data: Uint8Array, lengthField = 8 + data.length, checksum?: number): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x1234);
  view.setUint16(2, 0x5678);
  view.setUint16(4, lengthField);
  bytes.set(data, 8);
  const sum = sumOctets(bytes, 0, Math.min(bytes.length, lengthField), pseudoHeaderSum(PEER, HOST, 17, lengthField));
  view.setUint16(6, checksum ?? ~sum & 0xffff);
  return bytes;
}

function parse(payload: Uint8Array, vouched = false): { verdict: string; into: UdpDatagram } {
  const bytes = ipv4({ protocol: 17, payload });
  const datagram = new Datagram();
  expect(parseIpv4(new Frame(bytes), 0, bytes.length, datagram)).toBe("ok");
  datagram.vouched = vouched;
  const into = new UdpDatagram();
  return { verdict: parseUdp(datagram, into), into };
}

describe("reading", () => {
  test("RFC 768: ports and data are where the figure has them", () => {
    const { verdict, into } = parse(udp(hex("c0ffee")));
    expect(verdict).toBe("ok");
    expect(into).toMatchObject({ sourcePort: 0x1234, destinationPort: 0x5678, payloadAt: 28, end: 31 });
  });

  test("RFC 1122 §4.1.3.4: a wrong checksum is dropped wherever the wrong bit is, unless the device vouches", () => {
    for (let bit = 0; bit < 11 * 8; bit++) {
      const payload = udp(hex("c0ffee"));
      payload[bit >> 3] ^= 0x80 >> (bit & 7);
      expect(parse(payload).verdict).not.toBe("ok");
    }
    expect(parse(udp(hex("c0ffee"), 11, 0x4242), true).verdict).toBe("ok");
    expect(parse(udp(hex("c0ffee"), 11, 0x4242)).verdict).toBe("udp-checksum");
  });

  test("RFC 768: a checksum of 0 means that there is none", () => {
    expect(parse(udp(hex("c0ffee"), 11, 0)).verdict).toBe("ok");
  });

  test("RFC 768: a Length below 8 or beyond the datagram is dropped; a shorter one cuts the data", () => {
    for (let length = 0; length < 8; length++) expect(parse(udp(hex("c0ffee"), length, 0)).verdict).toBe("udp-length");
    expect(parse(udp(hex("c0ffee"), 12, 0)).verdict).toBe("udp-length");
    expect(parse(udp(hex("c0ffee"), 65_535, 0)).verdict).toBe("udp-length");
    const { verdict, into } = parse(udp(hex("c0ffee"), 9));
    expect(verdict).toBe("ok");
    expect(into.end).toBe(29);
  });

  test("RFC 768: a header cut at any octet is dropped", () => {
    const whole = udp(hex(""));
    for (let end = 0; end < 8; end++) expect(parse(whole.subarray(0, end)).verdict).toBe("udp-truncated");
  });

  test("RFC 768: random octets never throw and never point outside", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (payload, vouched) => {
      const { verdict, into } = parse(payload, vouched);
      if (verdict === "ok") expect(into.end).toBeLessThanOrEqual(20 + payload.length);
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});
