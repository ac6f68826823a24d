import { assert } from "./assert.ts";
import { Frame } from "./frame.ts";

/** Largest IPv4 datagram, and so the largest super-segment that a device may hand over. RFC 791 §3.1. */
export const DATAGRAM_MAX = 65_535;
/** Octets that a device may put in front of a datagram for itself (a virtio_net_hdr, say). */
export const RX_LINK_ROOM = 16;
/** Rows of a driver's batch: a burst large enough for look-ups to overlap, small enough to stay in the cache. */
export const RX_ROWS = 64;
/** Octets of a driver's slab: several super-segments, or `RX_ROWS` datagrams of an Ethernet MTU many times over. */
export const RX_SLAB = 1 << 20;

/**
 * What one `device.read` delivers: datagrams packed into one slab, a row each, and who vouches for them.
 *
 * Shape: datagram `i` is `frame.bytes[at[i], end[i])`. It may be a super-segment: longer than the MTU, with the
 *        sender's segment size in `gsoSize[i]` (0 where it is a plain datagram).
 * Trust: `vouched[i]` is 1 where the device says that the transport checksum is right although the octets in the
 *        field may not be (it never left this machine, or hardware has checked it). The IPv4 header's is always real.
 * Owner: the batch. Rows are lent to the core for the length of `input`; the slab is written again by the next read.
 */
export class RxBatch {
  readonly frame: Frame;
  readonly at: Int32Array;
  readonly end: Int32Array;
  readonly gsoSize: Int32Array;
  readonly vouched: Uint8Array;
  readonly capacity: number;
  rows = 0;
  /** Octets of the slab in use; the next datagram goes here. */
  used = 0;

  constructor(capacity = RX_ROWS, slabOctets = RX_SLAB) {
    assert(slabOctets >= DATAGRAM_MAX + RX_LINK_ROOM, "a slab holds at least one datagram");
    this.frame = Frame.ofSize(slabOctets);
    this.at = new Int32Array(capacity);
    this.end = new Int32Array(capacity);
    this.gsoSize = new Int32Array(capacity);
    this.vouched = new Uint8Array(capacity);
    this.capacity = capacity;
  }

  clear(): void {
    this.rows = 0;
    this.used = 0;
  }

  /** Whether one more datagram of any size fits. */
  hasRoom(): boolean {
    return this.rows < this.capacity && this.used + DATAGRAM_MAX + RX_LINK_ROOM <= this.frame.bytes.length;
  }

  /** Adds the datagram that lies at `frame.bytes[at, end)`. Precondition: `hasRoom()` held before it was written. */
  push(at: number, end: number, vouched: boolean, gsoSize: number): void {
    const row = this.rows++;
    this.at[row] = at;
    this.end[row] = end;
    this.vouched[row] = vouched ? 1 : 0;
    this.gsoSize[row] = gsoSize;
    this.used = (end + 7) & ~7;
  }
}
