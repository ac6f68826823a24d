import { createWriteStream } from "node:fs";
import { type Writable, finished } from "node:stream";
import type { RxBatch } from "../base/rx-batch.ts";
import type { Timebase } from "../base/timebase.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import type { Device, DeviceEvents, Offload } from "./device.ts";
import { HeldBlocks } from "./held-blocks.ts";
import { completeDatagram } from "./offload.ts";
import {
  PACKET_AT,
  decryptionSecrets,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  sectionHeader,
} from "./pcapng.ts";

/** Octets of capture that wait for the sink at most, unless asked for otherwise; packets beyond are counted, not kept. */
export const CAPTURE_BUFFER_OCTETS_MAX = 16 << 20;

export interface CaptureOptions {
  readonly timebase: Timebase;
  /** Microseconds since 1970-01-01 00:00 UTC, now; time stamps count on from there by the monotonic time. */
  readonly epochUs: number;
  /** Octets that wait for the sink at most. */
  readonly bufferOctets?: number;
  /**
   * In ms: how long packets wait for `addSecrets`, because the secrets of a handshake are known after its packets and must stand
   * before them. Default 0: none are expected.
   */
  readonly holdMs?: number;
  /** The sink has failed: the device goes on, the capture does not. Called once at most. */
  readonly onSinkError?: (error: Error) => void;
}

export interface CaptureCounters {
  /** Datagrams that passed, both ways. */
  seen: number;
  /** Of these, missing from the capture: the sink was too slow, or has failed. */
  dropped: number;
}

/**
 * Any device, with a copy of every datagram that passes written to a pcapng capture.
 *
 * Shape: datagrams as the stack sees them, super-segments whole; checksums left to do are finished in the copy alone. A row
 *        is recorded once the inner device has taken it.
 * Owner: the sink is ended by `close`. A sink that fails or lags never holds up the device.
 */
export class CapturedDevice implements Device {
  readonly counters: CaptureCounters = { seen: 0, dropped: 0 };
  /** Resolves when the capture is complete and the sink has everything, or has failed. */
  readonly flushed: Promise<void>;
  readonly #inner: Device;
  readonly #sink: Writable;
  readonly #timebase: Timebase;
  readonly #bufferOctets: number;
  readonly #held: HeldBlocks;
  readonly #startEpochUs: number;
  /** What turns monotonic microseconds into those since 1970. */
  readonly #offsetUs: number;
  #sinkEnded = false;
  #closed = false;

  constructor(inner: Device, sink: Writable | string, options: CaptureOptions) {
    this.#inner = inner;
    this.#sink = typeof sink === "string" ? createWriteStream(sink) : sink;
    this.#timebase = options.timebase;
    this.#bufferOctets = options.bufferOctets ?? CAPTURE_BUFFER_OCTETS_MAX;
    this.#held = new HeldBlocks(options.timebase, options.holdMs ?? 0, (block) => {
      if (!this.#sinkEnded) this.#sink.write(block);
    });
    this.#startEpochUs = Math.floor(options.epochUs);
    this.#offsetUs = this.#startEpochUs - Math.floor(this.#timebase.nowUs());
    this.flushed = new Promise((resolve) => {
      finished(this.#sink, { readable: false }, (error) => {
        this.#sinkEnded = true;
        // An end that this device did not ask for leaves the capture without its last block: also a failure.
        if (error || !this.#closed) options.onSinkError?.(error ?? new Error("the capture's sink has ended"));
        resolve();
      });
    });
    this.#sink.write(sectionHeader("fourtuple"));
    this.#sink.write(interfaceDescription(inner.name));
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
    const epochUs = this.#epochUs();
    for (let row = 0; row < rows; row++) {
      if (!this.#admits(0)) {
        this.#count(false);
        continue;
      }
      const datagram = rx.frame.bytes.subarray(rx.at[row], rx.end[row]);
      const block = enhancedPacket(datagram.length, { epochUs, direction: "inbound" });
      block.set(datagram, PACKET_AT);
      if (rx.vouched[row] === 1) completeDatagram(block, PACKET_AT, PACKET_AT + datagram.length);
      this.#held.push(block);
      this.#count(true);
    }
    return rows;
  }

  write(tx: TxBatch): void {
    // Copied before the inner device gives the pieces back, recorded after it has taken the row.
    const blocks: Uint8Array[] = [];
    const pending = tx.pending;
    const epochUs = this.#epochUs();
    let octets = 0;
    for (let row = tx.first; row < tx.rows && this.#admits(octets); row++) {
      const length = tx.length[row];
      const block = enhancedPacket(length, { epochUs, direction: "outbound" });
      tx.gather(row, block, PACKET_AT);
      if (tx.checksumAt[row] > 0) completeDatagram(block, PACKET_AT, PACKET_AT + length);
      blocks.push(block);
      octets += block.length;
    }
    this.#inner.write(tx);
    const taken = pending - tx.pending;
    for (let row = 0; row < taken; row++) {
      if (row < blocks.length) this.#held.push(blocks[row]);
      this.#count(row < blocks.length);
    }
  }

  /** Puts lines of a TLS key log into the capture, for the packets that follow and those that are held back. */
  addSecrets(keyLog: Uint8Array): void {
    if (!this.#closed && this.#admits(0)) this.#sink.write(decryptionSecrets(keyLog));
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner.close();
    this.#held.flush();
    if (this.#sinkEnded) return;
    const { seen, dropped } = this.counters;
    this.#sink.write(
      interfaceStatistics({ startEpochUs: this.#startEpochUs, endEpochUs: this.#epochUs(), received: seen, dropped }),
    );
    this.#sink.end();
  }

  /** Whether the sink takes one more packet on top of `octets` that it is about to get. */
  #admits(octets: number): boolean {
    return !this.#sinkEnded && !this.#closed && this.#waiting + octets < this.#bufferOctets;
  }

  /** Octets that are not in the sink's destination yet. */
  get #waiting(): number {
    return this.#sink.writableLength + this.#held.octets;
  }

  #count(kept: boolean): void {
    this.counters.seen++;
    if (!kept) this.counters.dropped++;
  }

  #epochUs(): number {
    return this.#offsetUs + Math.floor(this.#timebase.nowUs());
  }
}

/** Captures what passes `inner` to `sink`, a stream or the path of a file. */
export const captured = (inner: Device, sink: Writable | string, options: CaptureOptions): CapturedDevice =>
  new CapturedDevice(inner, sink, options);
