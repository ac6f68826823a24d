import type { Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import { Stack } from "../host/stack.ts";
import { parsePrefix } from "../sockets/address-text.ts";
import type { Net } from "../sockets/net.ts";
import type { Tcp } from "../sockets/tcp.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { destinationOf, sourceOf } from "./datagram-fields.ts";
import { HostInterface, type InterfaceOffload } from "./host-interface.ts";
import { HostProbes } from "./host-probes.ts";
import { HostTimebase } from "./host-timebase.ts";
import type { LinkWorld } from "./link.ts";
import type { Partitions } from "./partitions.ts";
import type { SimDatagram } from "./sim-datagram.ts";
import type { StateCoverage } from "./state-coverage.ts";
import type { StreamLedger } from "./stream-ledger.ts";
import type { Port, SimNode } from "./topology.ts";

/** Of the prefix, where the address has none. */
const PREFIX_LENGTH = 24;
/** How long connections may take to close in order at the end of a run. */
export const CLOSE_DEADLINE_MS = 5000;

export interface HostOptions {
  /** "10.0.0.1/24"; the prefix is 24 bits long unless given. */
  readonly address: string;
  /** Of its interface, in octets; 1,500 unless given. */
  readonly mtu?: number;
  /** What its stack leaves to the interface; "checksum" unless given. */
  readonly offload?: InterfaceOffload;
  readonly tcp?: Partial<TcpConfig>;
  /** What its monotonic clock says when the world begins, in ms; 0 unless given. Clocks of 32 bits wrap at 2^31 and 2^32. */
  readonly clockMs?: number;
}

/** What a host needs of its world. */
export interface HostWorld extends LinkWorld {
  readonly partitions: Partitions;
  readonly coverage: StateCoverage;
  /** Randomness for this host's next life. */
  random(label: string): Random;
  ledger(sender: string, receiver: string, iss: number): StreamLedger;
  violated(text: string): void;
}

/** All that belongs to one life of a host, from its start to its crash or close. */
interface Life {
  readonly time: HostTimebase;
  readonly device: HostInterface;
  readonly stack: Stack;
  readonly probes: HostProbes;
}

/** A host of the simulation: a `Stack` in virtual time with seeded randomness, on one interface. */
export class SimHost implements SimNode {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly forwards = false;
  /** Its address without the prefix, for `connect`. */
  readonly address: string;
  readonly #world: HostWorld;
  readonly #options: HostOptions;
  #port: Port | null = null;
  #life: Life | null = null;
  #lives = 0;
  #over = false;

  /** Users call `Simulation.host`, which also starts it. */
  constructor(name: string, options: HostOptions, world: HostWorld) {
    const text = options.address.includes("/") ? options.address : `${options.address}/${String(PREFIX_LENGTH)}`;
    const parsed = parsePrefix(text);
    if (parsed === null) throw new RangeError(`host "${name}": "${options.address}" is no address`);
    this.name = name;
    this.addresses = [parsed.address];
    this.address = text.slice(0, text.indexOf("/"));
    this.#options = { ...options, address: text };
    this.#world = world;
  }

  /** Starts its first life, or behind a crash a new one, which has the same name and address and remembers nothing. */
  async start(): Promise<void> {
    if (this.#life !== null) throw new Error(`host "${this.name}" is up`);
    if (this.#lives > 0) this.#world.faults.add("restart");
    await this.#begin();
  }

  /** Errors: the host has crashed and was not started again. */
  get stack(): Stack {
    return this.#alive.stack;
  }
  get net(): Net {
    return this.stack.net;
  }
  get tcp(): Tcp {
    return this.stack.tcp;
  }
  get running(): boolean {
    return this.#life !== null && !this.#life.time.paused;
  }
  /** False between a crash and the restart. */
  get up(): boolean {
    return this.#life !== null;
  }

  get #alive(): Life {
    if (this.#life === null) throw new Error(`host "${this.name}" is down`);
    return this.#life;
  }

  /** Resolves `ms` of virtual time later; later still where the host is paused, and never where it has crashed. */
  sleep(ms: number): Promise<void> {
    const { time } = this.#alive;
    return new Promise((resolve) => time.after(ms, resolve));
  }

  /** Its event loop stops; time passes, and datagrams pile up in its interface. */
  pause(): void {
    const { time } = this.#alive;
    if (time.paused) return;
    this.#world.faults.add("pause");
    time.pause();
  }

  /** Everything that was due meanwhile comes now. */
  resume(): void {
    this.#alive.time.resume();
  }

  /** It is gone from one instant to the next: no FIN, no RST. Whatever waits for its sockets waits for ever. */
  crash(): void {
    const life = this.#alive;
    this.#world.faults.add("crash");
    this.#life = null;
    life.time.end();
    life.device.close();
  }

  /**
   * Closes its stack in order; then nothing may be left of it. The program has ended: a socket that it has left open is
   * reset, and emits no error.
   */
  async close(deadlineMs = CLOSE_DEADLINE_MS): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    this.#over = true;
    life.time.resume();
    await life.stack.close({ deadlineMs });
    this.#checkNothingLeft(life);
    life.time.end();
    this.#life = null;
  }

  /** Looks at what only time can break. */
  sweep(): void {
    this.#life?.probes.sweep();
  }

  attach(port: Port): void {
    if (this.#port !== null) throw new RangeError(`host "${this.name}" has a link already`);
    this.#port = port;
  }

  arrives(datagram: SimDatagram): void {
    const { faults, partitions } = this.#world;
    if (partitions.any && partitions.separate(sourceOf(datagram), destinationOf(datagram)))
      return faults.add("partition");
    if (this.#life === null) return faults.add("host-down");
    this.#life.device.arrives(datagram);
  }

  #transmit(datagram: SimDatagram): void {
    const { faults, partitions } = this.#world;
    if (partitions.any && partitions.separate(sourceOf(datagram), destinationOf(datagram))) faults.add("partition");
    else this.#port?.out.send(datagram);
  }

  async #begin(): Promise<void> {
    const { arena, faults } = this.#world;
    const { address, clockMs = 0, mtu = 1500, offload = "checksum", tcp } = this.#options;
    let probes: HostProbes | null = null;
    const time = new HostTimebase(this.#world.time, clockMs * 1000, () => probes?.discover());
    const transmit = (datagram: SimDatagram): void => {
      this.#transmit(datagram);
    };
    const device = new HostInterface({ name: `${this.name}.0`, mtu, offload, time, arena, faults, transmit });
    const random = this.#world.random(`host ${this.name} ${String(this.#lives++)}`);
    const options = tcp === undefined ? {} : { tcp };
    const stack = await Stack.open({ device, address, timebase: time, random, strict: true, ...options });
    const { coverage, time: world } = this.#world;
    probes = new HostProbes(stack.tcp, {
      world,
      time,
      coverage,
      hostName: this.name,
      isOver: () => this.#over,
      ledger: (sender, receiver, iss) => this.#world.ledger(sender, receiver, iss),
      violated: (text) => {
        this.#world.violated(text);
      },
    });
    this.#life = { time, device, stack, probes };
  }

  #checkNothingLeft({ stack, probes }: Life): void {
    const left = stack.stats().connections.all;
    if (left > 0) this.#world.violated(`${this.name}: ${String(left)} connections are left after close`);
    const unread = probes.probes.reduce((sum, { connection }) => sum + (connection.receiveQueue?.charge ?? 0), 0);
    if (probes.memory !== unread) {
      this.#world.violated(`${this.name}: ${String(probes.memory - unread)} octets of memory are left after close`);
    }
  }
}
