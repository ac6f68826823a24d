import { type Address, toAddress } from "../base/address.ts";
import { type Random, SeededRandom } from "../base/random.ts";
import { parsePrefix } from "../sockets/address-text.ts";
import { Capture, CAPTURE_OCTETS_MAX } from "./capture.ts";
import { ViolatedInvariant } from "./failure.ts";
import { FaultCounts } from "./faults.ts";
import { type HostOptions, type HostWorld, SimHost } from "./host.ts";
import { type DirectionOptions, LinkDirection } from "./link.ts";
import { OctetArena } from "./octet-arena.ts";
import { type Cut, Partitions } from "./partitions.ts";
import { Router } from "./router.ts";
import { StateCoverage } from "./state-coverage.ts";
import { StreamLedger } from "./stream-ledger.ts";
import { Port, type SimNode, Topology } from "./topology.ts";
import { VirtualTimebase } from "./virtual-timebase.ts";

/** What time alone can break is looked at whenever at least this much of it has passed. */
const SWEEP_US = 50_000;
/** Routers without an address of their own get 198.19.255.1 and up. */
const FIRST_ROUTER_ADDRESS = 0xc613_ff01;

export interface SimulationOptions {
  /** Everything random follows from it; any integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Virtual time after which the program has failed; a day unless given. */
  readonly limitMs?: number;
  /** Octets of the newest datagrams that are kept for the capture; 0 for none, `CAPTURE_OCTETS_MAX` unless given. */
  readonly captureOctets?: number;
}

export interface RouterSettings {
  /** From which its ICMP errors come: "10.0.0.254"; one of 198.19.255.0/24 unless given. */
  readonly address?: string;
  /** Whether it tells senders what it could not forward; true unless given. A black hole does not. */
  readonly icmp?: boolean;
}

/** Both directions alike, but for what `back` says of the one from the second node to the first. */
export interface LinkOptions extends DirectionOptions {
  readonly back?: DirectionOptions;
}

/** A link between two nodes. */
export interface SimLink {
  /** From the node named first to the other, and back. */
  readonly there: LinkDirection;
  readonly back: LinkDirection;
  /** Everything on it is lost, and nothing gets onto it. */
  down(): void;
  up(): void;
}

/** A cut that lasts until it heals. */
export interface Partition {
  heal(): void;
}

/** How a run went. */
export interface SimulationReport {
  readonly seed: number;
  readonly virtualMs: number;
  /** Things that happened, and how often the application was waited for. */
  readonly events: number;
  readonly drains: number;
  /** How often each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often each event met each connection state: `"ESTABLISHED × fin": 3`. */
  readonly coverage: Readonly<Record<string, number>>;
}

/** Who hears of the end of a run. */
export interface RunListener {
  failed(error: unknown): void;
}

/** FNV-1a, so that each part of the world has randomness of its own, whatever else is made before it. */
function hashOf(label: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x0100_0193);
  return hash >>> 0;
}

/**
 * A network of hosts, links and routers in virtual time, reproducible to the octet from its seed. Made by `simulate`.
 */
export class Simulation {
  readonly seed: number;
  /** For the program's own choices. */
  readonly random: Random;
  readonly #options: SimulationOptions;
  readonly #listener: RunListener;
  readonly #time: VirtualTimebase;
  readonly #world: HostWorld;
  readonly #partitions = new Partitions();
  readonly #topology = new Topology();
  readonly #hosts: SimHost[] = [];
  readonly #ledgers = new Map<string, StreamLedger>();
  readonly #invariants: (() => void)[] = [];
  #routers = 0;
  #links = 0;
  #sweptUs = 0;

  constructor(options: SimulationOptions, listener: RunListener) {
    this.seed = options.seed;
    this.#options = options;
    this.#listener = listener;
    this.random = this.#randomFor("program");
    this.#time = new VirtualTimebase({
      passing: (toUs) => {
        this.#passing(toUs);
      },
      idle: () => {
        this.check();
        this.#fail("the program waits for something that will never come: nothing is left to happen");
      },
      threw: (error) => {
        listener.failed(error);
      },
    });
    this.#world = {
      time: this.#time,
      capture: new Capture(options.captureOctets ?? CAPTURE_OCTETS_MAX),
      faults: new FaultCounts(),
      arena: new OctetArena(),
      partitions: this.#partitions,
      coverage: new StateCoverage(),
      random: (label) => this.#randomFor(label),
      ledger: (sender, receiver, iss) => this.#ledger(sender, receiver, iss),
      violated: (text) => {
        this.#fail(text);
      },
    };
  }

  /** Milliseconds of virtual time since the world began. */
  get nowMs(): number {
    return this.#time.nowUs() / 1000;
  }
  get hosts(): readonly SimHost[] {
    return this.#hosts;
  }
  /** Where time passes, for code that takes a `Timebase`. */
  get timebase(): VirtualTimebase {
    return this.#time;
  }

  /** Adds a host; it is up when the promise resolves. */
  async host(name: string, options: HostOptions): Promise<SimHost> {
    const host = new SimHost(name, options, this.#world);
    await host.start();
    this.#topology.add(host);
    this.#hosts.push(host);
    return host;
  }

  /** Adds a router: it forwards by the longest prefix, takes one off the time to live, and reports by ICMP. */
  router(name: string, settings: RouterSettings = {}): Router {
    return this.#addRouter(name, settings, false);
  }

  /** Adds a switch: it passes datagrams on as they are. */
  switch(name: string): Router {
    return this.#addRouter(name, {}, true);
  }

  /** Joins two nodes. */
  link(from: SimNode, to: SimNode, options: LinkOptions = {}): SimLink {
    const { back: backOptions, ...both } = options;
    const label = `link ${String(this.#links++)} ${from.name}-${to.name}`;
    const near = new Port(from, to);
    const far = new Port(to, from);
    const { capture } = this.#world;
    const nearInterface = capture.addInterface(`${from.name}>${to.name}`);
    const farInterface = capture.addInterface(`${to.name}>${from.name}`);
    near.out = new LinkDirection(this.#world, this.#randomFor(`${label} there`), both, {
      to: far,
      fromInterface: nearInterface,
      toInterface: farInterface,
    });
    far.out = new LinkDirection(
      this.#world,
      this.#randomFor(`${label} back`),
      { ...both, ...backOptions },
      {
        to: near,
        fromInterface: farInterface,
        toInterface: nearInterface,
      },
    );
    this.#topology.join(near);
    this.#topology.join(far);
    const [there, back] = [near.out, far.out];
    const setUp = (up: boolean): void => {
      there.up = up;
      back.up = up;
    };
    return { there, back, down: () => setUp(false), up: () => setUp(true) };
  }

  /** Nothing gets from one group to the other, in either direction, until it heals; what is on its way is lost. */
  partition(left: readonly SimHost[], right: readonly SimHost[]): Partition {
    const from = new Set(left.flatMap(({ addresses }) => addresses));
    const to = new Set(right.flatMap(({ addresses }) => addresses));
    const cuts: Cut[] = [
      { from, to },
      { from: to, to: from },
    ];
    for (const cut of cuts) this.#partitions.add(cut);
    return {
      heal: () => {
        for (const cut of cuts) this.#partitions.remove(cut);
      },
    };
  }

  /** Heals every partition. */
  heal(): void {
    this.#partitions.clear();
  }

  /** Resolves `ms` of virtual time later. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#time.after(ms, resolve));
  }

  /** Calls `act` at a moment of virtual time, in ms since the world began. */
  at(ms: number, act: () => void): void {
    this.#time.after(ms - this.nowMs, act);
  }

  /** Holds time still while `work`, which does not belong to the simulation (a file, a thread), is waited for. */
  outside<T>(work: Promise<T>): Promise<T> {
    return this.#time.outside(work);
  }

  /** `check` is called again and again while time passes, and throws where something is wrong. */
  invariant(check: () => void): void {
    this.#invariants.push(check);
  }

  /** What has passed over all links so far, as a pcapng file. */
  capture(): Uint8Array {
    return this.#world.capture.toPcapng();
  }

  /** Checks now what is checked again and again while time passes. */
  check(): void {
    for (const host of this.#hosts) host.sweep();
    for (const check of this.#invariants) check();
  }

  report(): SimulationReport {
    return {
      seed: this.seed,
      virtualMs: this.nowMs,
      events: this.#time.events,
      drains: this.#time.drains,
      faults: { ...this.#world.faults.toObject() },
      coverage: this.#world.coverage.toObject(),
    };
  }

  #addRouter(name: string, settings: RouterSettings, transparent: boolean): Router {
    const address = settings.address === undefined ? this.#routerAddress() : this.#parse(settings.address);
    const { icmp = true } = settings;
    const random = this.#randomFor(`router ${name}`);
    const router = new Router(name, this.#world, this.#topology, { address, transparent, icmp, random });
    this.#topology.add(router);
    return router;
  }

  #parse(text: string): Address {
    const parsed = parsePrefix(text);
    if (parsed === null) throw new RangeError(`"${text}" is no address`);
    return parsed.address;
  }

  #routerAddress(): Address {
    return toAddress(FIRST_ROUTER_ADDRESS + this.#routers++);
  }

  #randomFor(label: string): Random {
    const high = Math.floor(this.seed / 0x1_0000_0000);
    return new SeededRandom(((this.seed ^ hashOf(label)) >>> 0) + high * 0x1_0000_0000);
  }

  #ledger(sender: string, receiver: string, iss: number): StreamLedger {
    const key = `${sender} > ${receiver} ${String(iss)}`;
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      ledger = new StreamLedger(`${sender} > ${receiver}`, (text) => {
        this.#fail(text);
      });
      this.#ledgers.set(key, ledger);
    }
    return ledger;
  }

  #passing(toUs: number): void {
    const { limitMs = 86_400_000 } = this.#options;
    if (toUs > limitMs * 1000) this.#fail(`the program has not ended within ${String(limitMs)} ms of virtual time`);
    if (toUs - this.#sweptUs < SWEEP_US) return;
    this.#sweptUs = toUs;
    this.check();
  }

  /** Told, not thrown: between here and the loop stand the stack and the application, which catch what is thrown. */
  #fail(text: string): void {
    this.#listener.failed(new ViolatedInvariant(text));
  }
}
