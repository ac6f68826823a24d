/**
 * Datagrams of scripts: written and read here octet by octet, apart from `src/wire`, so that a mistake there cannot hide
 * itself. RFC 791 §3.1, RFC 9293 §3.1, RFC 792.
 */
import type { TcpOption } from "./script.ts";

const IPV4_HEADER = 20;
const TCP_HEADER = 20;
const TTL = 64;
const PROTOCOL_ICMP = 1;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

export interface LiveIp {
  readonly source: number;
  readonly destination: number;
  readonly tos: number;
  readonly ttl: number;
}

export interface LiveTcp {
  readonly protocol: "tcp";
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly win: number;
  readonly urg: number;
  readonly options: readonly TcpOption[];
  readonly text: Uint8Array;
}

export interface LiveIcmp {
  readonly protocol: "icmp";
  readonly type: number;
  readonly code: number;
  /** Of "fragmentation needed". */
  readonly mtu: number;
  readonly data: Uint8Array;
}

export interface LiveUdp {
  readonly protocol: "udp";
  readonly srcPort: number;
  readonly dstPort: number;
  readonly length: number;
}

export type LivePacket = { readonly ip: LiveIp } & (LiveTcp | LiveIcmp | LiveUdp);

/** What stands at an octet of either stream: the same for the same place, so that a misplaced octet is noticed. */
export const streamOctet = (offset: number): number => (Math.imul(offset, 0x9e37_79b1) >>> 24) & 0xff;

export function streamOctets(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => streamOctet(from + i));
}

export function encodeTcp(ip: LiveIp, tcp: LiveTcp): Uint8Array {
  const options = encodeOptions(tcp.options);
  const at = IPV4_HEADER;
  const bytes = new Uint8Array(at + TCP_HEADER + options.length + tcp.text.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(at, tcp.srcPort);
  view.setUint16(at + 2, tcp.dstPort);
  view.setUint32(at + 4, tcp.seq);
  view.setUint32(at + 8, tcp.ack);
  view.setUint16(at + 12, ((TCP_HEADER + options.length) << 10) | tcp.flags);
  view.setUint16(at + 14, tcp.win);
  view.setUint16(at + 18, tcp.urg);
  bytes.set(options, at + TCP_HEADER);
  bytes.set(tcp.text, at + TCP_HEADER + options.length);
  view.setUint16(at + 16, transportSum(bytes, ip, PROTOCOL_TCP));
  return sealIp(bytes, ip, PROTOCOL_TCP);
}

export function encodeUdp(ip: LiveIp, udp: LiveUdp): Uint8Array {
  const bytes = new Uint8Array(IPV4_HEADER + 8 + udp.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(IPV4_HEADER, udp.srcPort);
  view.setUint16(IPV4_HEADER + 2, udp.dstPort);
  view.setUint16(IPV4_HEADER + 4, 8 + udp.length);
  view.setUint16(IPV4_HEADER + 6, transportSum(bytes, ip, PROTOCOL_UDP));
  return sealIp(bytes, ip, PROTOCOL_UDP);
}

export function encodeIcmp(ip: LiveIp, icmp: LiveIcmp): Uint8Array {
  const bytes = new Uint8Array(IPV4_HEADER + 8 + icmp.data.length);
  const view = new DataView(bytes.buffer);
  bytes[IPV4_HEADER] = icmp.type;
  bytes[IPV4_HEADER + 1] = icmp.code;
  view.setUint16(IPV4_HEADER + 6, icmp.mtu);
  bytes.set(icmp.data, IPV4_HEADER + 8);
  view.setUint16(IPV4_HEADER + 2, ~sum(bytes, IPV4_HEADER, bytes.length, 0) & 0xffff);
  return sealIp(bytes, ip, PROTOCOL_ICMP);
}

function sealIp(bytes: Uint8Array, ip: LiveIp, protocol: number): Uint8Array {
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  bytes[1] = ip.tos;
  view.setUint16(2, bytes.length);
  view.setUint16(6, 0x4000);
  bytes[8] = ip.ttl;
  bytes[9] = protocol;
  view.setUint32(12, ip.source);
  view.setUint32(16, ip.destination);
  view.setUint16(10, ~sum(bytes, 0, IPV4_HEADER, 0) & 0xffff);
  return bytes;
}

export const ipFrom = (source: number, destination: number, tos = 0, ttl = TTL): LiveIp => ({
  source,
  destination,
  tos,
  ttl,
});

/** RFC 1071 over `bytes[from, to)`, folded. */
function sum(bytes: Uint8Array, from: number, to: number, start: number): number {
  let total = start;
  for (let i = from; i < to; i++) total += (i - from) % 2 === 0 ? bytes[i] * 256 : bytes[i];
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x1_0000);
  return total;
}

function transportSum(bytes: Uint8Array, ip: LiveIp, protocol: number): number {
  return ~transportRaw(bytes, ip, protocol) & 0xffff;
}

function transportRaw(bytes: Uint8Array, ip: LiveIp, protocol: number): number {
  const words = [ip.source >>> 16, ip.source & 0xffff, ip.destination >>> 16, ip.destination & 0xffff];
  const pseudo = words.reduce((total, word) => total + word, protocol + bytes.length - IPV4_HEADER);
  return sum(bytes, IPV4_HEADER, bytes.length, pseudo);
}

function encodeOptions(options: readonly TcpOption[]): number[] {
  const bytes: number[] = [];
  const word = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
  for (const { name, numbers, blob = "" } of options) {
    if (name === "nop") bytes.push(1);
    else if (name === "eol") bytes.push(0);
    else if (name === "mss") bytes.push(2, 4, numbers[0] >> 8, numbers[0] & 0xff);
    else if (name === "wscale") bytes.push(3, 3, numbers[0]);
    else if (name === "sackOK") bytes.push(4, 2);
    else if (name === "sack") bytes.push(5, 2 + numbers.length * 4, ...numbers.flatMap(word));
    else if (name === "TS") bytes.push(8, 10, ...numbers.flatMap(word));
    else bytes.push(...encodeCookie(name, blob));
  }
  while (bytes.length % 4 !== 0) bytes.push(0);
  return bytes;
}

/** RFC 7413 §4.1.1; the experimental form with the magic number 0xF989. */
function encodeCookie(name: string, blob: string): number[] {
  const cookie = (blob.match(/../g) ?? []).map((octet) => parseInt(octet, 16));
  const lead = name === "FOEXP" ? [0xf9, 0x89] : [];
  return [name === "FOEXP" ? 254 : 34, 2 + lead.length + cookie.length, ...lead, ...cookie];
}

/** Reads what the stack has sent. `whole`: its checksum is complete and is checked. Returns a text for what is malformed. */
export function decode(bytes: Uint8Array, whole: boolean): LivePacket | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes[0] !== 0x45) return `an IPv4 header that starts with 0x${bytes[0].toString(16)}`;
  if (whole && sum(bytes, 0, IPV4_HEADER, 0) !== 0xffff) return "a bad IPv4 checksum";
  if (view.getUint16(2) !== bytes.length) return `an IPv4 total length of ${String(view.getUint16(2))}`;
  const ip: LiveIp = { source: view.getUint32(12), destination: view.getUint32(16), tos: bytes[1], ttl: bytes[8] };
  const at = IPV4_HEADER;
  switch (bytes[9]) {
    case PROTOCOL_TCP:
      if (whole && transportRaw(bytes, ip, PROTOCOL_TCP) !== 0xffff) return "a bad TCP checksum";
      return { ip, ...decodeTcp(view, bytes, at) };
    case PROTOCOL_UDP:
      return {
        ip,
        protocol: "udp",
        srcPort: view.getUint16(at),
        dstPort: view.getUint16(at + 2),
        length: bytes.length - at - 8,
      };
    case PROTOCOL_ICMP:
      if (whole && sum(bytes, at, bytes.length, 0) !== 0xffff) return "a bad ICMP checksum";
      return {
        ip,
        protocol: "icmp",
        type: bytes[at],
        code: bytes[at + 1],
        mtu: view.getUint16(at + 6),
        data: bytes.slice(at + 8),
      };
    default:
      return `IPv4 protocol ${String(bytes[9])}`;
  }
}

function decodeTcp(view: DataView, bytes: Uint8Array, at: number): LiveTcp {
  const headerLength = (bytes[at + 12] >> 4) * 4;
  return {
    protocol: "tcp",
    srcPort: view.getUint16(at),
    dstPort: view.getUint16(at + 2),
    seq: view.getUint32(at + 4),
    ack: view.getUint32(at + 8),
    flags: bytes[at + 13],
    win: view.getUint16(at + 14),
    urg: view.getUint16(at + 18),
    options: decodeOptions(view, bytes, at + TCP_HEADER, at + headerLength),
    text: bytes.slice(at + headerLength),
  };
}

function decodeOptions(view: DataView, bytes: Uint8Array, from: number, end: number): TcpOption[] {
  const options: TcpOption[] = [];
  for (let i = from; i < end;) {
    const kind = bytes[i];
    if (kind < 2) {
      options.push({ name: kind === 0 ? "eol" : "nop", numbers: [] });
      i++;
      continue;
    }
    const length = bytes[i + 1];
    options.push(decodeOption(view, bytes, i, kind, length));
    i += Math.max(2, length);
  }
  return options;
}

function decodeOption(view: DataView, bytes: Uint8Array, at: number, kind: number, length: number): TcpOption {
  switch (kind) {
    case 2:
      return { name: "mss", numbers: [view.getUint16(at + 2)] };
    case 3:
      return { name: "wscale", numbers: [bytes[at + 2]] };
    case 4:
      return { name: "sackOK", numbers: [] };
    case 5:
      return {
        name: "sack",
        numbers: Array.from({ length: (length - 2) / 4 }, (_, i) => view.getUint32(at + 2 + i * 4)),
      };
    case 8:
      return { name: "TS", numbers: [view.getUint32(at + 2), view.getUint32(at + 6)] };
    default:
      return { name: "unknown", numbers: [kind, length] };
  }
}
