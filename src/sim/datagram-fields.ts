/**
 * What nodes and links look at in a datagram, and the two fields that they rewrite. One whole IPv4 datagram lies at
 * `frame.bytes[at, …)`, with a header that was checked, or was made here.
 * Read first: RFC 791 §3.1; RFC 1624 (incremental checksum); RFC 3168 §5.
 */
import type { Address } from "../base/address.ts";
import { toAddress } from "../base/address.ts";
import type { SimDatagram } from "./sim-datagram.ts";

const TOS = 1;
const TTL = 8;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;
export const HEADER_MIN = 20;

/** The ECN field: RFC 3168 §5. */
const ECN_MASK = 3;
const ECN_CE = 3;

export const sourceOf = ({ frame, at }: SimDatagram): Address => toAddress(frame.view.getInt32(at + SOURCE));
export const destinationOf = ({ frame, at }: SimDatagram): Address => toAddress(frame.view.getInt32(at + DESTINATION));

/** Whether its sender understands ECN: ECT(0), ECT(1) or CE. */
export const isEcnCapable = ({ frame, at }: SimDatagram): boolean => (frame.bytes[at + TOS] & ECN_MASK) !== 0;

/** RFC 1624 (3): the checksum after the 16-bit word at `offset` has become `word`. */
function rewriteWord({ frame, at }: SimDatagram, offset: number, word: number): void {
  const { view } = frame;
  let sum = (~view.getUint16(at + CHECKSUM) & 0xffff) + (~view.getUint16(at + offset) & 0xffff) + word;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
  view.setUint16(at + offset, word);
  view.setUint16(at + CHECKSUM, sum);
}

/** Marks "congestion experienced". */
export function markCongestion(datagram: SimDatagram): void {
  const { frame, at } = datagram;
  rewriteWord(datagram, 0, frame.view.getUint16(at) | ECN_CE);
}

/** Takes one off the time to live. Precondition: it is 1 at least. */
export function decrementTtl(datagram: SimDatagram): void {
  const { frame, at } = datagram;
  rewriteWord(datagram, TTL, frame.view.getUint16(at + TTL) - 0x100);
}
