import { expect, test } from "vitest";
import { Frame } from "../../src/base/frame.ts";
import { IcmpError, IcmpHeader, parseIcmp, sealIcmp } from "../../src/wire/icmp.ts";
import { Datagram, parseIpv4 } from "../../src/wire/ipv4.ts";
import { frameOf, hex, HOST, icmpMessage, ipv4, pattern, PEER } from "../ipv4/datagrams.ts";

// The echo that another system's ping sends, and its answer, as captures of them show.
const DATA = "6162636465666768 696a6b6c6d6e6f70 7172737475767761 6263646566676869";
const REQUEST = hex(`0800 4d5a 0001 0001 ${DATA}`);
const REPLY = hex(`0000 555a 0001 0001 ${DATA}`);

const carried = (payload: Uint8Array): Datagram => {
  const bytes = ipv4({ protocol: 1, payload });
  const datagram = new Datagram();
  expect(parseIpv4(new Frame(bytes), 0, bytes.length, datagram)).toBe("ok");
  return datagram;
};

test("RFC 792: a captured echo is read field by field", () => {
  const datagram = carried(REQUEST);
  expect(parseIcmp(datagram)).toBe("ok");
  const header = new IcmpHeader().wrap(datagram.frame, datagram.payloadAt);
  expect([header.type, header.code, header.identifier, header.sequence, header.dataAt]).toEqual([8, 0, 1, 1, 28]);
});

test("RFC 792: sealing the same data as a reply gives the captured answer, whatever stood in the header", () => {
  const bytes = REQUEST.slice();
  bytes.fill(0xff, 0, 8);
  sealIcmp(frameOf(bytes), 0, 0, 0x0001_0001);
  expect(bytes).toEqual(REPLY);
});

test("RFC 792: the checksum of a message of odd length covers its last octet", () => {
  const message = icmpMessage(8, 0, 0, hex("c0ffee"));
  expect(parseIcmp(carried(message))).toBe("ok");
  message[message.length - 1] ^= 1;
  expect(parseIcmp(carried(message))).toBe("icmp-checksum");
});

test("RxBatch: what the device vouches for is not summed again", () => {
  const datagram = carried(hex("0800 0000 0001 0001"));
  expect(parseIcmp(datagram)).toBe("icmp-checksum");
  datagram.vouched = true;
  expect(parseIcmp(datagram)).toBe("ok");
});

test("RFC 1191 §4: the next-hop MTU and the pointer are read only where they stand", () => {
  const quote = ipv4({ source: HOST, destination: PEER, protocol: 6, payload: pattern(8) });
  const error = new IcmpError();
  const read = (type: number, code: number): [number, number] => {
    expect(error.read(carried(icmpMessage(type, code, 0x1400_0514, quote)))).toBe("ok");
    return [error.mtu, error.pointer];
  };
  expect(read(3, 4)).toEqual([0x0514, 0]);
  expect(read(3, 3)).toEqual([0, 0]);
  expect(read(12, 0)).toEqual([0, 0x14]);
  expect(read(11, 0)).toEqual([0, 0]);
});
