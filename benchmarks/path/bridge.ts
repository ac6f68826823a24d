import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { addDatagramRow } from "../../src/device/datagram-row.ts";
import type { Device } from "../../src/device/device.ts";

/** Where the destination address lies in a datagram: RFC 791 §3.1. */
const DESTINATION = 16;

/** One place of a bridge: what it reads from `device` goes elsewhere, and what is for `address` comes here. */
export interface BridgePort {
  readonly device: Device;
  /** Host order. */
  readonly address: number;
}

class Attached {
  readonly device: Device;
  readonly rx = new RxBatch();
  readonly tx = new TxBatch();

  constructor(device: Device) {
    this.device = device;
  }
}

/**
 * Joins devices: each datagram goes to the port of its destination address, or nowhere. Plain datagrams with finished
 * checksums only, as `ImpairedDevice` gives them. What a port cannot take at once is dropped and counted.
 */
export class Bridge {
  refused = 0;
  readonly #ports = new Map<number, Attached>();
  /** Told after each batch that was passed on. */
  readonly #passed: () => void;

  constructor(ports: readonly BridgePort[], passed: () => void) {
    this.#passed = passed;
    for (const { device, address } of ports) {
      const attached = new Attached(device);
      this.#ports.set(address, attached);
      device.start({
        readable: () => {
          this.#pass(attached);
        },
        writable: () => undefined,
        down: (error) => {
          if (error !== null) throw error;
        },
      });
    }
  }

  close(): void {
    for (const { device } of this.#ports.values()) device.close();
  }

  #pass(from: Attached): void {
    const { rx } = from;
    while (from.device.read(rx) > 0) {
      const { view, bytes } = rx.frame;
      for (let row = 0; row < rx.rows; row++) {
        const to = this.#ports.get(view.getUint32(rx.at[row] + DESTINATION));
        if (to === undefined) continue;
        if (!to.tx.hasRoom()) this.#flush(to);
        addDatagramRow(to.tx, bytes, rx.at[row], rx.end[row]);
      }
      for (const to of this.#ports.values()) this.#flush(to);
      this.#passed();
    }
  }

  /** Before the next read: rows borrow the octets of the last one. */
  #flush(to: Attached): void {
    if (to.tx.pending === 0) return;
    to.device.write(to.tx);
    this.refused += to.tx.pending;
    to.tx.clear();
  }
}
