import { SeededRandom } from "../../src/base/random.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { TcpSocket } from "../../src/tcp/handler.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { InjectedDevice } from "./injected-device.ts";
import { readSent, type Sent } from "./packets.ts";

export const ECHO = 7;
const HOST_TEXT = "198.18.0.2";

/** A live echo server at 198.18.0.2 with an honest client at 198.18.0.1, and an attacker on the wire between them. Virtual time. */
export class Besieged {
  readonly timebase: VirtualTimebase;
  readonly wire: InjectedDevice;
  readonly host: Stack;
  readonly client: Stack;

  /** Use `begin`. */
  constructor(wire: InjectedDevice, host: Stack, client: Stack, timebase: VirtualTimebase) {
    this.wire = wire;
    this.host = host;
    this.client = client;
    this.timebase = timebase;
  }

  static async begin(tcp: Partial<TcpConfig> = {}): Promise<Besieged> {
    const timebase = new VirtualTimebase(1_000_000);
    const [near, far] = memoryPair({ timebase, offload: false });
    const wire = new InjectedDevice(near, timebase);
    const common = { timebase, strict: true, tcp };
    const host = await Stack.open({ ...common, device: wire, address: `${HOST_TEXT}/24`, random: new SeededRandom(1) });
    const client = await Stack.open({ ...common, device: far, address: "198.18.0.1/24", random: new SeededRandom(2) });
    host.tcp.listen({
      port: ECHO,
      handler: {
        data: (socket, octets, start, end) => void socket.sendCopy(octets.subarray(start, end)),
        end: (socket) => socket.end(),
      },
    });
    return new Besieged(wire, host, client, timebase);
  }

  /** Injects and lets the stack act; what it sent meanwhile, in order, each checked to be well-formed. */
  attack(...datagrams: readonly Uint8Array[]): Sent[] {
    const sent: Sent[] = [];
    this.wire.onSent = (datagram) => sent.push(readSent(datagram));
    this.wire.inject(...datagrams);
    this.timebase.settle();
    this.wire.onSent = null;
    return sent;
  }

  /** An open connection of the honest client. */
  converse(): Conversation {
    return new Conversation(this);
  }

  /** Everything that was counted as wrong so far. */
  get dropped(): number {
    const { drops, tcp } = this.host.stats();
    return Object.values(drops).reduce((sum, count) => sum + count, tcp["inErrs"] ?? 0);
  }

  async end(): Promise<void> {
    const closed = [this.host.close({ deadlineMs: 0 }), this.client.close({ deadlineMs: 0 })];
    this.timebase.run(600_000);
    await Promise.all(closed);
  }
}

/** The honest client's connection: it must outlive whatever happens beside it. */
export class Conversation {
  readonly socket: TcpSocket;
  failure: string | null = null;
  readonly #besieged: Besieged;
  #heard = "";

  constructor(besieged: Besieged) {
    this.#besieged = besieged;
    this.socket = besieged.client.tcp.connect({
      address: HOST_TEXT,
      port: ECHO,
      handler: {
        data: (_, octets, start, end) => (this.#heard += Buffer.from(octets.subarray(start, end)).toString()),
        close: (_, failure) => (this.failure = failure ?? "closed"),
      },
    });
    besieged.timebase.advance(10);
  }

  /** The host's half of it. */
  get served(): TcpSocket | undefined {
    return [...this.#besieged.host.tcp.connections()].find(({ remotePort }) => remotePort === this.socket.localPort);
  }

  /** Says `text` and returns what has come back within `ms`. */
  says(text: string, ms = 5000): string {
    this.#heard = "";
    this.socket.sendCopy(Buffer.from(text));
    this.#besieged.timebase.advance(ms);
    return this.#heard;
  }
}
