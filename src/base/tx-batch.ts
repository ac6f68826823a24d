import { copyOctets } from "./copy-octets.ts";
import { assert } from "./assert.ts";
import { Frame } from "./frame.ts";

/** Rows of a driver's batch. */
export const TX_ROWS = 128;
/** Octets in front of each row's datagram that belong to the device (a virtio_net_hdr, say). */
export const TX_LINK_ROOM = 16;
/** An IPv4 header as we send it has no options, so the transport header's place is fixed. */
export const TX_NETWORK_HEADER = 20;
/** Room for the largest TCP header (60 octets) behind an IPv4 header. */
const HEADER_STRIDE = TX_LINK_ROOM + TX_NETWORK_HEADER + 60;
/** Pieces of one row, its header not counted: well below the kernel's IOV_MAX of 1,024. */
export const TX_PIECES_PER_ROW = 64;

/**
 * What `core.output` fills and `device.write` empties: datagrams, a row each, as a header and borrowed pieces of payload.
 *
 * Shape: row `i` has its header at `head.bytes[headerAt(i), headerAt(i) + headerLength[i])` (network and transport
 *        header together; `TX_LINK_ROOM` octets in front are the device's), then `pieceCount[i]` pieces from `firstPiece[i]` on:
 *        `pieceBytes[p][pieceAt[p], pieceAt[p] + pieceLength[p])`. `length[i]` counts the whole datagram.
 * Offload: where `checksumAt[i]` > 0, the transport checksum is left to do: the 16-bit one's-complement sum from octet
 *        `checksumFrom[i]` of the datagram to its end, whose field (at octet `checksumAt[i]`) already holds the sum over the
 *        pseudo-header. Where `gsoSize[i]` > 0, the row is a super-segment to be cut at that many octets of text.
 *        A device that cannot do either itself uses `device/offload.ts`.
 * Owner: the batch owns its headers. Pieces are borrowed from the send queue until the row is written.
 * Order: rows [first, rows) are pending. A device takes them from the front with `drop`; what it refuses stays.
 */
export class TxBatch {
  readonly head: Frame;
  readonly capacity: number;
  readonly headerLength: Int32Array;
  readonly length: Int32Array;
  readonly firstPiece: Int32Array;
  readonly pieceCount: Int32Array;
  readonly checksumFrom: Int32Array;
  readonly checksumAt: Int32Array;
  readonly gsoSize: Int32Array;
  readonly pieceBytes: (Uint8Array | null)[];
  readonly pieceAt: Int32Array;
  readonly pieceLength: Int32Array;
  first = 0;
  rows = 0;
  pieces = 0;

  constructor(capacity = TX_ROWS, pieceCapacity = capacity * 4) {
    assert(pieceCapacity >= TX_PIECES_PER_ROW, "the longest row fits");
    this.capacity = capacity;
    this.head = Frame.ofSize(capacity * HEADER_STRIDE);
    this.headerLength = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.firstPiece = new Int32Array(capacity);
    this.pieceCount = new Int32Array(capacity);
    this.checksumFrom = new Int32Array(capacity);
    this.checksumAt = new Int32Array(capacity);
    this.gsoSize = new Int32Array(capacity);
    this.pieceBytes = new Array<Uint8Array | null>(pieceCapacity).fill(null);
    this.pieceAt = new Int32Array(pieceCapacity);
    this.pieceLength = new Int32Array(pieceCapacity);
  }

  get pending(): number {
    return this.rows - this.first;
  }

  /** Whether one more row of up to `TX_PIECES_PER_ROW` pieces fits. */
  hasRoom(): boolean {
    return this.rows < this.capacity && this.pieces + TX_PIECES_PER_ROW <= this.pieceBytes.length;
  }

  /** Where row `row`'s network header starts in `head`. */
  headerAt(row: number): number {
    return row * HEADER_STRIDE + TX_LINK_ROOM;
  }

  /**
   * Opens a row with `transportHeaderLength` octets behind the network header and returns its number.
   * Precondition: `hasRoom()`. Nothing else may be opened before its pieces are added.
   */
  open(transportHeaderLength: number): number {
    const row = this.rows++;
    this.headerLength[row] = TX_NETWORK_HEADER + transportHeaderLength;
    this.length[row] = TX_NETWORK_HEADER + transportHeaderLength;
    this.firstPiece[row] = this.pieces;
    this.pieceCount[row] = 0;
    this.checksumFrom[row] = 0;
    this.checksumAt[row] = 0;
    this.gsoSize[row] = 0;
    return row;
  }

  /** Borrows `bytes[at, at + length)` as the next piece of the newest row. */
  addPiece(bytes: Uint8Array, at: number, length: number): void {
    const row = this.rows - 1;
    const piece = this.pieces++;
    this.pieceBytes[piece] = bytes;
    this.pieceAt[piece] = at;
    this.pieceLength[piece] = length;
    this.pieceCount[row]++;
    this.length[row] += length;
  }

  /** Takes back the newest row (its datagram turned out to have nowhere to go). */
  discardNewest(): void {
    const row = --this.rows;
    const from = this.firstPiece[row];
    for (let piece = from; piece < this.pieces; piece++) this.pieceBytes[piece] = null;
    this.pieces = from;
  }

  /** The device has taken the `count` oldest pending rows. */
  drop(count: number): void {
    this.first += count;
    assert(this.first <= this.rows, "a device takes no more rows than there are");
    if (this.first === this.rows) this.clear();
  }

  clear(): void {
    for (let piece = 0; piece < this.pieces; piece++) this.pieceBytes[piece] = null;
    this.first = 0;
    this.rows = 0;
    this.pieces = 0;
  }

  /** Copies row `row`'s whole datagram to `into[at, …)` and returns its length. */
  gather(row: number, into: Uint8Array, at: number): number {
    const from = this.headerAt(row);
    const headerLength = this.headerLength[row];
    copyOctets(this.head.bytes, from, headerLength, into, at);
    let to = at + headerLength;
    const lastPiece = this.firstPiece[row] + this.pieceCount[row];
    for (let piece = this.firstPiece[row]; piece < lastPiece; piece++) {
      const bytes = this.pieceBytes[piece];
      assert(bytes !== null, "a pending row keeps its pieces");
      copyOctets(bytes, this.pieceAt[piece], this.pieceLength[piece], into, to);
      to += this.pieceLength[piece];
    }
    return to - at;
  }
}
