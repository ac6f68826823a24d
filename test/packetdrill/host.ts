import { type Address, toAddress } from "../../src/base/address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { completeChecksum } from "../../src/device/offload.ts";
import { StackCore } from "../../src/stack/core.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { decode, type LivePacket } from "./wire.ts";

/** Script time 0 on the clock of the core. */
const START_US = 1_000_000_000;
/** Turns at one instant before a core counts as spinning. */
const TURNS_MAX = 10_000;

export interface HostOptions {
  readonly tcp: Partial<TcpConfig>;
  readonly mtu: number;
  /** The device cuts super-segments. */
  readonly offload: boolean;
  readonly local: number;
  /** Called for each datagram that leaves, with the script's time. */
  readonly sent: (packet: LivePacket, atUs: number) => void;
}

/** The stack under test, alone on a link, in virtual time. */
export class Host {
  readonly core: StackCore;
  readonly local: Address;
  readonly #link: number;
  readonly #rx = new RxBatch();
  readonly #tx = new TxBatch();
  readonly #sent: HostOptions["sent"];

  constructor(options: HostOptions) {
    this.#sent = options.sent;
    this.local = toAddress(options.local);
    this.core = new StackCore({
      random: new SeededRandom(1),
      startUs: START_US,
      tcp: options.tcp,
      events: {
        faulted: (error) => {
          throw error;
        },
        wake: () => undefined,
        refreshClock: () => undefined,
      },
    });
    const { links, routes } = this.core;
    const offload = (segmentMax: number): { checksum: boolean; segmentMax: number } => ({ checksum: true, segmentMax });
    links.add(65_535, offload(65_535));
    this.#link = links.add(options.mtu, offload(options.offload ? 65_535 : 0));
    routes.addLink({ link: this.#link, mtu: options.mtu });
    routes.addAddress({ link: this.#link, address: this.local, prefixLength: 32 });
    routes.addRoute({ destination: toAddress(0), prefixLength: 0, link: this.#link });
  }

  /** The script's time, in microseconds. */
  get nowUs(): number {
    return this.core.clock.nowUs - START_US;
  }

  /** One datagram arrives, alone in its batch. */
  deliver(datagram: Uint8Array): void {
    this.#rx.clear();
    this.#rx.frame.bytes.set(datagram, 0);
    this.#rx.push(0, datagram.length, false, 0);
    this.core.input(this.#rx, this.#link);
    this.turn();
  }

  /** Lets owners be told, and sends what is due. */
  turn(): void {
    const tx = this.#tx;
    this.core.notifyOwners();
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      this.core.output(tx, this.#link);
      if (tx.pending === 0) return;
      for (let row = tx.first; row < tx.rows; row++) this.#emit(row);
      tx.clear();
      this.core.notifyOwners();
    }
    throw new Error("the stack sends without end");
  }

  #emit(row: number): void {
    const tx = this.#tx;
    const whole = tx.gsoSize[row] === 0;
    if (whole) completeChecksum(tx, row);
    const bytes = new Uint8Array(tx.length[row]);
    tx.gather(row, bytes, 0);
    const packet = decode(bytes, whole);
    if (typeof packet === "string") throw new Error(`the stack has sent ${packet}`);
    this.#sent(packet, this.nowUs);
  }

  /** Lets time pass up to `untilUs`, serving each deadline at its time; ends early, at that deadline, once `done` holds. */
  pass(untilUs: number, done: () => boolean): boolean {
    const { clock } = this.core;
    for (let idle = 0; !done(); idle++) {
      const nextUs = Math.max(this.#nextDeadlineUs(), clock.nowUs);
      if (nextUs - START_US > untilUs) {
        clock.nowUs = Math.max(clock.nowUs, untilUs + START_US);
        return false;
      }
      if (nextUs > clock.nowUs) idle = 0;
      if (idle > TURNS_MAX) throw new Error("the stack's deadline does not move");
      clock.nowUs = nextUs;
      this.core.expire();
      this.turn();
    }
    return true;
  }

  /** Deadlines are whole milliseconds of the clock. */
  #nextDeadlineUs(): number {
    return (Math.floor(this.core.clock.nowUs / 1000) + this.core.nextDelayMs()) * 1000;
  }
}
