import type { RxBatch } from "../../src/base/rx-batch.ts";
import type { Timebase } from "../../src/base/timebase.ts";
import type { TxBatch } from "../../src/base/tx-batch.ts";
import type { Device, DeviceEvents, Offload } from "../../src/device/device.ts";

/** A device with an attacker on its wire, who sends what it likes and sees what the stack sends. */
export class InjectedDevice implements Device {
  /** Called with each datagram that the stack sends. */
  onSent: ((datagram: Uint8Array) => void) | null = null;
  /** While set, what comes from the other end is lost. */
  deaf = false;
  readonly #inner: Device;
  readonly #timebase: Timebase;
  readonly #waiting: Uint8Array[] = [];
  #events: DeviceEvents | null = null;

  constructor(inner: Device, timebase: Timebase) {
    this.#inner = inner;
    this.#timebase = timebase;
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

  /** Puts datagrams on the wire towards the stack; they are read in the order given. */
  inject(...datagrams: readonly Uint8Array[]): void {
    this.#waiting.push(...datagrams);
    this.#announce();
  }

  /** Level-triggered, as `DeviceEvents` asks. */
  #announce(): void {
    this.#timebase.soon(() => {
      this.#events?.readable();
      if (this.#waiting.length > 0) this.#announce();
    });
  }

  start(events: DeviceEvents): void {
    this.#events = events;
    this.#inner.start(events);
  }

  read(rx: RxBatch): number {
    if (this.#waiting.length === 0) {
      const rows = this.#inner.read(rx);
      if (!this.deaf) return rows;
      rx.clear();
      return 0;
    }
    rx.clear();
    let taken = 0;
    for (; taken < this.#waiting.length && rx.hasRoom(); taken++) {
      const datagram = this.#waiting[taken] ?? new Uint8Array(0);
      rx.frame.bytes.set(datagram, rx.used);
      rx.push(rx.used, rx.used + datagram.length, false, 0);
    }
    this.#waiting.splice(0, taken);
    return rx.rows;
  }

  write(tx: TxBatch): void {
    for (let row = tx.first; this.onSent !== null && row < tx.rows; row++) {
      const datagram = new Uint8Array(tx.length[row]);
      tx.gather(row, datagram, 0);
      this.onSent(datagram);
    }
    this.#inner.write(tx);
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
