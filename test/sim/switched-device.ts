import type { RxBatch } from "../../src/base/rx-batch.ts";
import type { TxBatch } from "../../src/base/tx-batch.ts";
import type { Device, DeviceEvents, Offload } from "../../src/device/device.ts";

/** A device whose cable can be pulled: while `cut` is set, whatever passes is lost, both ways, and nobody is told. */
export class SwitchedDevice implements Device {
  cut = false;
  readonly #inner: Device;

  constructor(inner: Device) {
    this.#inner = inner;
  }

  get name(): string {
    return this.#inner.name;
  }
  get mtu(): number {
    return this.#inner.mtu;
  }
  get offload(): Offload {
    return this.#inner.offload;
  }
  start(events: DeviceEvents): void {
    this.#inner.start(events);
  }
  read(rx: RxBatch): number {
    const rows = this.#inner.read(rx);
    if (!this.cut) return rows;
    rx.clear();
    return 0;
  }
  write(tx: TxBatch): void {
    if (this.cut) tx.drop(tx.pending);
    else this.#inner.write(tx);
  }
  ref(): void {
    this.#inner.ref();
  }
  unref(): void {
    this.#inner.unref();
  }
  close(): void {
    this.#inner.close();
  }
}
