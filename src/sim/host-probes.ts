import type { TcpContext } from "../tcp/context.ts";
import { TcpConnection } from "../tcp/connection.ts";
import type { TcpSocket } from "../tcp/handler.ts";
import { CLOSED } from "../tcp/states.ts";
import type { Tcp } from "../sockets/tcp.ts";
import { ConnectionProbe, type ProbeWorld } from "./connection-probe.ts";

/** Probes of connections that have ended stay until there are this many more than of live ones. */
const ENDED_MAX = 64;

/** The probes of all connections of one host's life. */
export class HostProbes {
  readonly #tcp: Tcp;
  readonly #behind: ProbeWorld;
  readonly #seen = new WeakSet<TcpSocket>();
  #probes: ConnectionProbe[] = [];
  #context: TcpContext | null = null;
  #opens = -1;

  constructor(tcp: Tcp, behind: ProbeWorld) {
    this.#tcp = tcp;
    this.#behind = behind;
    // A caller may send at once, before the loop has looked for new connections.
    const connect = tcp.connect.bind(tcp);
    tcp.connect = (options) => {
      const connection = connect(options);
      this.#watch(connection);
      return connection;
    };
  }

  /** Live connections, and those that ended not long ago. */
  get probes(): readonly ConnectionProbe[] {
    return this.#probes;
  }
  /** Octets that the stack's connections keep now. */
  get memory(): number {
    if (this.#context === null) return 0;
    const { receive, outOfOrder, send } = this.#context.memory;
    return receive + outOfOrder + send;
  }

  /** Looks for connections that are new. Called behind every turn of the host, so it is cheap where there are none. */
  discover(): void {
    const opens = this.#context === null ? 0 : this.#context.counters.activeOpens + this.#context.counters.passiveOpens;
    if (opens === this.#opens) return;
    for (const connection of this.#tcp.connections()) this.#watch(connection);
    if (this.#context === null) return;
    this.#opens = this.#context.counters.activeOpens + this.#context.counters.passiveOpens;
    // Its listener was asked perhaps.
    this.#behind.world.touched();
  }

  /** Looks at all of them; those that have ended are forgotten. */
  sweep(): void {
    let ended = 0;
    for (const probe of this.#probes) {
      probe.sweep();
      if (probe.connection.state === CLOSED) ended++;
    }
    if (ended > ENDED_MAX + this.#probes.length / 2) {
      this.#probes = this.#probes.filter((probe) => probe.connection.state !== CLOSED);
    }
  }

  #watch(connection: TcpSocket): void {
    if (!(connection instanceof TcpConnection) || this.#seen.has(connection)) return;
    this.#seen.add(connection);
    this.#context = connection.tcp;
    this.#probes.push(new ConnectionProbe(connection, this.#behind));
  }
}
