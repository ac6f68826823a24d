import { type Address, toAddress } from "../../src/base/address.ts";
import type { RxBatch } from "../../src/base/rx-batch.ts";
import { SeededRandom } from "../../src/base/random.ts";
import type { TxBatch } from "../../src/base/tx-batch.ts";
import type { Timebase } from "../../src/base/timebase.ts";
import type { Device, DeviceEvents } from "../../src/device/device.ts";
import { impaired } from "../../src/device/impaired.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { Driver } from "../../src/stack/driver.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { emitIpv4, PROTOCOL_TCP } from "../../src/wire/ipv4.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";

/** The besieged host, and the honest client on a link of its own. The crowd has 198.19.0.0/16. */
export const HOST = toAddress(0xc612_0002);
export const HOST_TEXT = "198.18.0.2";
const CLIENT_TEXT = "198.18.0.1";
const CROWD = toAddress(0xc613_0000);
const MSS = 1460;
const FIELDS = 7;

export const FIN = 1,
  SYN = 2,
  RST = 4,
  ACK = 16;

/** One hostile host: an address of its own, and what it has seen of its one connection. */
export class HostilePeer {
  readonly address: Address;
  /** Its next sequence number, and the next that it expects. */
  next = 1000;
  expected = 0;
  established = false;
  /** Octets of text that it was sent, those sent again included. */
  received = 0;
  readonly #crowd: CrowdDevice;

  constructor(crowd: CrowdDevice, address: Address) {
    this.#crowd = crowd;
    this.address = address;
  }

  /** Sends a segment; `length` octets of text, the first of them `first`, and `seq` relative to what comes next. */
  send(flags: number, fields: { seq?: number; length?: number; first?: number; window?: number } = {}): void {
    const { seq = 0, length = 0, first = 0, window = 65_535 } = fields;
    this.#crowd.inject(this.address, this.next + seq, this.expected, flags, window, length, first);
  }
}

/** A link full of hostile peers: what they send is injected, what they are sent is looked at and thrown away. */
export class CrowdDevice implements Device {
  readonly name = "crowd";
  readonly mtu = 1500;
  readonly offload = { checksum: true, segmentMax: 0 };
  /** Called for each segment that comes back, behind what `HostilePeer` takes from it by itself. */
  onSegment: ((peer: HostilePeer, flags: number, length: number) => void) | null = null;
  readonly #peers = new Map<Address, HostilePeer>();
  /** `FIELDS` numbers a segment. */
  #waiting: number[] = [];
  #at = 0;
  readonly #timebase: Timebase;
  readonly #octets = new Uint8Array(2048);
  readonly #view = new DataView(this.#octets.buffer);
  #events: DeviceEvents | null = null;
  #announced = false;

  constructor(timebase: Timebase) {
    this.#timebase = timebase;
  }

  peer(number: number): HostilePeer {
    const address = toAddress(CROWD + 256 + number);
    let peer = this.#peers.get(address);
    if (peer === undefined) this.#peers.set(address, (peer = new HostilePeer(this, address)));
    return peer;
  }

  /** A peer that knows nothing of what went before at its address. */
  newcomer(number: number): HostilePeer {
    this.#peers.delete(toAddress(CROWD + 256 + number));
    return this.peer(number);
  }

  /** The address of somebody who is never heard of again. */
  stranger(number: number): Address {
    return toAddress(CROWD + 256 + (number % 60_000));
  }

  inject(
    ...segment: readonly [
      from: Address,
      seq: number,
      ack: number,
      flags: number,
      window: number,
      length: number,
      first: number,
    ]
  ): void {
    this.#waiting.push(...segment);
    this.#announce();
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#timebase.soon(() => {
      this.#announced = false;
      this.#events?.readable();
      if (this.#waiting.length > 0) this.#announce();
    });
  }

  start(events: DeviceEvents): void {
    this.#events = events;
  }

  read(rx: RxBatch): number {
    rx.clear();
    for (; this.#at < this.#waiting.length && rx.hasRoom(); this.#at += FIELDS) this.#put(rx);
    if (this.#at === this.#waiting.length) {
      this.#waiting = [];
      this.#at = 0;
    }
    return rx.rows;
  }

  #put(rx: RxBatch): void {
    const [from, seq, ack, flags, window, length, first] = this.#waiting.slice(this.#at, this.#at + FIELDS);
    const at = rx.used;
    const { view } = rx.frame;
    const options = (flags & SYN) === 0 ? 0 : 4;
    const end = at + 40 + options + length;
    emitIpv4(rx.frame, at, end - at, 0, 0, 0x4000, 64, PROTOCOL_TCP, toAddress(from), HOST);
    view.setUint16(at + 20, 4000);
    view.setUint16(at + 22, 80);
    view.setUint32(at + 24, seq);
    view.setUint32(at + 28, ack);
    view.setUint16(at + 32, ((5 + options / 4) << 12) | flags);
    view.setUint16(at + 34, window);
    view.setUint32(at + 36, 0);
    if (options > 0) view.setUint32(at + 40, (2 << 24) | (4 << 16) | MSS);
    rx.frame.bytes.fill(0, at + 40 + options, end);
    if (length > 0) rx.frame.bytes[at + 40 + options] = first;
    rx.push(at, end, true, 0);
  }

  write(tx: TxBatch): void {
    for (let row = tx.first; row < tx.rows; row++) {
      tx.gather(row, this.#octets, 0);
      const peer = this.#peers.get(toAddress(this.#view.getInt32(16)));
      if (peer !== undefined) this.#look(peer, tx.length[row]);
    }
    tx.clear();
  }

  #look(peer: HostilePeer, datagramLength: number): void {
    const flags = this.#octets[33];
    const seq = this.#view.getUint32(24);
    const length = datagramLength - 20 - (this.#octets[32] >> 4) * 4;
    if ((flags & (SYN | ACK)) === (SYN | ACK) && !peer.established) {
      peer.established = true;
      peer.next++;
      peer.expected = (seq + 1) >>> 0;
      peer.send(ACK);
    } else if (length > 0 && seq === peer.expected) peer.expected = (seq + length) >>> 0;
    peer.received += length;
    this.onSegment?.(peer, flags, length);
  }

  ref(): void {
    this.#announce();
  }
  unref(): void {
    this.#announce();
  }
  close(): void {
    this.#events = null;
  }
}

/** A host with two links: one to an honest client, 10 ms there and back at 100 Mbit/s, and one to the crowd. Virtual time. */
export class Square {
  readonly timebase = new VirtualTimebase(1_000_000);
  readonly crowd = new CrowdDevice(this.timebase);
  readonly driver: Driver;
  readonly client: Stack;

  constructor(options: { memoryMax?: number; tcp?: Partial<TcpConfig> } = {}) {
    const { timebase } = this;
    const [near, far] = memoryPair({ timebase, offload: false });
    this.driver = new Driver({
      timebase,
      random: new SeededRandom(1),
      strict: true,
      ...options,
      events: {
        down: () => undefined,
        broken: (error) => {
          throw error;
        },
        thrown: (error) => {
          throw error;
        },
      },
    });
    const { routes } = this.driver.core;
    this.driver.addLink(memoryPair({ timebase })[0]); // The loopback's place.
    for (const device of [near, this.crowd]) {
      const link = this.driver.addLink(device);
      routes.addLink({ link, mtu: 1500 });
      if (device === near) routes.addAddress({ link, address: HOST, prefixLength: 24 });
      else routes.addRoute({ destination: CROWD, prefixLength: 16, link });
    }
    const path = { delayMs: 5, rateBitsPerSecond: 100e6 };
    this.client = new Stack({
      device: impaired(far, { timebase, seed: 1, ...path }),
      address: `${CLIENT_TEXT}/24`,
      timebase,
      random: new SeededRandom(2),
      strict: true,
    });
  }

  get core(): Driver["core"] {
    return this.driver.core;
  }

  async end(): Promise<void> {
    const closed = this.client.close({ deadlineMs: 0 });
    this.core.tcp.beginClose();
    this.core.tcp.abortAll();
    this.driver.close();
    this.timebase.run(1000);
    await closed;
  }
}
