import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ipv4, icmpMessage, pattern } from "../ipv4/datagrams.ts";
import { Besieged } from "./besieged.ts";
import { ACK, mended, PSH, ping, SYN, tcp, udp } from "./packets.ts";

/** One of each kind that the stack reads, all valid, to which it would answer or from which it would take something. */
const SAMPLES: Record<string, Uint8Array> = {
  "a SYN with options": tcp({
    sourcePort: 40_000,
    destinationPort: 7,
    seq: 1000,
    flags: SYN,
    tcpOptions: Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7),
  }),
  "text for no connection": tcp({
    sourcePort: 1,
    destinationPort: 7,
    seq: 5,
    ack: 9,
    flags: ACK | PSH,
    text: pattern(10),
  }),
  "an echo request": ping(pattern(20)),
  "UDP to a closed port": udp(5000, 53, pattern(12)),
  "a protocol that is not there": ipv4({ protocol: 132 }),
  "a datagram with options": ipv4({
    protocol: 1,
    options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0),
    payload: icmpMessage(8, 0, 1, pattern(4)),
  }),
};

/** After this long the half-open connections of an attack have gone: RFC 9293 MUST-23. */
const HALF_OPEN_MS = 400_000;

let siege: Besieged;
beforeEach(async () => {
  siege = await Besieged.begin({ resetsPerSecond: 1_000_000 });
});
afterEach(() => siege.end());

/** Limits per second must not hide an answer that should not have been given. */
const nextSecond = (): void => siege.timebase.advance(1000);

describe.each(Object.entries(SAMPLES))("%s", (_, valid) => {
  test("as it is, it is answered", () => {
    expect(siege.attack(valid)).toHaveLength(1);
    expect(siege.dropped).toBe(0);
  });

  test("RFC 1122 §3.2.1: cut off after any octet, it is counted and not answered", () => {
    for (let length = 0; length < valid.length; length++) {
      expect(siege.attack(valid.subarray(0, length)), `${String(length)} octets`).toEqual([]);
      expect(siege.dropped, `${String(length)} octets`).toBe(length + 1);
    }
  });

  test("RFC 1071: any octet changed to any other, it is counted and not answered", () => {
    let attacks = 0;
    for (let at = 0; at < valid.length; at++) {
      const sent = [];
      for (let flip = 1; flip < 256; flip++) {
        const bytes = Uint8Array.from(valid);
        bytes[at] ^= flip;
        sent.push(...siege.attack(bytes));
        attacks++;
      }
      expect(sent, `octet ${String(at)}`).toEqual([]);
      expect(siege.dropped, `octet ${String(at)}`).toBe(attacks);
    }
  });

  test("any octet of its headers lies, with checksums that fit: nothing throws, and every answer is well-formed", () => {
    const conversation = siege.converse();
    for (let at = 0; at < Math.min(valid.length, 60); at++) {
      for (let value = 0; value < 256; value++) {
        const bytes = Uint8Array.from(valid);
        bytes[at] = value;
        expect(siege.attack(mended(bytes)).length).toBeLessThanOrEqual(1);
      }
      nextSecond();
    }
    expect(siege.host.stats().tcp["brokenInvariants"]).toBe(0);
    expect(conversation.says("still here")).toBe("still here");
    siege.timebase.advance(HALF_OPEN_MS);
    expect(siege.converse().says("and here")).toBe("and here");
  });

  test("RFC 791 §3.1: longer on the wire than Total Length says, it is padding", () => {
    const padded = new Uint8Array(valid.length + 18).fill(0xa5);
    padded.set(valid);
    expect(siege.attack(padded)).toHaveLength(1);
  });
});

test("RFC 9293 MUST-7: options of every kind and length, 0 included, end a SYN's parsing, never the host", () => {
  const conversation = siege.converse();
  for (let kind = 0; kind < 256; kind++) {
    const burst: Uint8Array[] = [];
    for (let length = 0; length < 256; length++) {
      const tcpOptions = Uint8Array.of(1, kind, length, 0xff, 0, 0, 0, 0);
      burst.push(tcp({ sourcePort: 1024 + length, destinationPort: 7, seq: 9, flags: SYN, tcpOptions }));
    }
    siege.attack(...burst);
    siege.timebase.advance(HALF_OPEN_MS);
  }
  expect(siege.host.stats().tcp["brokenInvariants"]).toBe(0);
  expect(conversation.says("still here")).toBe("still here");
});

test("RFC 791 §3.1: IPv4 options of every kind and length end a datagram's parsing, never the host", () => {
  for (let kind = 0; kind < 256; kind++) {
    const burst: Uint8Array[] = [];
    for (let length = 0; length < 256; length++) {
      const options = Uint8Array.of(1, kind, length, 4, 0, 0, 0, 0);
      burst.push(ipv4({ protocol: 1, options, payload: icmpMessage(8, 0, 1, pattern(8)) }));
    }
    expect(siege.attack(...burst).length).toBeLessThanOrEqual(burst.length);
    nextSecond();
  }
  expect(siege.attack(ping(pattern(8)))).toHaveLength(1);
});
