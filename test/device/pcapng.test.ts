import fc from "fast-check";
import { expect, test } from "vitest";
import {
  PACKET_AT,
  decryptionSecrets,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  sectionHeader,
} from "../../src/device/pcapng.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("pcapng §4.1: a Section Header Block, octet by octet", () => {
  expect(hex(sectionHeader("four"))).toBe(
    "0a0d0d0a" +
      "28000000" +
      "4d3c2b1a" +
      "01000000" +
      "ffffffffffffffff" +
      "04000400666f7572" +
      "00000000" +
      "28000000",
  );
});

test("pcapng §4.2: an Interface Description Block: raw IP, no snap length, name, microseconds", () => {
  expect(hex(interfaceDescription("tun0"))).toBe(
    "01000000" +
      "28000000" +
      "65000000" +
      "00000000" +
      "0200040074756e30" +
      "0900010006000000" +
      "00000000" +
      "28000000",
  );
});

test("pcapng §4.3: an Enhanced Packet Block: 64-bit time, high word first, direction and comment", () => {
  const block = enhancedPacket(5, { epochUs: 2 ** 32 * 3 + 4, direction: "outbound", comment: "ok" });
  block.set([1, 2, 3, 4, 5], PACKET_AT);
  expect(hex(block)).toBe(
    "06000000" +
      "3c000000" +
      "00000000" +
      "03000000" +
      "04000000" +
      "05000000" +
      "05000000" +
      "0102030405000000" +
      "0200040002000000" +
      "010002006f6b0000" +
      "00000000" +
      "3c000000",
  );
});

test("pcapng §4.6: an Interface Statistics Block: times high word first, counters as 64-bit integers", () => {
  const block = interfaceStatistics({
    startEpochUs: 2 ** 32,
    endEpochUs: 2 ** 32 + 1,
    received: 2 ** 32 + 7,
    dropped: 3,
  });
  expect(hex(block)).toBe(
    "05000000" +
      "4c000000" +
      "00000000" +
      "01000000" +
      "01000000" +
      "020008000100000000000000" +
      "030008000100000001000000" +
      "040008000700000001000000" +
      "050008000300000000000000" +
      "00000000" +
      "4c000000",
  );
});

test("pcapng §4.7: a Decryption Secrets Block with a TLS key log", () => {
  expect(hex(decryptionSecrets(new TextEncoder().encode("CLIENT")))).toBe(
    "0a000000" + "1c000000" + "4b534c54" + "06000000" + "434c49454e540000" + "1c000000",
  );
});

test("pcapng §3.1: every block is a multiple of 4 octets and tells its length at both ends", () => {
  fc.assert(
    fc.property(fc.nat(70), fc.string(), fc.nat(2 ** 52), (length, comment, epochUs) => {
      const block = enhancedPacket(length, { epochUs, direction: "inbound", comment });
      const view = new DataView(block.buffer, block.byteOffset, block.length);
      expect(block.length % 4).toBe(0);
      expect(view.getUint32(4, true)).toBe(block.length);
      expect(view.getUint32(block.length - 4, true)).toBe(block.length);
      expect(view.getUint32(12, true) * 2 ** 32 + view.getUint32(16, true)).toBe(epochUs);
    }),
  );
});
