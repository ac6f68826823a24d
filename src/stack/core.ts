import { Clock } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory-budget.ts";
import type { Random } from "../base/random.ts";
import type { RxBatch } from "../base/rx-batch.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import { Icmp } from "../icmp/icmp.ts";
import { DELIVER, Ipv4 } from "../ipv4/ipv4.ts";
import { Routes } from "../ipv4/routes.ts";
import { type TcpConfig, tcpConfig } from "../tcp/config.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import { TcpCounters } from "../tcp/counters.ts";
import { type DropCounters, newDropCounters } from "../wire/drop-reason.ts";
import { CODE_PORT, CODE_PROTOCOL, type IcmpError } from "../wire/icmp.ts";
import { Datagram, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/ipv4.ts";
import { parseUdp, UdpDatagram } from "../wire/udp.ts";
import { Links } from "./links.ts";
import { TcpLayer } from "./tcp-layer.ts";

/** What a stack keeps for its peers at most, in octets, unless it is told otherwise. */
export const MEMORY_MAX = 256 << 20;

/** What a core tells whoever drives it. */
export interface CoreEvents {
  /** Something threw while a connection was served: a broken invariant, or the application's handler. */
  faulted(error: unknown, connection: TcpConnection | null): void;
  /** There is something to send or a new deadline, although no turn is running perhaps. */
  wake(): void;
  /** Brings the clock up to date where no turn is running: the application has called. */
  refreshClock(): void;
}

/**
 * The whole host without its devices and its clock's motion: octets and time in, octets and a deadline out. Whoever
 * drives it sets `clock.nowUs`, gives it what has arrived (`input`), lets time act (`expire`), lets the owners read
 * (`notifyOwners`), then takes what is to be sent (`output`).
 */
export class StackCore {
  readonly clock = new Clock();
  /** What peers may make the stack keep, all layers together. */
  readonly memory: MemoryBudget;
  readonly links = new Links();
  readonly routes = new Routes();
  readonly drops: DropCounters = newDropCounters();
  readonly tcpCounters = new TcpCounters();
  readonly ipv4: Ipv4;
  readonly icmp: Icmp;
  readonly tcp: TcpLayer;
  readonly #datagram = new Datagram();
  readonly #udp = new UdpDatagram();

  constructor(options: {
    random: Random;
    events: CoreEvents;
    tcp?: Partial<TcpConfig>;
    /** Octets, `MEMORY_MAX` by default. */
    memoryMax?: number;
    startUs?: number;
  }) {
    const { random, events, memoryMax = MEMORY_MAX } = options;
    const { clock, routes, drops } = this;
    clock.nowUs = options.startUs ?? 0;
    this.memory = new MemoryBudget(memoryMax);
    const { memory } = this;
    this.ipv4 = new Ipv4({ clock, random, routes, drops, memory });
    this.icmp = new Icmp({
      clock,
      random,
      network: this.ipv4,
      drops,
      hooks: {
        onError: (error) => {
          this.#icmpError(error);
        },
      },
    });
    this.ipv4.errors = this.icmp;
    this.tcp = new TcpLayer({
      clock,
      random,
      config: tcpConfig(options.tcp ?? {}),
      memory,
      counters: this.tcpCounters,
      ipv4: this.ipv4,
      links: this.links,
      faulted: (error, connection) => {
        events.faulted(error, connection);
      },
      wake: () => {
        events.wake();
      },
      refreshClock: () => {
        events.refreshClock();
      },
    });
  }

  /** Takes in what has arrived on `link`. Never throws: what is malformed is counted and dropped. */
  input(rx: RxBatch, link: number): void {
    const datagram = this.#datagram;
    for (let row = 0; row < rx.rows; row++) {
      const vouched = rx.vouched[row] === 1;
      const verdict = this.ipv4.receive(rx.frame, rx.at[row], rx.end[row], link, vouched, rx.gsoSize[row], datagram);
      if (verdict === DELIVER) this.#deliver(datagram);
    }
    this.tcp.process();
  }

  #deliver(datagram: Datagram): void {
    switch (datagram.protocol) {
      case PROTOCOL_TCP:
        if (datagram.toHost) this.tcp.enqueue(datagram); // RFC 9293 MUST-57: silence to broadcast and multicast.
        return;
      case PROTOCOL_ICMP:
        return this.icmp.input(datagram);
      case PROTOCOL_UDP: {
        const verdict = parseUdp(datagram, this.#udp);
        if (verdict === "ok") this.icmp.sendUnreachable(datagram, CODE_PORT);
        else this.drops[verdict]++;
        return;
      }
      default:
        this.ipv4.counters.inUnknownProtos++;
        this.icmp.sendUnreachable(datagram, CODE_PROTOCOL);
    }
  }

  #icmpError(error: IcmpError): void {
    if (error.quotedProtocol === PROTOCOL_TCP) this.tcp.icmpError(error);
  }

  /** Lets time act up to the clock's now. */
  expire(): void {
    this.ipv4.expire();
    this.tcp.expire();
  }

  notifyOwners(): void {
    this.tcp.notifyOwners();
  }

  hasOutput(link: number): boolean {
    return this.icmp.hasOutput(link) || this.tcp.hasOutput(link);
  }

  /** Adds rows for `link` until `tx` is full or nothing is due. */
  output(tx: TxBatch, link: number): void {
    this.icmp.output(tx, link);
    this.tcp.output(tx, link);
  }

  /** When `expire` wants a call if nothing arrives, in ms from now; `Infinity` for never. */
  nextDelayMs(): number {
    const reassembly = this.ipv4.nextDeadlineMs() - this.clock.nowUs / 1000;
    return Math.max(0, Math.min(reassembly, this.tcp.nextDelayMs()));
  }
}
