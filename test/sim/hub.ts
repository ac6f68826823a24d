import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { addDatagramRow } from "../../src/device/datagram-row.ts";
import type { Device } from "../../src/device/device.ts";

const DESTINATION = 16;

/** Joins several links: each datagram goes to the one that its destination's last octet names. Offload stays out of it. */
export class Hub {
  readonly #ports: { device: Device; tx: TxBatch }[] = [];
  readonly #rx = new RxBatch();

  /** The device that leads to the host whose address ends in `index + 1`. */
  add(device: Device): void {
    const port = { device, tx: new TxBatch() };
    this.#ports.push(port);
    device.start({
      readable: () => {
        this.#forward(device);
      },
      writable: () => {
        device.write(port.tx);
      },
      down: () => undefined,
    });
  }

  #forward(from: Device): void {
    const rx = this.#rx;
    while (from.read(rx) > 0) {
      for (let row = 0; row < rx.rows; row++) {
        const bytes = rx.frame.bytes;
        const to = this.#ports.at(bytes[rx.at[row] + DESTINATION + 3] - 1);
        // A port that is full loses what comes: the hub has no queue of its own.
        if (to?.tx.hasRoom() !== true) continue;
        addDatagramRow(to.tx, bytes.slice(rx.at[row], rx.end[row]), 0, rx.end[row] - rx.at[row]);
        to.device.write(to.tx);
      }
    }
  }
}
