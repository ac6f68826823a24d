import type { Duplex } from "node:stream";
import { DATAGRAM_MAX, type RxBatch } from "../base/rx-batch.ts";
import type { Timebase } from "../base/timebase.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import { Announcer } from "./announcer.ts";
import { DatagramQueue } from "./datagram-queue.ts";
import { type Device, type DeviceEvents, NO_OFFLOAD } from "./device.ts";
import { completeChecksum } from "./offload.ts";

export interface DuplexOptions {
  /** Delivers the events. */
  readonly timebase: Timebase;
  /** Largest datagram, in octets. */
  readonly mtu: number;
  /** "duplex" unless given. */
  readonly name?: string;
  /** Datagrams read ahead of the stack at most. */
  readonly queueDatagrams?: number;
  /** Octets of memory for those at most: 65,535 and up. */
  readonly queueOctets?: number;
}

/** What was thrown away, by reason. */
export interface DuplexCounters {
  /** Rows longer than the MTU, super-segments among them. */
  tooLong: number;
  /** Rows written when the stream had ended. */
  afterDown: number;
  /** Chunks received that were no Uint8Array, or empty. */
  notADatagram: number;
  /** Chunks received that were longer than the MTU. */
  oversized: number;
  /** Chunks received although the stream was asked to pause and the queue was full. */
  overflowed: number;
}

/** What sockets and the like have beside a Duplex. */
interface Refable {
  ref?(): void;
  unref?(): void;
}

/**
 * A stream of datagrams as a device: each chunk, in either direction, is one datagram, in object mode or not. So a
 * WebSocket, a WireGuard tunnel or another package's TUN can carry a stack.
 *
 * Owner: the stream gets a fresh Buffer with each datagram; chunks received are copied. The stream is destroyed by `close`.
 * Back pressure: rows stay with the stack from `write() === false` to 'drain'; the stream is paused while the queue is full.
 */
export class DuplexDevice implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload = NO_OFFLOAD;
  readonly counters: DuplexCounters = { tooLong: 0, afterDown: 0, notADatagram: 0, oversized: 0, overflowed: 0 };
  readonly #duplex: Duplex & Refable;
  readonly #announcer: Announcer;
  readonly #inbound: DatagramQueue;
  #paused = false;
  /** From `write() === false` to 'drain'. */
  #full = false;
  #down = false;
  #closed = false;

  constructor(duplex: Duplex, options: DuplexOptions) {
    this.name = options.name ?? "duplex";
    this.mtu = options.mtu;
    this.#duplex = duplex;
    this.#inbound = new DatagramQueue(options.queueDatagrams, options.queueOctets);
    this.#announcer = new Announcer(options.timebase, () => this.#inbound.datagrams);
    // From the first: an 'error' that nobody listens to would end the process.
    duplex.on("error", (error: Error) => {
      this.#fail(error);
    });
  }

  start(events: DeviceEvents): void {
    const duplex = this.#duplex;
    this.#announcer.start(events);
    if (duplex.destroyed || duplex.readableEnded) return this.#fail(duplex.errored);
    duplex.on("end", this.#onEnd);
    duplex.on("close", this.#onEnd);
    duplex.on("drain", this.#onDrain);
    duplex.on("data", this.#onData);
  }

  read(rx: RxBatch): number {
    rx.clear();
    this.#inbound.moveTo(rx);
    if (this.#paused && this.#inbound.hasRoom()) {
      this.#paused = false;
      this.#duplex.resume();
    }
    return rx.rows;
  }

  write(tx: TxBatch): void {
    if (this.#closed) return;
    let taken = 0;
    for (let row = tx.first; row < tx.rows && !this.#full; row++, taken++) {
      if (this.#down || !this.#duplex.writable) this.counters.afterDown++;
      else if (tx.length[row] > this.mtu || tx.gsoSize[row] > 0) this.counters.tooLong++;
      else this.#send(tx, row);
    }
    tx.drop(taken);
  }

  ref(): void {
    this.#duplex.ref?.();
  }

  unref(): void {
    this.#duplex.unref?.();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#announcer.stop();
    this.#detach();
    this.#inbound.clear();
    this.#duplex.destroy();
  }

  #send(tx: TxBatch, row: number): void {
    completeChecksum(tx, row);
    const datagram = Buffer.allocUnsafeSlow(tx.length[row]);
    tx.gather(row, datagram, 0);
    try {
      this.#full = !this.#duplex.write(datagram);
    } catch (error) {
      // A stream whose implementation throws instead of reporting.
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  readonly #onData = (chunk: unknown): void => {
    if (!(chunk instanceof Uint8Array) || chunk.length === 0) this.counters.notADatagram++;
    else if (chunk.length > this.mtu || chunk.length > DATAGRAM_MAX) this.counters.oversized++;
    else if (!this.#inbound.offer(chunk)) this.counters.overflowed++;
    else {
      if (!this.#paused && !this.#inbound.hasRoom()) {
        this.#paused = true;
        this.#duplex.pause();
      }
      this.#announcer.readable();
    }
  };

  readonly #onDrain = (): void => {
    this.#full = false;
    this.#announcer.writable();
  };

  readonly #onEnd = (): void => {
    this.#fail(null);
  };

  #fail(error: Error | null): void {
    this.#down = true;
    this.#full = false;
    this.#announcer.down(error);
  }

  #detach(): void {
    const duplex = this.#duplex;
    duplex.off("end", this.#onEnd);
    duplex.off("close", this.#onEnd);
    duplex.off("drain", this.#onDrain);
    duplex.off("data", this.#onData);
  }
}

/** Makes a device of `duplex`; it reads nothing from it before `start`. */
export const duplexDevice = (duplex: Duplex, options: DuplexOptions): DuplexDevice => new DuplexDevice(duplex, options);
