/** Datagrams as an attacker writes them: independent of the code under test, and with any field as wrong as it likes. */
import { icmpMessage, ipv4, type DatagramFields, HOST, PEER } from "../ipv4/datagrams.ts";

export const FIN = 1,
  SYN = 2,
  RST = 4,
  PSH = 8,
  ACK = 16;

export interface SegmentFields extends DatagramFields {
  sourcePort: number;
  destinationPort: number;
  seq?: number;
  ack?: number;
  flags: number;
  window?: number;
  tcpOptions?: Uint8Array;
  text?: Uint8Array;
  /** Lies, where given: the header's length in words. */
  dataOffset?: number;
}

/** The one's-complement sum over 16-bit words, folded and complemented: RFC 1071. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function pseudoHeader(datagram: Uint8Array, length: number): Uint8Array {
  const pseudo = new Uint8Array(12);
  pseudo.set(datagram.subarray(12, 20));
  pseudo[9] = datagram[9] ?? 0;
  new DataView(pseudo.buffer).setUint16(10, length);
  return pseudo;
}

const CHECKSUM_AT: Readonly<Record<number, number>> = { 1: 2, 6: 16, 17: 6 };

/**
 * Makes header and transport checksums right again, as far as the (possibly lying) lengths allow, so that whatever else is wrong
 * gets past them.
 */
export function mended(datagram: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(datagram);
  if (bytes.length < 20) return bytes;
  const view = new DataView(bytes.buffer);
  const headerLength = ((bytes[0] ?? 0) & 15) * 4;
  const end = Math.min(bytes.length, view.getUint16(2));
  const at = CHECKSUM_AT[bytes[9] ?? 0];
  if (at !== undefined && (view.getUint16(6) & 0x3fff) === 0 && headerLength + at + 2 <= end) {
    view.setUint16(headerLength + at, 0);
    const payload = bytes.subarray(headerLength, end);
    const parts = bytes[9] === 1 ? [payload] : [pseudoHeader(bytes, payload.length), payload];
    view.setUint16(headerLength + at, checksum(parts));
  }
  view.setUint16(10, 0);
  view.setUint16(10, checksum([bytes.subarray(0, Math.min(Math.max(headerLength, 20), bytes.length))]));
  return bytes;
}

export function tcp(fields: SegmentFields): Uint8Array {
  const options = fields.tcpOptions ?? new Uint8Array(0);
  const text = fields.text ?? new Uint8Array(0);
  const payload = new Uint8Array(20 + options.length + text.length);
  const view = new DataView(payload.buffer);
  view.setUint16(0, fields.sourcePort);
  view.setUint16(2, fields.destinationPort);
  view.setUint32(4, (fields.seq ?? 0) >>> 0);
  view.setUint32(8, (fields.ack ?? 0) >>> 0);
  payload[12] = (fields.dataOffset ?? 5 + options.length / 4) << 4;
  payload[13] = fields.flags;
  view.setUint16(14, fields.window ?? 65_535);
  payload.set(options, 20);
  payload.set(text, 20 + options.length);
  return mended(ipv4({ ...fields, protocol: 6, payload }));
}

/** RFC 7323 §3.2, as it is laid out in practice. */
export function timestampOption(value: number, echo: number): Uint8Array {
  const option = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
  const view = new DataView(option.buffer);
  view.setUint32(4, value >>> 0);
  view.setUint32(8, echo >>> 0);
  return option;
}

export function udp(
  sourcePort: number,
  destinationPort: number,
  text: Uint8Array,
  fields: DatagramFields = {},
): Uint8Array {
  const payload = new Uint8Array(8 + text.length);
  const view = new DataView(payload.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint16(4, payload.length);
  payload.set(text, 8);
  return mended(ipv4({ ...fields, protocol: 17, payload }));
}

export const ping = (text: Uint8Array, fields: DatagramFields = {}): Uint8Array =>
  ipv4({ ...fields, protocol: 1, payload: icmpMessage(8, 0, 0x1234_0001, text) });

/** An ICMP error about `quoted`, which somebody claims that the host has sent. */
export const icmpError = (type: number, code: number, quoted: Uint8Array, rest = 0): Uint8Array =>
  ipv4({ protocol: 1, payload: icmpMessage(type, code, rest, quoted.subarray(0, 28)) });

/** What a datagram that the stack has sent is, read by hand. */
export interface Sent {
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
  /** Of TCP. */
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** TSval and TSecr, where its first options are those of an established connection: NOP, NOP, timestamps. */
  readonly timestamps: readonly [number, number] | null;
  readonly textLength: number;
  /** Of ICMP. */
  readonly type: number;
  readonly code: number;
}

/** Errors: where it is not a datagram that an honest host sends. */
export function readSent(bytes: Uint8Array): Sent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wrong = (what: string): never => {
    throw new Error(`the stack sent ${what}: ${Buffer.from(bytes.subarray(0, 60)).toString("hex")}`);
  };
  if (bytes.length < 20 || bytes[0] !== 0x45 || view.getUint16(2) !== bytes.length) wrong("a header that lies");
  if (checksum([bytes.subarray(0, 20)]) !== 0) wrong("a bad header checksum");
  const protocol = bytes[9] ?? 0;
  const payload = bytes.subarray(20);
  const fragment = (view.getUint16(6) & 0x3fff) !== 0;
  if (!fragment && (protocol === 6 || protocol === 17)) {
    if (checksum([pseudoHeader(bytes, payload.length), payload]) !== 0) wrong("a bad checksum");
  }
  if (!fragment && protocol === 1 && checksum([payload]) !== 0) wrong("a bad ICMP checksum");
  const isTcp = protocol === 6 && !fragment;
  return {
    protocol,
    source: view.getUint32(12),
    destination: view.getUint32(16),
    flags: isTcp ? (bytes[33] ?? 0) : 0,
    seq: isTcp ? view.getUint32(24) : 0,
    ack: isTcp ? view.getUint32(28) : 0,
    sourcePort: isTcp ? view.getUint16(20) : 0,
    destinationPort: isTcp ? view.getUint16(22) : 0,
    timestamps:
      isTcp && bytes.length >= 52 && view.getUint32(40) === 0x0101_080a
        ? [view.getUint32(44), view.getUint32(48)]
        : null,
    textLength: isTcp ? payload.length - ((payload[12] ?? 0) >> 4) * 4 : 0,
    type: protocol === 1 ? (bytes[20] ?? 0) : -1,
    code: protocol === 1 ? (bytes[21] ?? 0) : -1,
  };
}

export { HOST, PEER };
