import { assert } from "../base/assert.ts";
import { DATAGRAM_MAX, type RxBatch } from "../base/rx-batch.ts";
import type { Timebase } from "../base/timebase.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import { Announcer } from "./announcer.ts";
import { DatagramQueue, QUEUE_DATAGRAMS_MAX, QUEUE_OCTETS_MAX } from "./datagram-queue.ts";
import { type Device, type DeviceEvents, NO_OFFLOAD, type Offload } from "./device.ts";
import { completeChecksum } from "./offload.ts";

export interface MemoryOptions {
  /** Delivers the events. */
  readonly timebase: Timebase;
  readonly name?: string;
  /** Largest plain datagram, in octets; 1,500 for a pair and 65,535 for loopback unless given. */
  readonly mtu?: number;
  /** Whether checksums may stay unfinished and super-segments go through whole; `true` unless given. */
  readonly offload?: boolean;
  /** Datagrams that wait in one direction at most: 1 and up. */
  readonly queueDatagrams?: number;
  /** Octets of memory for those that wait in one direction at most: 65,535 and up. */
  readonly queueOctets?: number;
}

/** Rows that a memory device took and threw away, by reason. */
export interface MemoryCounters {
  /** Longer than the MTU, or a super-segment where there is no offload. */
  tooLong: number;
  /** Written when the other side had closed. */
  peerClosed: number;
}

const MEMORY_OFFLOAD: Offload = { checksum: true, segmentMax: DATAGRAM_MAX };

/**
 * One end of a link inside the process: what is written here is read at the other end, which may be this one.
 * The octets are copied once on write and once into the reader's slab. Where the queue is full, rows stay with the writer.
 * With offload, a row whose checksum is left to do arrives vouched for: its octets never left this memory.
 * It holds nothing that keeps the process alive, so `ref` and `unref` do nothing.
 */
export class MemoryDevice implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload: Offload;
  readonly counters: MemoryCounters = { tooLong: 0, peerClosed: 0 };
  /** What waits to be read here; the peer fills it. */
  readonly #inbound: DatagramQueue;
  readonly #announcer: Announcer;
  #peer: MemoryDevice | null = null;
  /** Whether the peer was refused a row since this end was last read. */
  #peerWaits = false;
  #closed = false;

  constructor(options: MemoryOptions, name: string, mtu: number) {
    this.name = name;
    this.mtu = options.mtu ?? mtu;
    this.offload = (options.offload ?? true) ? MEMORY_OFFLOAD : NO_OFFLOAD;
    this.#inbound = new DatagramQueue(
      options.queueDatagrams ?? QUEUE_DATAGRAMS_MAX,
      options.queueOctets ?? QUEUE_OCTETS_MAX,
    );
    this.#announcer = new Announcer(options.timebase, () => this.#inbound.datagrams);
  }

  static pair(options: MemoryOptions): [MemoryDevice, MemoryDevice] {
    const name = options.name ?? "memory";
    const left = new MemoryDevice(options, `${name}.0`, 1500);
    const right = new MemoryDevice(options, `${name}.1`, 1500);
    left.#peer = right;
    right.#peer = left;
    return [left, right];
  }

  static loopback(options: MemoryOptions): MemoryDevice {
    const device = new MemoryDevice(options, options.name ?? "loopback", DATAGRAM_MAX);
    device.#peer = device;
    return device;
  }

  start(events: DeviceEvents): void {
    assert(!this.#closed, "a closed device does not start");
    this.#announcer.start(events);
  }

  read(rx: RxBatch): number {
    rx.clear();
    this.#inbound.moveTo(rx);
    if (this.#peerWaits && rx.rows > 0) {
      this.#peerWaits = false;
      const peer = this.#peer;
      if (peer !== null) peer.#announcer.writable();
    }
    return rx.rows;
  }

  write(tx: TxBatch): void {
    if (this.#closed) return;
    const peer = this.#peer;
    let taken = 0;
    for (let row = tx.first; row < tx.rows; row++, taken++) {
      if (peer === null) this.counters.peerClosed++;
      else if (!this.#fits(tx, row)) this.counters.tooLong++;
      else if (!this.#pass(tx, row, peer)) break;
    }
    tx.drop(taken);
  }

  ref(): void {
    // Nothing outside the process can wake a memory device.
  }

  unref(): void {
    // See `ref`.
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#announcer.stop();
    this.#inbound.clear();
    const peer = this.#peer;
    this.#peer = null;
    if (peer === null) return;
    peer.#peer = null;
    peer.#announcer.down(null);
  }

  #fits(tx: TxBatch, row: number): boolean {
    const most = tx.gsoSize[row] > 0 ? this.offload.segmentMax : this.mtu;
    return tx.length[row] <= most;
  }

  #pass(tx: TxBatch, row: number, peer: MemoryDevice): boolean {
    if (!this.offload.checksum) completeChecksum(tx, row);
    if (!peer.#inbound.offerRow(tx, row)) {
      peer.#peerWaits = true;
      return false;
    }
    peer.#announcer.readable();
    return true;
  }
}

/** Two joined devices: what one writes, the other reads. Closing one tells the other `down(null)`. */
export const memoryPair = (options: MemoryOptions): [MemoryDevice, MemoryDevice] => MemoryDevice.pair(options);

/** A device that reads what it writes: the way to 127.0.0.0/8 and to a host's own addresses. RFC 1122 §3.2.1.3(g). */
export const loopbackDevice = (options: MemoryOptions): MemoryDevice => MemoryDevice.loopback(options);
