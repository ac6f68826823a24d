import { InvariantError } from "../base/assert.ts";
import type { Random } from "../base/random.ts";
import { DATAGRAM_MAX, RX_LINK_ROOM, RX_SLAB, RxBatch } from "../base/rx-batch.ts";
import type { Timebase, Wakeup } from "../base/timebase.ts";
import { TxBatch } from "../base/tx-batch.ts";
import type { Device } from "../device/device.ts";
import { completeChecksum } from "../device/offload.ts";
import type { TcpConfig } from "../tcp/config.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import { StackCore } from "./core.ts";

/**
 * Datagrams read from one link before anything is sent. Few enough for the first answers to leave while their askers are idle
 * (64 in a row left a load generator waiting a fifth of the time), enough for one ACK to serve many segments.
 */
const RX_BURST = 16;
/** An MTU beyond that is a loopback's. */
const LARGE_MTU = 9216;
/** Rounds of reading and writing in one turn, so that the event loop's other work is not starved. */
const ROUNDS_MAX = 32;
/** Rounds in a row that may leave a device undrained before timers are served all the same: 4,096 datagrams, a TUN's whole queue. */
const UNDRAINED_ROUNDS_MAX = 256;

export interface DriverEvents {
  /** A device has gone; `error` null where its other side just closed. */
  down(device: Device, error: Error | null): void;
  /** A broken invariant of our own: the connection was aborted, the stack goes on. */
  broken(error: InvariantError, connection: TcpConnection | null): void;
  /** An exception of the application's own, out of one of its handlers. */
  thrown(error: unknown): void;
}

interface DrivenLink {
  readonly device: Device;
  readonly rx: RxBatch;
  readonly tx: TxBatch;
  up: boolean;
}

/**
 * Octets of memory that a burst from `device` wants: room for the largest datagram behind a burst of its own. Where super-segments
 * may come there is more of it, but for the loopback, which has no use for it as a rule.
 */
function slabFor({ mtu, offload }: Device): number {
  const plain = DATAGRAM_MAX + RX_LINK_ROOM + RX_BURST * (Math.min(mtu, LARGE_MTU) + RX_LINK_ROOM + 8);
  return offload.segmentMax > 0 && mtu <= LARGE_MTU ? RX_SLAB : plain;
}

/**
 * Drives a `StackCore`: the one place that reads the time and touches devices. A turn is: time, everything in, timers,
 * owners, everything out (RFC 9293 MUST-58, MUST-59).
 */
export class Driver {
  readonly core: StackCore;
  /** Called behind every turn, where somebody waits for something. */
  afterTurn: (() => void) | null = null;
  readonly #timebase: Timebase;
  readonly #events: DriverEvents;
  readonly #strict: boolean;
  readonly #links: DrivenLink[] = [];
  #timer: Wakeup | null = null;
  #timerAtUs = Infinity;
  #inTurn = false;
  /** Rounds in a row whose reads did not find the devices' ends, since timers were last served. */
  #undrainedRounds = 0;
  #turnAsked = false;
  #closed = false;
  #refed = true;

  constructor(options: {
    timebase: Timebase;
    random: Random;
    events: DriverEvents;
    /** Broken invariants throw, as tests and the simulator want it. */
    strict: boolean;
    tcp?: Partial<TcpConfig>;
    memoryMax?: number;
  }) {
    this.#timebase = options.timebase;
    this.#events = options.events;
    this.#strict = options.strict;
    this.core = new StackCore({
      random: options.random,
      startUs: options.timebase.nowUs(),
      ...(options.tcp === undefined ? {} : { tcp: options.tcp }),
      ...(options.memoryMax === undefined ? {} : { memoryMax: options.memoryMax }),
      events: {
        faulted: (error, connection) => {
          this.#faulted(error, connection);
        },
        wake: () => {
          this.wake();
        },
        refreshClock: () => {
          this.nowUs();
        },
      },
    });
  }

  /** The clock: a turn has one time, between turns it is read anew. Microseconds. */
  nowUs(): number {
    const { clock } = this.core;
    if (!this.#inTurn) clock.nowUs = this.#timebase.nowUs();
    return clock.nowUs;
  }

  /** Adds a link and starts its device; returns its number. The first is the loopback's. */
  addLink(device: Device): number {
    const entry: DrivenLink = { device, rx: new RxBatch(RX_BURST, slabFor(device)), tx: new TxBatch(), up: true };
    this.#links.push(entry);
    const link = this.core.links.add(device.mtu, device.offload);
    device.start({
      readable: () => {
        this.#turn();
      },
      writable: () => {
        this.#turn();
      },
      down: (error) => {
        entry.up = false;
        this.#events.down(device, error);
      },
    });
    return link;
  }

  /** Asks for a turn. */
  wake(): void {
    if (this.#inTurn || this.#turnAsked || this.#closed) return;
    this.#turnAsked = true;
    this.#timebase.soon(() => {
      this.#turnAsked = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#closed || this.#inTurn) return;
    this.#inTurn = true;
    try {
      let served = false;
      for (let round = 0; round < ROUNDS_MAX; round++) {
        // Where nothing has come since timers were served, nothing is left to do either.
        if (!this.#receive() && served) break;
        // A late wake-up loses nothing: what has arrived is taken in before any timer acts, unless that goes on for too long.
        served = this.#undrainedRounds === 0 || this.#undrainedRounds > UNDRAINED_ROUNDS_MAX;
        if (served) {
          this.core.expire();
          this.#undrainedRounds = 0;
        }
        this.core.notifyOwners();
        this.#send();
      }
    } finally {
      this.#inTurn = false;
    }
    this.#arm();
    this.afterTurn?.();
  }

  /** Reads a burst from each device. True where anything came. */
  #receive(): boolean {
    const { core } = this;
    core.clock.nowUs = this.#timebase.nowUs();
    let received = false;
    let drained = true;
    for (let link = 0; link < this.#links.length; link++) {
      const { device, rx, up } = this.#links[link];
      if (!up || device.read(rx) === 0) continue;
      if (!rx.hasRoom()) drained = false;
      core.input(rx, link);
      received = true;
    }
    this.#undrainedRounds = drained ? 0 : this.#undrainedRounds + 1;
    return received;
  }

  /** Hands out what is due. Rows that a device refuses stay in its `tx` and are offered again. */
  #send(): void {
    for (let link = 0; link < this.#links.length; link++) {
      const { device, tx, up } = this.#links[link];
      for (;;) {
        this.core.output(tx, link);
        if (tx.pending === 0) break;
        if (!device.offload.checksum) for (let row = tx.first; row < tx.rows; row++) completeChecksum(tx, row);
        if (up) device.write(tx);
        else tx.clear();
        if (tx.pending > 0) break;
      }
    }
  }

  #arm(): void {
    if (this.#closed) return;
    const delayMs = this.core.nextDelayMs();
    const atUs = this.core.clock.nowUs + delayMs * 1000;
    if (this.#timer !== null && this.#timerAtUs <= atUs) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtUs = atUs;
    if (delayMs === Infinity) return;
    this.#timer = this.#timebase.after(delayMs, () => {
      this.#timer = null;
      this.#turn();
    });
    if (!this.#refed) this.#timer.unref();
  }

  #faulted(error: unknown, connection: TcpConnection | null): void {
    if (!(error instanceof InvariantError)) {
      this.#events.thrown(error);
      return;
    }
    this.core.tcpCounters.brokenInvariants++;
    if (this.#strict) throw error;
    this.#events.broken(error, connection);
    connection?.abort();
  }

  /** Whether devices and timers keep the process alive. */
  ref(): void {
    this.#refed = true;
    for (const { device } of this.#links) device.ref();
    this.#timer?.ref();
  }
  unref(): void {
    this.#refed = false;
    for (const { device } of this.#links) device.unref();
    this.#timer?.unref();
  }

  /** Sends what is due, then lets go of everything. */
  close(): void {
    if (this.#closed) return;
    this.#turn();
    this.#closed = true;
    this.#timer?.cancel();
    for (const { device } of this.#links) device.close();
  }
}
