/**
 * What network hardware does, in software: transport checksums and the cutting of super-segments. Octets in, octets out;
 * the one place in `device/` that knows where header fields lie, and no more of the protocols than that.
 * Read first: RFC 791 §3.1, RFC 9293 §3.1, RFC 768, RFC 1071; Linux net/ipv4/tcp_offload.c and af_inet.c set the rules of cutting.
 */
import { assert } from "../base/assert.ts";
import { addSums, sumOctets, swapSum } from "../base/checksum.ts";
import type { TxBatch } from "../base/tx-batch.ts";

/*  RFC 791 §3.1 Figure 4; four octets a row, its offset on the left.
 *   0 |Version|  IHL  |Type of Service|         Total Length          |
 *   4 |        Identification         |Flags|     Fragment Offset     |
 *   8 | Time to Live  |   Protocol    |        Header Checksum        |
 *  12 |                        Source Address                         |
 *  16 |                     Destination Address                       | */
const VERSION_IHL = 0;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FRAGMENT = 6;
const PROTOCOL = 9;
const HEADER_CHECKSUM = 10;
const SOURCE = 12;
const IP_HEADER_MIN = 20;
/** More Fragments and the offset: both 0 in a whole datagram. */
const FRAGMENT_MASK = 0x3fff;

const ICMP = 1;
const TCP = 6;
const UDP = 17;

/*  RFC 9293 §3.1 Figure 1.
 *   4 |                        Sequence Number                        |
 *  12 | Offset | Rsrvd | CWR ... FIN  |            Window             |
 *  16 |           Checksum            |        Urgent Pointer         | */
const SEQUENCE = 4;
const DATA_OFFSET = 12;
const FLAGS = 13;
const TCP_CHECKSUM = 16;
const TCP_HEADER_MIN = 20;
const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;

/** RFC 768: source, destination, length, checksum. */
const UDP_CHECKSUM = 6;
const UDP_HEADER = 8;
/** RFC 792: type, code, checksum. */
const ICMP_CHECKSUM = 2;
const ICMP_HEADER_MIN = 4;

const get16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];

const put16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
};

/** The field for a folded sum. In UDP a field of 0 means "none", so its other zero is sent. RFC 768. */
const checksumField = (sum: number, protocol: number): number => {
  const field = ~sum & 0xffff;
  return field === 0 && protocol === UDP ? 0xffff : field;
};

/**
 * Finishes the transport checksum of pending row `row` in the row's own header; does nothing where it is finished.
 *
 * Shape:  the field lies in the header and holds the sum over the pseudo-header (`TxBatch`, "Offload").
 * Errors: none; a row whose field lies outside its header is our own fault and asserts.
 * Source: RFC 1071 §2(B): a piece that starts at an odd octet of the range contributes its sum with the octets swapped.
 */
export function completeChecksum(tx: TxBatch, row: number): void {
  const checksumAt = tx.checksumAt[row];
  if (checksumAt === 0) return;
  const from = tx.checksumFrom[row];
  const headerLength = tx.headerLength[row];
  assert(from <= checksumAt && checksumAt + 2 <= headerLength, "the checksum field lies in the row's header");
  const header = tx.head.bytes;
  const headerAt = tx.headerAt(row);
  let sum = sumOctets(header, headerAt + from, headerAt + headerLength, 0);
  let odd = ((headerLength - from) & 1) === 1;
  const lastPiece = tx.firstPiece[row] + tx.pieceCount[row];
  for (let piece = tx.firstPiece[row]; piece < lastPiece; piece++) {
    const bytes = tx.pieceBytes[piece];
    assert(bytes !== null, "a pending row keeps its pieces");
    const length = tx.pieceLength[piece];
    const part = sumOctets(bytes, tx.pieceAt[piece], tx.pieceAt[piece] + length, 0);
    sum = addSums(sum, odd ? swapSum(part) : part);
    odd = odd !== ((length & 1) === 1);
  }
  put16(header, headerAt + checksumAt, checksumField(sum, header[headerAt + PROTOCOL]));
  tx.checksumAt[row] = 0;
  tx.checksumFrom[row] = 0;
}

/** Finishes what whoever knows no header would finish wrong: a UDP sum of zero. Any other row stays as it is. RFC 768. */
export function completeUdpChecksum(tx: TxBatch, row: number): void {
  if (tx.checksumAt[row] > 0 && tx.head.bytes[tx.headerAt(row) + PROTOCOL] === UDP) completeChecksum(tx, row);
}

/** Length of the IPv4 header at `at`, or 0 where this is no whole, unfragmented IPv4 datagram of sane lengths. */
function networkHeaderLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < IP_HEADER_MIN || bytes[at + VERSION_IHL] >>> 4 !== 4) return 0;
  const length = (bytes[at + VERSION_IHL] & 15) * 4;
  const total = get16(bytes, at + TOTAL_LENGTH);
  if (length < IP_HEADER_MIN || total < length || total > end - at) return 0;
  return (get16(bytes, at + FRAGMENT) & FRAGMENT_MASK) === 0 ? length : 0;
}

/** The folded sum over the pseudo-header and `bytes[from, end)`, checksum field included. RFC 9293 §3.1, RFC 768. */
function transportSum(bytes: Uint8Array, at: number, from: number, end: number): number {
  const pseudo = sumOctets(bytes, at + SOURCE, at + SOURCE + 8, bytes[at + PROTOCOL] + (end - from));
  return sumOctets(bytes, from, end, pseudo);
}

/**
 * Makes the transport checksum of a gathered or received datagram complete, whatever its field holds; for datagrams whose
 * checksum somebody vouches for only, since it would hide a fault in any other.
 *
 * Shape:  `bytes[at, end)` is one IPv4 datagram. TCP, UDP and ICMP are completed; a UDP field of 0 ("none") stays.
 * Errors: none; what is no such datagram, or a fragment, stays as it is.
 */
export function completeDatagram(bytes: Uint8Array, at: number, end: number): void {
  const ipLength = networkHeaderLength(bytes, at, end);
  if (ipLength === 0) return;
  const from = at + ipLength;
  const stop = at + get16(bytes, at + TOTAL_LENGTH);
  const protocol = bytes[at + PROTOCOL];
  if (protocol === TCP && stop - from >= TCP_HEADER_MIN) {
    put16(bytes, from + TCP_CHECKSUM, 0);
    put16(bytes, from + TCP_CHECKSUM, checksumField(transportSum(bytes, at, from, stop), protocol));
  } else if (protocol === UDP && stop - from >= UDP_HEADER && get16(bytes, from + UDP_CHECKSUM) !== 0) {
    put16(bytes, from + UDP_CHECKSUM, 0);
    put16(bytes, from + UDP_CHECKSUM, checksumField(transportSum(bytes, at, from, stop), protocol));
  } else if (protocol === ICMP && stop - from >= ICMP_HEADER_MIN) {
    put16(bytes, from + ICMP_CHECKSUM, 0);
    put16(bytes, from + ICMP_CHECKSUM, checksumField(sumOctets(bytes, from, stop, 0), protocol));
  }
}

/**
 * Whether the datagram `bytes[at, end)`, whose octets sum up to `sum` all together, is a whole TCP segment with a right checksum. As
 * with hardware, a no says nothing: whoever wants to know why looks for himself.
 *
 * A right IPv4 header sums up to zero, and so what is left is the segment's.
 */
export function sumVouches(bytes: Uint8Array, at: number, end: number, sum: number): boolean {
  const ipLength = networkHeaderLength(bytes, at, end);
  if (ipLength === 0 || bytes[at + PROTOCOL] !== TCP || at + get16(bytes, at + TOTAL_LENGTH) !== end) return false;
  if (sumOctets(bytes, at, at + ipLength, 0) !== 0xffff) return false;
  return sumOctets(bytes, at + SOURCE, at + SOURCE + 8, sum + TCP + end - at - ipLength) === 0xffff;
}

/** Octets of network and TCP header in front of the text of the TCP/IPv4 datagram at `at`, or 0 where it is none. */
function headersLength(bytes: Uint8Array, at: number, end: number): number {
  const ipLength = networkHeaderLength(bytes, at, end);
  const tcpAt = at + ipLength;
  if (ipLength === 0 || bytes[at + PROTOCOL] !== TCP || at + get16(bytes, at + TOTAL_LENGTH) !== end) return 0;
  if (end - tcpAt < TCP_HEADER_MIN) return 0;
  const tcpLength = (bytes[tcpAt + DATA_OFFSET] >>> 4) * 4;
  return tcpLength >= TCP_HEADER_MIN && tcpLength <= end - tcpAt ? ipLength + tcpLength : 0;
}

/**
 * Octets of text to cut the super-segment `bytes[at, end)` at, so that every datagram of it fits into `mtu`: its `gsoSize`
 * as a rule. 0 where it cannot be cut: no whole TCP/IPv4 datagram, or no room for text.
 */
export function segmentText(bytes: Uint8Array, at: number, end: number, gsoSize: number, mtu: number): number {
  const headers = headersLength(bytes, at, end);
  return headers === 0 ? 0 : Math.max(0, Math.min(gsoSize, mtu - headers));
}

/** Datagrams that the super-segment becomes when it is cut at `text` octets (as `segmentText` told); 1 at least. */
export function segmentCount(bytes: Uint8Array, at: number, end: number, text: number): number {
  return Math.max(1, Math.ceil((end - at - headersLength(bytes, at, end)) / text));
}

/**
 * Writes datagram `index` of the super-segment `bytes[at, end)`, cut at `text` octets, to `into[to, …)`; returns its length.
 * Precondition: `text` came from `segmentText` and is not 0; `index` < `segmentCount`.
 *
 * As Linux cuts (tcp_gso_segment, inet_gso_segment): every header is the first one's, options included; the Identification
 * counts up by one a datagram, the sequence number by `text`; FIN and PSH stay on the last alone, CWR on the first alone
 * (RFC 3168 §6.1.2: one halving of the window is announced once); URG and its pointer stay as they are. Both checksums
 * are made new.
 */
export function cutSegment(
  bytes: Uint8Array,
  at: number,
  end: number,
  text: number,
  index: number,
  into: Uint8Array,
  to: number,
): number {
  const headers = headersLength(bytes, at, end);
  const textAt = at + headers + index * text;
  const textEnd = Math.min(end, textAt + text);
  const length = headers + textEnd - textAt;
  into.set(bytes.subarray(at, at + headers), to);
  into.set(bytes.subarray(textAt, textEnd), to + headers);

  const ipLength = (bytes[at + VERSION_IHL] & 15) * 4;
  put16(into, to + TOTAL_LENGTH, length);
  put16(into, to + IDENTIFICATION, get16(bytes, at + IDENTIFICATION) + index);
  put16(into, to + HEADER_CHECKSUM, 0);
  put16(into, to + HEADER_CHECKSUM, checksumField(sumOctets(into, to, to + ipLength, 0), 0));

  const tcpAt = to + ipLength;
  const carry = get16(into, tcpAt + SEQUENCE + 2) + index * text;
  put16(into, tcpAt + SEQUENCE + 2, carry);
  put16(into, tcpAt + SEQUENCE, get16(into, tcpAt + SEQUENCE) + (carry >>> 16));
  if (textEnd < end) into[tcpAt + FLAGS] &= ~(FIN | PSH);
  if (index > 0) into[tcpAt + FLAGS] &= ~CWR;
  put16(into, tcpAt + TCP_CHECKSUM, 0);
  put16(into, tcpAt + TCP_CHECKSUM, checksumField(transportSum(into, to, tcpAt, to + length), TCP));
  return length;
}

/** Whether the TCP checksum of the super-segment `bytes[at, end)` verifies. Precondition: `segmentText` was not 0. */
export function verifySuperSegment(bytes: Uint8Array, at: number, end: number): boolean {
  return transportSum(bytes, at, at + (bytes[at + VERSION_IHL] & 15) * 4, end) === 0xffff;
}
