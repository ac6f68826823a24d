import { Buffer } from "node:buffer";

import { assert } from "../src/base/assert.ts";
import { toAddress } from "../src/base/address.ts";
import type { Frame } from "../src/base/frame.ts";
import type { RxBatch } from "../src/base/rx-batch.ts";
import type { TxBatch } from "../src/base/tx-batch.ts";
import type { Device, DeviceEvents, Offload } from "../src/device/device.ts";
import { Stack } from "../src/host/stack.ts";
import { HeaderBlock } from "../src/http/header-block.ts";
import { emitIpv4, FLAG_DONT_FRAGMENT, PROTOCOL_TCP } from "../src/wire/ipv4.ts";
import type { Bench } from "./harness.ts";

const REQUEST = Buffer.from("GET / HTTP/1.1\r\nHost: 198.18.0.2:80\r\n\r\n", "latin1");
const BODY = Buffer.alloc(100, "x");
const CLIENT = toAddress(0xc612_0001),
  SERVER = toAddress(0xc612_0002);
const PORT = 80,
  FIRST_PORT = 10_000;
const IP = 20,
  TCP = 32;
const SYN = 2,
  PSH_ACK = 24;

/**
 * The other side of a link: clients that send the same request again as soon as the answer is there. They do just as much
 * TCP as that takes, so that what is measured is the stack.
 */
class Clients implements Device {
  readonly name = "clients";
  readonly mtu = 1500;
  readonly offload: Offload = { checksum: true, segmentMax: 65_535 };
  readonly #seq: Int32Array;
  readonly #ack: Int32Array;
  readonly #stamp: Int32Array;
  /** Whose turn it is to send: a ring of connections' numbers. */
  readonly #turns: Int32Array;
  #first = 0;
  #waiting = 0;
  #established = false;
  #events: DeviceEvents | null = null;
  answers = 0;

  constructor(connections: number) {
    this.#seq = new Int32Array(connections);
    this.#ack = new Int32Array(connections);
    this.#stamp = new Int32Array(connections);
    this.#turns = new Int32Array(connections);
  }

  start(events: DeviceEvents): void {
    this.#events = events;
  }

  /** Opens all connections; each has sent its first request then. */
  open(): void {
    for (let i = 0; i < this.#seq.length; i++) this.#asks(i);
    this.run(0);
    this.#established = true;
  }

  /** Goes on until `answers` have come. */
  run(answers: number): void {
    const until = this.answers + answers;
    while (this.answers < until || (!this.#established && this.#waiting > 0 && this.#ack.includes(0))) {
      assert(this.#waiting > 0, "somebody asks");
      this.#events?.readable();
    }
  }

  read(rx: RxBatch): number {
    rx.clear();
    while (this.#waiting > 0 && rx.hasRoom()) {
      const i = this.#turns[this.#first];
      this.#first = (this.#first + 1) % this.#turns.length;
      this.#waiting--;
      const at = rx.used;
      rx.push(at, at + this.#segment(rx.frame, at, i), true, 0);
    }
    return rx.rows;
  }

  write(tx: TxBatch): void {
    for (let row = tx.first; row < tx.rows; row++) {
      const at = tx.headerAt(row);
      const { view } = tx.head;
      const i = view.getUint16(at + IP + 2) - FIRST_PORT;
      const syn = (view.getUint8(at + IP + 13) & SYN) !== 0;
      const text = tx.length[row] - tx.headerLength[row] + (syn ? 1 : 0);
      const ack = (view.getInt32(at + IP + 4) + text) | 0;
      if (text === 0 || (!syn && ((ack - this.#ack[i]) | 0) <= 0)) continue; // An ACK; or sent again, where the machine stalled.
      this.#ack[i] = ack;
      this.#seq[i] = view.getInt32(at + IP + 8);
      this.#stamp[i] = view.getInt32(at + IP + (syn ? 32 : 24));
      if (!syn) this.answers++;
      this.#asks(i);
    }
    tx.clear();
  }

  ref(): void {}
  unref(): void {}
  close(): void {}

  #asks(i: number): void {
    this.#turns[(this.#first + this.#waiting++) % this.#turns.length] = i;
  }

  #segment(frame: Frame, at: number, i: number): number {
    const { bytes, view } = frame;
    const syn = this.#ack[i] === 0;
    const text = syn ? 0 : REQUEST.length;
    const length = IP + TCP + text;
    emitIpv4(frame, at, length, 0, 0, FLAG_DONT_FRAGMENT, 64, PROTOCOL_TCP, CLIENT, SERVER);
    view.setUint16(at + IP, FIRST_PORT + i);
    view.setUint16(at + IP + 2, PORT);
    view.setInt32(at + IP + 4, this.#seq[i]);
    view.setInt32(at + IP + 8, this.#ack[i]);
    view.setInt32(at + IP + 12, 0x8000_0000 | ((syn ? SYN : PSH_ACK) << 16) | 65_000 | 0);
    view.setInt32(at + IP + 16, 0);
    view.setInt32(at + IP + 20, 0x0101_080a);
    view.setInt32(at + IP + 24, 1);
    view.setInt32(at + IP + 28, this.#stamp[i]);
    bytes.set(syn ? REQUEST.subarray(0, 0) : REQUEST, at + IP + TCP);
    return length;
  }
}

/** A request through the whole stack, from the device's octets to the device's octets, without the kernel's part of it. */
export async function httpPath(bench: Bench): Promise<void> {
  for (const connections of [64, 1000, 10_000]) {
    const clients = new Clients(connections);
    const stack = await Stack.open({ device: clients, address: "198.18.0.2/24" });
    const headers = new HeaderBlock({ "content-type": "text/plain" });
    stack.http
      .createServer((_request, response) => {
        response.send(200, headers, BODY);
      })
      .listen({ port: PORT, backlog: connections });
    clients.open();
    const name = `http/path: request to response, ${String(connections)} connections`;
    await bench.bench(name, { smoke: 100, full: 500_000 }, (n) => {
      clients.run(n);
      return n;
    });
    await stack.close({ deadlineMs: 0 });
  }
}
