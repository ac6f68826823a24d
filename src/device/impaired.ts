import { SeededRandom } from "../base/random.ts";
import { DATAGRAM_MAX, RxBatch } from "../base/rx-batch.ts";
import type { Timebase, Wakeup } from "../base/timebase.ts";
import { TxBatch } from "../base/tx-batch.ts";
import { Announcer } from "./announcer.ts";
import { addDatagramRow } from "./datagram-row.ts";
import type { Device, DeviceEvents, Offload } from "./device.ts";
import { Fifo } from "./fifo.ts";
import { ImpairedPath, type Impairment, type ImpairmentCounters } from "./impairment.ts";
import {
  completeChecksum,
  completeDatagram,
  cutSegment,
  segmentCount,
  segmentText,
  verifySuperSegment,
} from "./offload.ts";

/**
 * Octets that have passed the impairment and wait for whoever takes them (the inner device, or the stack's `read`).
 * Beyond it nothing more is taken in on that side.
 */
export const READY_OCTETS_MAX = 1 << 20;
/** Reads of the inner device in one `read` here, while everything that they deliver is lost or delayed. */
const PULLS_MAX = 16;

/** The faults themselves hold in both directions, but for one that has faults of its own: `in: {}` has none. */
export interface ImpairedOptions extends Impairment {
  /** Delivers the events, and the delays. */
  readonly timebase: Timebase;
  /** What happens follows from it and from the order and times of the datagrams; any integer up to 2^53. */
  readonly seed: number;
  /** For what the stack reads, in place of the faults given for both. */
  readonly in?: Impairment;
  /** For what the stack writes, in place of the faults given for both. */
  readonly out?: Impairment;
}

/** The faults of each direction, and what could not take part in them. */
export interface ImpairedCounters {
  readonly in: ImpairmentCounters;
  readonly out: ImpairmentCounters;
  /** Longer than the MTU, and no super-segment. */
  tooLong: number;
  /** A super-segment that could not be cut. */
  malformed: number;
  /** A super-segment that nobody vouched for, with a wrong checksum: cutting it would have made that right. */
  badChecksum: number;
  /** Written when the inner device had gone. */
  afterDown: number;
}

const FULL_OFFLOAD: Offload = { checksum: true, segmentMax: DATAGRAM_MAX };

/** Datagrams that wait to be taken. */
class Ready {
  readonly queue = new Fifo<Uint8Array>();
  octets = 0;

  readonly push = (bytes: Uint8Array): void => {
    this.queue.push(bytes);
    this.octets += bytes.length;
  };

  shift(): Uint8Array | undefined {
    const bytes = this.queue.shift();
    if (bytes !== undefined) this.octets -= bytes.length;
    return bytes;
  }

  clear(): void {
    this.queue.clear();
    this.octets = 0;
  }
}

/**
 * Any device, made to lose, duplicate, reorder, delay, corrupt and slow down what passes, reproducibly.
 *
 * It offers full offload to the stack, so that super-segments come; finishes their checksums, cuts them to the MTU, and
 * impairs what that gives, so that a fault hits what would travel on a wire. The same on the way in. It vouches for
 * nothing that it emits, in either direction.
 */
export class ImpairedDevice implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload = FULL_OFFLOAD;
  readonly counters: ImpairedCounters;
  readonly #inner: Device;
  readonly #timebase: Timebase;
  readonly #announcer: Announcer;
  readonly #in: ImpairedPath;
  readonly #out: ImpairedPath;
  readonly #readyIn = new Ready();
  readonly #readyOut = new Ready();
  /** What the inner device is being offered. */
  readonly #tx = new TxBatch();
  /** What the inner device delivers. */
  readonly #rx = new RxBatch();
  readonly #whole = new Uint8Array(DATAGRAM_MAX);
  #innerFull = false;
  /** Whether rows were left with the stack. */
  #refused = false;
  #timer: Wakeup | null = null;
  #timerUs = Infinity;
  #refed = true;
  #down = false;
  #closed = false;

  constructor(inner: Device, options: ImpairedOptions) {
    this.name = `impaired ${inner.name}`;
    this.mtu = inner.mtu;
    this.#inner = inner;
    this.#timebase = options.timebase;
    this.#announcer = new Announcer(options.timebase, () => this.#readyIn.queue.length);
    // A generator for each direction: what happens in one does not depend on how the two interleave.
    const seeds = new SeededRandom(options.seed);
    this.#in = new ImpairedPath(options.in ?? options, new SeededRandom(seeds.nextInt32()));
    this.#out = new ImpairedPath(options.out ?? options, new SeededRandom(seeds.nextInt32()));
    this.counters = {
      in: this.#in.counters,
      out: this.#out.counters,
      tooLong: 0,
      malformed: 0,
      badChecksum: 0,
      afterDown: 0,
    };
  }

  start(events: DeviceEvents): void {
    this.#announcer.start(events);
    this.#inner.start({
      readable: () => {
        this.#pull();
        this.#announcer.readable();
      },
      writable: () => {
        this.#innerFull = false;
        this.#offer();
      },
      down: (error) => {
        this.#end();
        this.#announcer.down(error);
      },
    });
  }

  read(rx: RxBatch): number {
    rx.clear();
    const ready = this.#readyIn;
    for (let pulls = 0; pulls < PULLS_MAX && ready.octets === 0 && this.#pull() > 0; pulls++);
    while (ready.octets > 0 && rx.hasRoom()) {
      const bytes = ready.shift();
      if (bytes === undefined) break;
      const at = rx.used;
      rx.frame.bytes.set(bytes, at);
      rx.push(at, at + bytes.length, false, 0);
    }
    return rx.rows;
  }

  write(tx: TxBatch): void {
    if (this.#closed) return;
    if (this.#down) {
      this.counters.afterDown += tx.pending;
      return tx.drop(tx.pending);
    }
    const nowUs = this.#timebase.nowUs();
    let taken = 0;
    for (let row = tx.first; row < tx.rows && !this.#refused; row++) {
      if (this.#readyOut.octets >= READY_OCTETS_MAX) this.#refused = true;
      else {
        this.#send(tx, row, nowUs);
        this.#out.release(nowUs, this.#readyOut.push);
        taken++;
      }
    }
    tx.drop(taken);
    this.#offer();
    this.#arm(nowUs);
  }

  ref(): void {
    this.#refed = true;
    this.#timer?.ref();
    this.#inner.ref();
  }

  unref(): void {
    this.#refed = false;
    this.#timer?.unref();
    this.#inner.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#announcer.stop();
    this.#end();
    this.#readyIn.clear();
    this.#inner.close();
  }

  /** Takes one batch from the inner device; returns its rows. */
  #pull(): number {
    if (this.#closed || this.#down || this.#readyIn.octets >= READY_OCTETS_MAX) return 0;
    const rx = this.#rx;
    const nowUs = this.#timebase.nowUs();
    const bytes = rx.frame.bytes;
    this.#inner.read(rx);
    for (let row = 0; row < rx.rows; row++) {
      const at = rx.at[row];
      const end = rx.end[row];
      const vouched = rx.vouched[row] === 1;
      if (rx.gsoSize[row] > 0) this.#cut(this.#in, bytes, at, end, rx.gsoSize[row], vouched, nowUs);
      else if (end - at > this.mtu) this.counters.tooLong++;
      else {
        const datagram = bytes.slice(at, end);
        if (vouched) completeDatagram(datagram, 0, datagram.length);
        this.#in.enter(datagram, nowUs);
      }
    }
    this.#in.release(nowUs, this.#readyIn.push);
    this.#arm(nowUs);
    return rx.rows;
  }

  #send(tx: TxBatch, row: number, nowUs: number): void {
    const length = tx.length[row];
    const gsoSize = tx.gsoSize[row];
    if (length > (gsoSize > 0 ? DATAGRAM_MAX : this.mtu)) {
      this.counters.tooLong++;
    } else if (gsoSize > 0) {
      tx.gather(row, this.#whole, 0);
      this.#cut(this.#out, this.#whole, 0, length, gsoSize, tx.checksumAt[row] > 0, nowUs);
    } else {
      completeChecksum(tx, row);
      const datagram = new Uint8Array(length);
      tx.gather(row, datagram, 0);
      this.#out.enter(datagram, nowUs);
    }
  }

  #cut(
    path: ImpairedPath,
    bytes: Uint8Array,
    at: number,
    end: number,
    gsoSize: number,
    vouched: boolean,
    nowUs: number,
  ): void {
    const text = segmentText(bytes, at, end, gsoSize, this.mtu);
    if (text === 0) {
      this.counters.malformed++;
      return;
    }
    if (!vouched && !verifySuperSegment(bytes, at, end)) {
      this.counters.badChecksum++;
      return;
    }
    const count = segmentCount(bytes, at, end, text);
    for (let index = 0; index < count; index++) {
      const datagram = new Uint8Array(this.mtu);
      const length = cutSegment(bytes, at, end, text, index, datagram, 0);
      path.enter(datagram.subarray(0, length), nowUs);
    }
  }

  /** Offers the inner device what is ready for it, until it is full. */
  #offer(): void {
    const tx = this.#tx;
    while (!this.#innerFull && (this.#readyOut.octets > 0 || tx.pending > 0)) {
      while (tx.hasRoom()) {
        const bytes = this.#readyOut.shift();
        if (bytes === undefined) break;
        addDatagramRow(tx, bytes, 0, bytes.length);
      }
      this.#inner.write(tx);
      this.#innerFull = tx.pending > 0;
    }
    if (this.#refused && this.#readyOut.octets < READY_OCTETS_MAX) {
      this.#refused = false;
      this.#announcer.writable();
    }
  }

  /** Sees to it that what arrives next is released in time. */
  #arm(nowUs: number): void {
    const nextUs = Math.min(this.#in.nextUs(), this.#out.nextUs());
    if (nextUs === this.#timerUs) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerUs = nextUs;
    if (nextUs === Infinity) return;
    this.#timer = this.#timebase.after(Math.max(0, nextUs - nowUs) / 1000, () => {
      this.#arrive();
    });
    if (!this.#refed) this.#timer.unref();
  }

  #arrive(): void {
    this.#timer = null;
    this.#timerUs = Infinity;
    const nowUs = this.#timebase.nowUs();
    this.#out.release(nowUs, this.#readyOut.push);
    this.#in.release(nowUs, this.#readyIn.push);
    this.#offer();
    if (this.#readyIn.octets > 0) this.#announcer.readable();
    this.#arm(nowUs);
  }

  /** The link has ended: what is on its way gets nowhere. What has arrived can still be read. */
  #end(): void {
    this.#down = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerUs = Infinity;
    this.#in.discard();
    this.#out.discard();
    this.#readyOut.clear();
    this.#tx.clear();
  }
}

/** Puts the faults of `options` between the stack and `inner`. */
export const impaired = (inner: Device, options: ImpairedOptions): ImpairedDevice => new ImpairedDevice(inner, options);
