import { ANY_ADDRESS, type Address } from "../base/address.ts";
import { Frame } from "../base/frame.ts";
import type { DropReason } from "./drop-reason.ts";

// Read first: RFC 791 §3.1; RFC 1122 §3.2.1.

/*  RFC 791 §3.1 Figure 4; four octets a row, its offset on the left.
 *   0 |Version|  IHL  |    DS   | ECN |          Total Length         |
 *   4 |         Identification        |0|D|M|     Fragment Offset     |
 *   8 |  Time to Live |    Protocol   |        Header Checksum        |
 *  12 |                        Source Address                         |
 *  16 |                      Destination Address                      |
 *  20 |                    Options, then padding                      | */
const VERSION_IHL = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS_AND_OFFSET = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;
const OPTIONS = 20;

/** Octets of a header without options: all that we send. */
export const IPV4_HEADER = OPTIONS;
/** Octets of the longest header. */
export const IPV4_HEADER_MAX = 60;
/** In the 16-bit word that also holds the fragment offset (RFC 791 §3.1). */
export const FLAG_DONT_FRAGMENT = 0x4000;
export const FLAG_MORE_FRAGMENTS = 0x2000;
const OFFSET_BITS = 0x1fff;
/** A fragment's offset counts units of this many octets. RFC 791 §3.1. */
export const FRAGMENT_UNIT = 8;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

/** Time to live of what we send, where nobody says otherwise. RFC 1122 §3.2.1.7; the number is IANA's advice. */
export const DEFAULT_TTL = 64;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LOOSE_SOURCE_ROUTE = 131;
const OPTION_STRICT_SOURCE_ROUTE = 137;

const NO_FRAME = new Frame(new Uint8Array(0));

/**
 * One received datagram: a record that is filled again for each, dead when the callee returns.
 * The transport's octets are `frame.bytes[payloadAt, end)`; the header's are `frame.bytes[at, payloadAt)`.
 */
export class Datagram {
  source: Address = ANY_ADDRESS;
  destination: Address = ANY_ADDRESS;
  protocol = 0;
  ttl = 0;
  /** DS field and ECN field together, one octet. RFC 2474, RFC 3168. */
  tos = 0;
  identification = 0;
  dontFragment = false;
  moreFragments = false;
  /** In octets. */
  fragmentOffset = 0;
  frame: Frame = NO_FRAME;
  at = 0;
  payloadAt = 0;
  /** By Total Length: octets that the link appended are cut off. */
  end = 0;
  /** Whether the device answers for the transport checksum (`RxBatch.vouched`). */
  vouched = false;
  /** Of a super-segment, in octets; 0 for a plain datagram. */
  gsoSize = 0;
  /** Number of the link on which it came. */
  link = 0;
  /** Whether it was sent to one address of this host, not to a broadcast: only then may anything answer it. */
  toHost = false;
  /** Offset in the header of the octet at fault; only after "ip-option-malformed". */
  problemAt = 0;
}

/**
 * Reads the IPv4 header in `frame.bytes[at, end)` and checks all that can be checked without knowing who we are.
 *
 * Shape:  fills every field of `into` except `vouched`, `gsoSize`, `link` and `toHost`, which are the caller's.
 * Errors: never throws. After "ok", and after "ip-option-malformed" (with `problemAt`), `into` is meaningful.
 * Source: RFC 791 §3.1; RFC 1122 §3.2.1.1 (version), §3.2.1.2 (checksum), §3.2.1.8 (options).
 *         The reserved flag is ignored, as every host does.
 * @hot
 */
export function parseIpv4(frame: Frame, at: number, end: number, into: Datagram): "ok" | DropReason {
  if (end - at < IPV4_HEADER) return "ip-truncated";
  const { view, bytes } = frame;
  const versionIhl = bytes[at + VERSION_IHL];
  if (versionIhl >> 4 !== 4) return "ip-version";
  const headerLength = (versionIhl & 15) * 4;
  if (headerLength < IPV4_HEADER) return "ip-header-length";
  if (headerLength > end - at) return "ip-truncated";
  const totalLength = view.getUint16(at + TOTAL_LENGTH);
  if (totalLength < headerLength) return "ip-total-length";
  if (totalLength > end - at) return "ip-truncated";
  if (sumHeader(view, at, at + headerLength) !== 0xffff) return "ip-checksum";
  const flagsAndOffset = view.getUint16(at + FLAGS_AND_OFFSET);
  into.source = view.getInt32(at + SOURCE) as Address;
  into.destination = view.getInt32(at + DESTINATION) as Address;
  into.protocol = bytes[at + PROTOCOL];
  into.ttl = bytes[at + TTL];
  into.tos = bytes[at + TOS];
  into.identification = view.getUint16(at + IDENTIFICATION);
  into.dontFragment = (flagsAndOffset & FLAG_DONT_FRAGMENT) !== 0;
  into.moreFragments = (flagsAndOffset & FLAG_MORE_FRAGMENTS) !== 0;
  into.fragmentOffset = (flagsAndOffset & OFFSET_BITS) * FRAGMENT_UNIT;
  into.frame = frame;
  into.at = at;
  into.payloadAt = at + headerLength;
  into.end = at + totalLength;
  into.problemAt = 0;
  return headerLength === IPV4_HEADER ? "ok" : checkOptions(bytes, at, into);
}

/** The folded sum of a header, RFC 1071: at most 60 octets, a multiple of four, so two folds suffice. */
function sumHeader(view: DataView, at: number, end: number): number {
  let sum = 0;
  for (let i = at; i < end; i += 4) sum += view.getUint16(i) + view.getUint16(i + 2);
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/**
 * Walks the options. All are ignored (RFC 1122 §3.2.1.8) but two: a source-routed datagram is dropped, even one that
 * has reached its last hop. Departs from RFC 1122 §3.2.1.8 (c) as RFC 7126 §4.3.5 and §4.4.5 advise.
 */
function checkOptions(bytes: Uint8Array, at: number, into: Datagram): "ok" | DropReason {
  for (let i = at + OPTIONS; i < into.payloadAt;) {
    const kind = bytes[i];
    if (kind === OPTION_END) return "ok";
    if (kind === OPTION_NOP) {
      i++;
      continue;
    }
    const length = i + 1 < into.payloadAt ? bytes[i + 1] : 0;
    if (length < 2 || i + length > into.payloadAt) {
      into.problemAt = Math.min(i + 1, into.payloadAt - 1) - at;
      return "ip-option-malformed";
    }
    if (kind === OPTION_LOOSE_SOURCE_ROUTE || kind === OPTION_STRICT_SOURCE_ROUTE) return "ip-source-route";
    i += length;
  }
  return "ok";
}

/**
 * Writes a header without options at `frame.bytes[at, at + 20)`, its checksum included.
 * `flagsAndOffset` is the 16-bit word of that place: `FLAG_…` and the offset in units of eight octets.
 * @hot
 */
export function emitIpv4(
  frame: Frame,
  at: number,
  totalLength: number,
  tos: number,
  identification: number,
  flagsAndOffset: number,
  ttl: number,
  protocol: number,
  source: Address,
  destination: Address,
): void {
  const view = frame.view;
  const first = 0x4500 | tos;
  const life = (ttl << 8) | protocol;
  let sum = first + totalLength + identification + flagsAndOffset + life;
  sum += (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at, first);
  view.setUint16(at + TOTAL_LENGTH, totalLength);
  view.setUint16(at + IDENTIFICATION, identification);
  view.setUint16(at + FLAGS_AND_OFFSET, flagsAndOffset);
  view.setUint16(at + TTL, life);
  view.setUint16(at + CHECKSUM, ~sum & 0xffff);
  view.setInt32(at + SOURCE, source);
  view.setInt32(at + DESTINATION, destination);
}

/**
 * Turns the header of a first fragment into that of the whole datagram: no flags, no offset, a new length, ECN field
 * and checksum; its options stay. RFC 791 §3.2 (reassembly), RFC 3168 §5.3.
 */
export function restoreHeader(frame: Frame, at: number, headerLength: number, totalLength: number, tos: number): void {
  const view = frame.view;
  view.setUint8(at + TOS, tos);
  view.setUint16(at + TOTAL_LENGTH, totalLength);
  view.setUint16(at + FLAGS_AND_OFFSET, 0);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, ~sumHeader(view, at, at + headerLength) & 0xffff);
}

/**
 * The folded sum over the pseudo-header of TCP and UDP, not complemented; `length` counts the transport's octets.
 * RFC 9293 §3.1, RFC 768.
 * @hot
 */
export function pseudoHeaderSum(source: Address, destination: Address, protocol: number, length: number): number {
  let sum = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length;
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/**
 * The part of a datagram that an ICMP error quotes: its header as the reporter saw it, and what followed.
 * Its Total Length and checksum are not believed: the quote is cut short and routers have changed the header.
 */
export class Quote {
  source: Address = ANY_ADDRESS;
  destination: Address = ANY_ADDRESS;
  protocol = 0;
  fragmentOffset = 0;
  /** Of the transport header's first octet. */
  payloadAt = 0;

  /** Reads `frame.bytes[at, end)`; false where no whole IPv4 header stands there. RFC 1122 §3.2.2. */
  read(frame: Frame, at: number, end: number): boolean {
    if (end - at < IPV4_HEADER) return false;
    const versionIhl = frame.bytes[at + VERSION_IHL];
    const headerLength = (versionIhl & 15) * 4;
    if (versionIhl >> 4 !== 4 || headerLength < IPV4_HEADER || headerLength > end - at) return false;
    this.source = frame.view.getInt32(at + SOURCE) as Address;
    this.destination = frame.view.getInt32(at + DESTINATION) as Address;
    this.protocol = frame.bytes[at + PROTOCOL];
    this.fragmentOffset = (frame.view.getUint16(at + FLAGS_AND_OFFSET) & OFFSET_BITS) * FRAGMENT_UNIT;
    this.payloadAt = at + headerLength;
    return true;
  }
}

/** A datagram on its way out whose payload lies in one piece: ICMP, and UDP later. TCP fills rows itself. */
export class Outgoing {
  source: Address = ANY_ADDRESS;
  destination: Address = ANY_ADDRESS;
  protocol = 0;
  ttl = DEFAULT_TTL;
  tos = 0;
  dontFragment = false;
  /** The payload is `bytes[0, bytes.length)`. Rows borrow it, so it is never written again. */
  readonly bytes: Uint8Array;
  /** By the route, once `Ipv4.prepare` has said yes. */
  link = 0;
  mtu = 0;
  identification = 0;
  /** Octets of `bytes` that have gone into rows. */
  sent = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}
