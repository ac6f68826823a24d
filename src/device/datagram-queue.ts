import { assert } from "../base/assert.ts";
import { DATAGRAM_MAX, type RxBatch } from "../base/rx-batch.ts";
import type { TxBatch } from "../base/tx-batch.ts";

/** Datagrams that wait in one queue of a device at most, unless its maker asks for another bound. */
export const QUEUE_DATAGRAMS_MAX = 1024;
/** Octets of memory behind one queue of a device at most, unless its maker asks for another bound. */
export const QUEUE_OCTETS_MAX = 1 << 20;
/** Octets that a queue begins with; it doubles up to its bound. */
const QUEUE_OCTETS_FIRST = 1 << 14;

/**
 * Datagrams that wait to be read, oldest first, in one ring of octets: no allocation per datagram.
 *
 * Shape: each lies in one piece. Where the ring's end is too short for one, it goes to the ring's start, so that somewhat
 *        fewer octets than `octetsMax` may fill it.
 * Owner: the queue copies what it is given, and copies again into the reader's slab.
 */
export class DatagramQueue {
  readonly #octetsMax: number;
  readonly #capacity: number;
  readonly #at: Int32Array;
  readonly #length: Int32Array;
  readonly #gsoSize: Int32Array;
  readonly #vouched: Uint8Array;
  #ring = new Uint8Array(0);
  #first = 0;
  #count = 0;
  #octets = 0;
  /** Where the next datagram goes. */
  #tail = 0;

  constructor(datagramsMax = QUEUE_DATAGRAMS_MAX, octetsMax = QUEUE_OCTETS_MAX) {
    assert(datagramsMax >= 1 && octetsMax >= DATAGRAM_MAX, "a queue holds at least one datagram");
    this.#octetsMax = octetsMax;
    this.#capacity = datagramsMax;
    this.#at = new Int32Array(datagramsMax);
    this.#length = new Int32Array(datagramsMax);
    this.#gsoSize = new Int32Array(datagramsMax);
    this.#vouched = new Uint8Array(datagramsMax);
  }

  get datagrams(): number {
    return this.#count;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Whether a datagram of any size fits. */
  hasRoom(): boolean {
    return this.#count < this.#capacity && this.#place(DATAGRAM_MAX) >= 0;
  }

  /** Copies row `row` in, vouched for where its checksum is left to do; `false` where it does not fit now. */
  offerRow(tx: TxBatch, row: number): boolean {
    const at = this.#reserve(tx.length[row], tx.checksumAt[row] > 0, tx.gsoSize[row]);
    if (at < 0) return false;
    tx.gather(row, this.#ring, at);
    return true;
  }

  /** Copies `bytes`, one plain datagram that nobody vouches for, in; `false` where it does not fit now. */
  offer(bytes: Uint8Array): boolean {
    const at = this.#reserve(bytes.length, false, 0);
    if (at < 0) return false;
    this.#ring.set(bytes, at);
    return true;
  }

  /** Moves the oldest datagrams into `rx` until it is full or nothing is left. */
  moveTo(rx: RxBatch): void {
    while (this.#count > 0 && rx.hasRoom()) {
      const first = this.#first;
      const from = this.#at[first];
      const length = this.#length[first];
      const at = rx.used;
      rx.frame.bytes.set(this.#ring.subarray(from, from + length), at);
      rx.push(at, at + length, this.#vouched[first] === 1, this.#gsoSize[first]);
      this.#first = (first + 1) % this.#capacity;
      this.#count--;
      this.#octets -= length;
    }
    if (this.#count === 0) this.#tail = 0;
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#ring = new Uint8Array(0);
    this.#count = 0;
    this.#octets = 0;
    this.#tail = 0;
  }

  /** Where `length` octets would go in the ring as it may grow, or -1. */
  #place(length: number): number {
    const at = this.#placeIn(this.#ring.length, length);
    if (at >= 0 || this.#ring.length === this.#octetsMax) return at;
    return this.#octets + length <= this.#octetsMax ? this.#octets : -1;
  }

  /** Where `length` octets go in a ring of `size` octets without moving anything, or -1. */
  #placeIn(size: number, length: number): number {
    const tail = this.#tail;
    if (this.#count === 0) return length <= size ? 0 : -1;
    const head = this.#at[this.#first];
    if (tail <= head) return tail + length <= head ? tail : -1;
    if (tail + length <= size) return tail;
    return length <= head ? 0 : -1;
  }

  #reserve(length: number, vouched: boolean, gsoSize: number): number {
    assert(length > 0, "a datagram has octets");
    if (this.#count === this.#capacity || this.#place(length) < 0) return -1;
    if (this.#placeIn(this.#ring.length, length) < 0) this.#grow(this.#octets + length);
    const at = this.#placeIn(this.#ring.length, length);
    const slot = (this.#first + this.#count) % this.#capacity;
    this.#at[slot] = at;
    this.#length[slot] = length;
    this.#gsoSize[slot] = gsoSize;
    this.#vouched[slot] = vouched ? 1 : 0;
    this.#count++;
    this.#octets += length;
    this.#tail = at + length;
    return at;
  }

  /** Moves everything to a larger ring, packed; it has room for `needed` octets in all. */
  #grow(needed: number): void {
    let size = Math.max(QUEUE_OCTETS_FIRST, this.#ring.length * 2);
    while (size < needed) size *= 2;
    const ring = new Uint8Array(Math.min(size, this.#octetsMax));
    let to = 0;
    for (let i = 0; i < this.#count; i++) {
      const slot = (this.#first + i) % this.#capacity;
      const from = this.#at[slot];
      ring.set(this.#ring.subarray(from, from + this.#length[slot]), to);
      this.#at[slot] = to;
      to += this.#length[slot];
    }
    this.#ring = ring;
    this.#tail = to;
  }
}
