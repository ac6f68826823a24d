/**
 * What nodes and links look at in a datagram, and the two fields that they rewrite. Octets are `bytes[0, bytes.length)`,
 * one whole IPv4 datagram with a header that was checked, or was made here.
 * Read first: RFC 791 §3.1; RFC 1624 (incremental checksum); RFC 3168 §5.
 */
import type { Address } from "../base/address.ts";
import { toAddress } from "../base/address.ts";

const TOS = 1;
const TTL = 8;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;
export const HEADER_MIN = 20;

/** The ECN field: RFC 3168 §5. */
const ECN_MASK = 3;
const ECN_CE = 3;

const addressAt = (bytes: Uint8Array, at: number): Address =>
  toAddress((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);

export const sourceOf = (bytes: Uint8Array): Address => addressAt(bytes, SOURCE);
export const destinationOf = (bytes: Uint8Array): Address => addressAt(bytes, DESTINATION);

/** Whether its sender understands ECN: ECT(0), ECT(1) or CE. */
export const isEcnCapable = (bytes: Uint8Array): boolean => (bytes[TOS] & ECN_MASK) !== 0;

/** RFC 1624 (3): the checksum after the 16-bit word at `at` has become `word`. */
function rewriteWord(bytes: Uint8Array, at: number, word: number): void {
  const before = (bytes[at] << 8) | bytes[at + 1];
  const checksum = (bytes[CHECKSUM] << 8) | bytes[CHECKSUM + 1];
  let sum = (~checksum & 0xffff) + (~before & 0xffff) + word;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
  bytes[at] = word >>> 8;
  bytes[at + 1] = word;
  bytes[CHECKSUM] = sum >>> 8;
  bytes[CHECKSUM + 1] = sum;
}

/** Marks "congestion experienced". */
export function markCongestion(bytes: Uint8Array): void {
  rewriteWord(bytes, 0, (bytes[0] << 8) | bytes[TOS] | ECN_CE);
}

/** Takes one off the time to live. Precondition: it is 1 at least. */
export function decrementTtl(bytes: Uint8Array): void {
  rewriteWord(bytes, TTL, ((bytes[TTL] - 1) << 8) | bytes[TTL + 1]);
}
