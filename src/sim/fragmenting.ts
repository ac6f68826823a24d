import { sumOctets } from "../base/checksum.ts";
import { type Datagram, FLAG_MORE_FRAGMENTS, FRAGMENT_UNIT } from "../wire/ipv4.ts";

const TOTAL_LENGTH = 2;
const FLAGS_AND_OFFSET = 6;
const CHECKSUM = 10;

/**
 * The fragments of `datagram` for a link of `mtu` octets, in order; the last repeats the original's "more fragments".
 * Departs from RFC 791 §3.1 in that options stand in all fragments, not only those that ask for it: nobody here sends any.
 * Source: RFC 791 §3.2.
 */
export function fragmentsOf(datagram: Datagram, mtu: number): Uint8Array[] {
  const { frame, at, payloadAt, end, fragmentOffset, moreFragments } = datagram;
  const headerLength = payloadAt - at;
  const payloadMax = (mtu - headerLength) & -FRAGMENT_UNIT;
  const fragments: Uint8Array[] = [];
  for (let from = payloadAt; from < end; from += payloadMax) {
    const to = Math.min(end, from + payloadMax);
    const bytes = new Uint8Array(headerLength + to - from);
    bytes.set(frame.bytes.subarray(at, payloadAt));
    bytes.set(frame.bytes.subarray(from, to), headerLength);
    const view = new DataView(bytes.buffer);
    const more = to < end || moreFragments ? FLAG_MORE_FRAGMENTS : 0;
    view.setUint16(TOTAL_LENGTH, bytes.length);
    view.setUint16(FLAGS_AND_OFFSET, more | ((fragmentOffset + from - payloadAt) / FRAGMENT_UNIT));
    view.setUint16(CHECKSUM, 0);
    view.setUint16(CHECKSUM, ~sumOctets(bytes, 0, headerLength, 0) & 0xffff);
    fragments.push(bytes);
  }
  return fragments;
}
