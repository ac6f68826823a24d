import { ANY_ADDRESS, type Address } from "../base/address.ts";
import { sumOctets } from "../base/checksum.ts";
import { Frame } from "../base/frame.ts";
import type { DropReason } from "./drop-reason.ts";
import type { Datagram } from "./ipv4.ts";
import { Quote } from "./ipv4.ts";

// Read first: RFC 792; RFC 1122 §3.2.2; RFC 1191 §4 (next-hop MTU).

/*  RFC 792; four octets a row, its offset on the left. Row 4 depends on the type:
 *   0 |     Type      |     Code      |           Checksum            |
 *   4 |          Identifier           |        Sequence Number        |  echo and its reply
 *   4 |            unused             |         Next-Hop MTU          |  unreachable, code 4
 *   4 |    Pointer    |                    unused                     |  parameter problem
 *   8 |          data, or the quoted header and what followed         | */
const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const IDENTIFIER = 4;
const POINTER = 4;
const SEQUENCE = 6;
const NEXT_HOP_MTU = 6;
const DATA = 8;

/** Octets in front of an echo's data and of an error's quote. */
export const ICMP_HEADER = DATA;

export const TYPE_ECHO_REPLY = 0;
export const TYPE_UNREACHABLE = 3;
export const TYPE_ECHO_REQUEST = 8;
export const TYPE_TIME_EXCEEDED = 11;
export const TYPE_PARAMETER_PROBLEM = 12;
export const TYPE_TIMESTAMP = 13;
export const TYPE_TIMESTAMP_REPLY = 14;

/** Of `TYPE_UNREACHABLE`. RFC 792; RFC 1122 §3.2.2.1; RFC 1812 §5.2.7.1. */
export const CODE_NETWORK = 0;
export const CODE_PROTOCOL = 2;
export const CODE_PORT = 3;
export const CODE_FRAGMENTATION_NEEDED = 4;
/** Of `TYPE_TIME_EXCEEDED`. */
export const CODE_REASSEMBLY = 1;

/** The transport octets that every error quotes at least. RFC 792. */
export const QUOTE_MIN = 8;

/** Flyweight over one ICMP header. Precondition of `wrap`: `parseIcmp` has said "ok". */
export class IcmpHeader {
  #frame = new Frame(new Uint8Array(0));
  #at = 0;

  wrap(frame: Frame, at: number): this {
    this.#frame = frame;
    this.#at = at;
    return this;
  }
  get type(): number {
    return this.#frame.bytes[this.#at + TYPE];
  }
  get code(): number {
    return this.#frame.bytes[this.#at + CODE];
  }
  get identifier(): number {
    return this.#frame.view.getUint16(this.#at + IDENTIFIER);
  }
  get sequence(): number {
    return this.#frame.view.getUint16(this.#at + SEQUENCE);
  }
  get nextHopMtu(): number {
    return this.#frame.view.getUint16(this.#at + NEXT_HOP_MTU);
  }
  get pointer(): number {
    return this.#frame.bytes[this.#at + POINTER];
  }
  get dataAt(): number {
    return this.#at + DATA;
  }
}

/** Checks length and checksum of the ICMP message that `datagram` carries. RFC 792; RFC 1122 §3.2.2. */
export function parseIcmp(datagram: Datagram): "ok" | DropReason {
  if (datagram.end - datagram.payloadAt < ICMP_HEADER) return "icmp-truncated";
  if (datagram.vouched) return "ok";
  return sumOctets(datagram.frame.bytes, datagram.payloadAt, datagram.end, 0) === 0xffff ? "ok" : "icmp-checksum";
}

/**
 * Writes type, code, row 4 and the checksum of the message that fills `frame.bytes`; what follows the first eight octets
 * must be there already.
 */
export function sealIcmp(frame: Frame, type: number, code: number, rest: number): void {
  const { view, bytes } = frame;
  view.setUint8(TYPE, type);
  view.setUint8(CODE, code);
  view.setUint16(CHECKSUM, 0);
  view.setInt32(IDENTIFIER, rest);
  view.setUint16(CHECKSUM, ~sumOctets(bytes, 0, bytes.length, 0) & 0xffff);
}

/**
 * Whether a message of this type asks something, so that an error may be sent about it. RFC 1122 §3.2.2 forbids errors
 * about errors; of a type that nobody here knows, nobody knows that it is none.
 */
export const isIcmpQuery = (type: number): boolean =>
  type === TYPE_ECHO_REQUEST || type === TYPE_ECHO_REPLY || type === TYPE_TIMESTAMP || type === TYPE_TIMESTAMP_REPLY;

/** What an ICMP error says, and about which datagram of ours: a record filled again for each, lent to the hook. */
export class IcmpError {
  type = 0;
  code = 0;
  /** Next-hop MTU in octets, of unreachable code 4 alone; 0 where the router tells none. RFC 1191 §4. */
  mtu = 0;
  /** Of a parameter problem: offset of the octet at fault in the quoted datagram. */
  pointer = 0;
  /** Who sent the error: any router of the path, and easily forged. */
  reporter: Address = ANY_ADDRESS;
  link = 0;
  quotedSource: Address = ANY_ADDRESS;
  quotedDestination: Address = ANY_ADDRESS;
  quotedProtocol = 0;
  frame: Frame = new Frame(new Uint8Array(0));
  /** The quoted transport octets, at least `QUOTE_MIN`: `frame.bytes[quotedAt, quotedEnd)`. */
  quotedAt = 0;
  quotedEnd = 0;

  readonly #header = new IcmpHeader();
  readonly #quote = new Quote();

  /** Reads the error in `datagram`, of which `parseIcmp` has said "ok". */
  read(datagram: Datagram): "ok" | DropReason {
    const header = this.#header.wrap(datagram.frame, datagram.payloadAt);
    const quote = this.#quote;
    if (!quote.read(datagram.frame, header.dataAt, datagram.end)) return "icmp-quote-truncated";
    // Only a first fragment has the ports that tell whose it is.
    if (quote.fragmentOffset !== 0 || datagram.end - quote.payloadAt < QUOTE_MIN) return "icmp-quote-truncated";
    this.type = header.type;
    this.code = header.code;
    this.mtu = header.type === TYPE_UNREACHABLE && header.code === CODE_FRAGMENTATION_NEEDED ? header.nextHopMtu : 0;
    this.pointer = header.type === TYPE_PARAMETER_PROBLEM ? header.pointer : 0;
    this.reporter = datagram.source;
    this.link = datagram.link;
    this.quotedSource = quote.source;
    this.quotedDestination = quote.destination;
    this.quotedProtocol = quote.protocol;
    this.frame = datagram.frame;
    this.quotedAt = quote.payloadAt;
    this.quotedEnd = datagram.end;
    return "ok";
  }
}
