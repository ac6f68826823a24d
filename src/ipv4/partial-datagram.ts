import type { Address } from "../base/address.ts";
import { Frame } from "../base/frame.ts";
import { DATAGRAM_MAX } from "../base/rx-batch.ts";
import type { DropReason } from "../wire/drop-reason.ts";
import { type Datagram, IPV4_HEADER_MAX, restoreHeader } from "../wire/ipv4.ts";

/** The header of the first fragment ends here in the buffer, and the payload begins. */
const PAYLOAD_AT = IPV4_HEADER_MAX;
const BUFFER_MIN = 2_048;
const ECN_NOT_ECT = 0;
const ECN_CE = 3;
const ECN_MASK = 3;

/**
 * One datagram of which fragments have come: RFC 791 §3.2, RFC 815 (whose holes are here the gaps between the ranges that
 * have arrived, kept in order).
 *
 * Overlap: fragments that overlap condemn the datagram and all that is still to come of it (RFC 5722 §4, written for IPv6;
 *          RFC 1858 and RFC 3128 show what overlaps are for). Departs from RFC 791 §3.2, which lets the later one win.
 *          A fragment that repeats another octet for octet is a duplicate of the network's and is ignored.
 * Owner:   the buffer, until `release` hands it over with the whole datagram.
 */
export class PartialDatagram {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly identification: number;
  /** When the first of its fragments came, in ms of the clock. */
  readonly sinceMs: number;
  /** Why it is lost whatever comes, or null. */
  condemned: DropReason | null = null;

  readonly #link: number;
  readonly #toHost: boolean;
  #frame = Frame.ofSize(0);
  /** The ranges of payload that are here, ascending and disjoint, a fragment each. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #received = 0;
  /** Octets of payload in all, once the last fragment has told; -1 before. */
  #total = -1;
  /** Of the first fragment; 0 until it has come. */
  #headerLength = 0;
  #firstTos = 0;
  /** A bit for each ECN codepoint seen. */
  #ecnSeen = 0;

  constructor(fragment: Datagram, nowMs: number) {
    this.source = fragment.source;
    this.destination = fragment.destination;
    this.protocol = fragment.protocol;
    this.identification = fragment.identification;
    this.sinceMs = nowMs;
    this.#link = fragment.link;
    this.#toHost = fragment.toHost;
  }

  /** Octets of memory that it holds. */
  get capacity(): number {
    return this.#frame.bytes.length;
  }
  get fragments(): number {
    return this.#starts.length;
  }
  get complete(): boolean {
    return this.#received === this.#total;
  }

  matches(fragment: Datagram): boolean {
    return (
      this.identification === fragment.identification &&
      this.source === fragment.source &&
      this.destination === fragment.destination &&
      this.protocol === fragment.protocol
    );
  }

  /** How large the buffer must be to hold `fragment`. It doubles, so that copying stays linear in what has come. */
  capacityFor(fragment: Datagram): number {
    const needed = PAYLOAD_AT + fragment.fragmentOffset + (fragment.end - fragment.payloadAt);
    if (needed <= this.capacity) return this.capacity;
    return Math.min(PAYLOAD_AT + DATAGRAM_MAX, Math.max(needed, this.capacity * 2, BUFFER_MIN));
  }

  /**
   * Where `fragment` belongs among the ranges; "duplicate"; or why the datagram is lost.
   * The look-up begins at the highest range: fragments mostly come in order.
   */
  place(fragment: Datagram): number | "duplicate" | DropReason {
    const start = fragment.fragmentOffset;
    const end = start + (fragment.end - fragment.payloadAt);
    const count = this.#starts.length;
    if (this.#total >= 0 && (end > this.#total || (!fragment.moreFragments && end !== this.#total))) {
      return "fragment-end-conflict";
    }
    if (!fragment.moreFragments && count > 0 && this.#ends[count - 1] > end) return "fragment-end-conflict";
    let place = count;
    while (place > 0 && this.#starts[place - 1] > start) place--;
    if (place > 0 && this.#ends[place - 1] > start) {
      const same = this.#starts[place - 1] === start && this.#ends[place - 1] === end && this.#holds(fragment);
      return same ? "duplicate" : "fragment-overlap";
    }
    return place < count && this.#starts[place] < end ? "fragment-overlap" : place;
  }

  /** Copies `fragment` in at the `place` found for it, into a buffer of `capacity` octets. */
  insert(fragment: Datagram, place: number, capacity: number): void {
    this.#grow(capacity);
    const start = fragment.fragmentOffset;
    const length = fragment.end - fragment.payloadAt;
    const from = fragment.frame.bytes;
    this.#frame.bytes.set(from.subarray(fragment.payloadAt, fragment.end), PAYLOAD_AT + start);
    this.#starts.splice(place, 0, start);
    this.#ends.splice(place, 0, start + length);
    this.#received += length;
    this.#ecnSeen |= 1 << (fragment.tos & ECN_MASK);
    if (!fragment.moreFragments) this.#total = start + length;
    if (start === 0) {
      this.#headerLength = fragment.payloadAt - fragment.at;
      this.#firstTos = fragment.tos;
      this.#frame.bytes.set(from.subarray(fragment.at, fragment.payloadAt), PAYLOAD_AT - this.#headerLength);
    }
  }

  /** Gives its memory back; it stays only to refuse what is still to come. */
  condemn(reason: DropReason): void {
    this.condemned = reason;
    this.#frame = Frame.ofSize(0);
    this.#starts.length = 0;
    this.#ends.length = 0;
  }

  /**
   * Fills `into` with the whole datagram over the buffer, which is `into`'s from then on. Precondition: `complete`.
   * Source: RFC 791 §3.2; RFC 3168 §5.3 (one mark of congestion marks the whole, never one that is not ECN-capable).
   */
  release(into: Datagram): "ok" | DropReason {
    const totalLength = this.#headerLength + this.#total;
    if (totalLength > DATAGRAM_MAX) return "fragment-too-long";
    let tos = this.#firstTos;
    if ((this.#ecnSeen & (1 << ECN_CE)) !== 0) {
      if ((this.#ecnSeen & (1 << ECN_NOT_ECT)) !== 0) return "fragment-ecn-conflict";
      tos |= ECN_CE;
    }
    const at = PAYLOAD_AT - this.#headerLength;
    restoreHeader(this.#frame, at, this.#headerLength, totalLength, tos);
    into.tos = tos;
    into.moreFragments = false;
    into.dontFragment = false;
    this.#aim(into, PAYLOAD_AT + this.#total);
    return "ok";
  }

  /** Fills `into` with the beginning of the datagram as it came, for an error to quote; false if it never came. */
  quoteFirst(into: Datagram): boolean {
    if (this.#headerLength === 0 || this.condemned !== null) return false;
    into.source = this.source;
    into.destination = this.destination;
    into.protocol = this.protocol;
    into.identification = this.identification;
    into.tos = this.#firstTos;
    into.link = this.#link;
    into.toHost = this.#toHost;
    this.#aim(into, PAYLOAD_AT + this.#ends[0]);
    return true;
  }

  #aim(into: Datagram, end: number): void {
    into.frame = this.#frame;
    into.at = PAYLOAD_AT - this.#headerLength;
    into.payloadAt = PAYLOAD_AT;
    into.end = end;
    into.fragmentOffset = 0;
    // No device has seen the whole, so none answers for its checksum.
    into.vouched = false;
    into.gsoSize = 0;
  }

  #holds(fragment: Datagram): boolean {
    const mine = this.#frame.bytes;
    const theirs = fragment.frame.bytes;
    let i = PAYLOAD_AT + fragment.fragmentOffset;
    for (let from = fragment.payloadAt; from < fragment.end; from++) if (mine[i++] !== theirs[from]) return false;
    return true;
  }

  #grow(capacity: number): void {
    if (capacity === this.capacity) return;
    const larger = Frame.ofSize(capacity);
    larger.bytes.set(this.#frame.bytes);
    this.#frame = larger;
  }
}
