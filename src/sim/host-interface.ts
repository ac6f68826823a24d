import { copyOctets } from "../base/copy-octets.ts";
import { DATAGRAM_MAX, type RxBatch } from "../base/rx-batch.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import { type Device, type DeviceEvents, NO_OFFLOAD, type Offload } from "../device/device.ts";
import { Fifo } from "../device/fifo.ts";
import { cutSegment, segmentCount, segmentText } from "../device/offload.ts";
import type { FaultCounts } from "./faults.ts";
import type { HostTimebase } from "./host-timebase.ts";
import type { OctetArena } from "./octet-arena.ts";
import { SimDatagram } from "./sim-datagram.ts";

/** Datagrams that wait in an interface for a host that is busy or paused; more are dropped, as in hardware. */
export const RING_DATAGRAMS_MAX = 4096;

/**
 * What a stack leaves to its interface: nothing; transport checksums; or the cutting of super-segments as well, whose
 * checksums are then made here and checked by the receiver.
 */
export type InterfaceOffload = "none" | "checksum" | "segments";

const OFFLOADS: Readonly<Record<InterfaceOffload, Offload>> = {
  none: NO_OFFLOAD,
  checksum: { checksum: true, segmentMax: 0 },
  segments: { checksum: true, segmentMax: DATAGRAM_MAX },
};

/** What stands behind an interface. */
export interface InterfaceWorld {
  readonly name: string;
  readonly mtu: number;
  readonly offload: InterfaceOffload;
  readonly time: HostTimebase;
  readonly arena: OctetArena;
  readonly faults: FaultCounts;
  /** Puts a datagram on the link, if there is one. */
  transmit(datagram: SimDatagram): void;
}

/** The network interface of one host's life: datagrams on a simulated link are this device's to its stack. */
export class HostInterface implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload: Offload;
  readonly #behind: InterfaceWorld;
  readonly #ring = new Fifo<SimDatagram>();
  /** A super-segment on its way to be cut. */
  readonly #whole: Uint8Array;
  #events: DeviceEvents | null = null;
  #closed = false;

  constructor(behind: InterfaceWorld) {
    this.name = behind.name;
    this.mtu = behind.mtu;
    this.offload = OFFLOADS[behind.offload];
    this.#behind = behind;
    this.#whole = new Uint8Array(behind.offload === "segments" ? DATAGRAM_MAX : 0);
  }

  start(events: DeviceEvents): void {
    this.#events = events;
  }

  /** A datagram has come over the link. */
  arrives(datagram: SimDatagram): void {
    const { time, faults } = this.#behind;
    if (this.#closed || time.dead) return faults.add("host-down");
    if (this.#ring.length >= RING_DATAGRAMS_MAX) return faults.add("ring-full");
    datagram.frame.holds++;
    this.#ring.push(datagram);
    // One wake-up serves all that wait.
    if (this.#ring.length === 1) time.run(this.#tell);
  }

  readonly #tell = (): void => {
    if (this.#ring.length === 0) return;
    this.#events?.readable();
    if (this.#ring.length > 0) this.#behind.time.soon(this.#tell);
  };

  read(rx: RxBatch): number {
    rx.clear();
    while (rx.hasRoom()) {
      const datagram = this.#ring.shift();
      if (datagram === undefined) break;
      const at = rx.used;
      copyOctets(datagram.frame.bytes, datagram.at, datagram.length, rx.frame.bytes, at);
      datagram.frame.holds--;
      rx.push(at, at + datagram.length, datagram.vouched, 0);
    }
    return rx.rows;
  }

  write(tx: TxBatch): void {
    if (this.#closed) return;
    for (let row = tx.first; row < tx.rows; row++) this.#send(tx, row);
    tx.drop(tx.pending);
  }

  #send(tx: TxBatch, row: number): void {
    const { arena, faults } = this.#behind;
    const gsoSize = tx.gsoSize[row];
    const length = tx.length[row];
    if (gsoSize > 0 && this.offload.segmentMax > 0) return this.#cut(tx, row, gsoSize);
    if (gsoSize > 0 || length > this.mtu) return faults.add("too-long");
    arena.take(length);
    tx.gather(row, arena.frame.bytes, arena.at);
    this.#behind.transmit(new SimDatagram(arena.frame, arena.at, length, tx.checksumAt[row] > 0));
  }

  #cut(tx: TxBatch, row: number, gsoSize: number): void {
    const end = tx.gather(row, this.#whole, 0);
    const text = segmentText(this.#whole, 0, end, gsoSize, this.mtu);
    if (text === 0) return this.#behind.faults.add("malformed");
    const count = segmentCount(this.#whole, 0, end, text);
    const { arena } = this.#behind;
    for (let index = 0; index < count; index++) {
      arena.take(this.mtu);
      const { frame, at } = arena;
      const length = cutSegment(this.#whole, 0, end, text, index, frame.bytes, at);
      this.#behind.transmit(new SimDatagram(frame, at, length, false));
    }
  }

  ref(): void {
    // Nothing outside the simulation can wake a simulated host.
  }

  unref(): void {
    // See `ref`.
  }

  close(): void {
    this.#closed = true;
    this.#events = null;
    this.#ring.clear();
  }
}
