import { type Address, ANY_ADDRESS } from "../base/address.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import type { Random } from "../base/random.ts";
import { RX_ROWS } from "../base/rx-batch.ts";
import { type Seq, seqAdd, toSeq } from "../base/seq.ts";
import { newSipKey } from "../base/siphash.ts";
import { TimerWheel } from "../base/timer-wheel.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import type { Ipv4 } from "../ipv4/ipv4.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { TcpConnection } from "../tcp/connection.ts";
import { type FourTuple, TcpContext, type TcpHost, type TcpNetwork } from "../tcp/context.ts";
import type { TcpCounters } from "../tcp/counters.ts";
import type { TcpSocket } from "../tcp/handler.ts";
import type { TcpListener } from "../tcp/listener.ts";
import { unreachable } from "../tcp/icmp-errors.ts";
import { pathMtuLowered } from "../tcp/path-mtu.ts";
import { ListeningSocket } from "../tcp/listening-socket.ts";
import { openActively } from "../tcp/open-call.ts";
import { RateLimit } from "../tcp/rate-limit.ts";
import { reopens } from "../tcp/segment-arrives.ts";
import { closedInOrder, notifyOwner } from "../tcp/state-change.ts";
import { SYN_SENT, TIME_WAIT } from "../tcp/states.ts";
import { LINGERS, type TcpPath } from "../tcp/tcb.ts";
import {
  CODE_FRAGMENTATION_NEEDED,
  CODE_NETWORK,
  CODE_PORT,
  CODE_PROTOCOL,
  type IcmpError,
  TYPE_UNREACHABLE,
} from "../wire/icmp.ts";
import { type Datagram, PROTOCOL_TCP, pseudoHeaderSum } from "../wire/ipv4.ts";
import { ACK, RST, Segment } from "../wire/segment.ts";
import { parseSegment } from "../wire/tcp.ts";
import { EphemeralPorts } from "./ephemeral-ports.ts";
import { BURST_MAX, FourTupleTable, KEY_WORDS, portPair } from "./four-tuple-table.ts";
import type { Links } from "./links.ts";
import { ANY_PORT, ListenerTable } from "./listener-table.ts";
import { ReadyList } from "./ready-list.ts";
import { StatelessReplies } from "./stateless-replies.ts";
import { SynArrivals, type SynHost } from "./syn-arrivals.ts";
import { SynCookies } from "./syn-cookies.ts";
import type { ConnectRequest, ListenRequest, TcpRefusal, TcpService } from "./tcp-service.ts";

const NO_SEQ = 0 as Seq;
/** The four-tuple of a segment that has arrived, as the side that received it sees it. */
class ArrivedTuple implements FourTuple {
  local = ANY_ADDRESS;
  remote = ANY_ADDRESS;
  localPort = 0;
  remotePort = 0;
}

/**
 * All of a stack's TCP: which connection or listener a segment belongs to, and whose turn it is to send.
 *
 * A batch's segments are read first, looked up together, then processed in order. Demultiplexing, RFC 9293 §3.10.7: the
 * exact four-tuple; else, for a SYN, the listener by its exact address, then by wildcard; else RST.
 */
export class TcpLayer implements TcpHost, TcpService {
  readonly counters: TcpCounters;
  readonly #clock: Clock;
  readonly #config: TcpConfig;
  readonly #ipv4: Ipv4;
  readonly #links: Links;
  readonly #faulted: (error: unknown, connection: TcpConnection | null) => void;
  readonly #wake: () => void;
  readonly refreshClock: () => void;
  readonly #context: TcpContext;
  readonly #network: TcpNetwork;
  readonly #table: FourTupleTable;
  readonly #connections: (TcpConnection | null)[] = [];
  readonly #listeners = new ListenerTable<ListeningSocket>();
  readonly #wheel: TimerWheel;
  readonly #ports: EphemeralPorts;
  readonly #resetLimit: RateLimit;
  readonly #ready: ReadyList[] = [];
  readonly #replies: StatelessReplies[] = [];
  readonly #syns: SynArrivals;
  #toNotify: TcpConnection[] = [];
  #lingering = 0;

  /** The batch being read: segment `i` came from `#sources[i]` to `#destinations[i]`. */
  readonly #segments: Segment[] = Array.from({ length: RX_ROWS }, () => new Segment());
  readonly #keys = new Int32Array(BURST_MAX * KEY_WORDS);
  #queued = 0;
  readonly #tuple = new ArrivedTuple();

  constructor(options: {
    clock: Clock;
    random: Random;
    config: TcpConfig;
    memory: MemoryBudget;
    counters: TcpCounters;
    ipv4: Ipv4;
    links: Links;
    /** Something threw while `connection` was served: our own broken invariant, or the application's handler. */
    faulted: (error: unknown, connection: TcpConnection | null) => void;
    /** There is something to send, and no turn is running perhaps. */
    wake: () => void;
    refreshClock: () => void;
  }) {
    this.#clock = options.clock;
    this.#config = options.config;
    this.counters = options.counters;
    this.#ipv4 = options.ipv4;
    this.#links = options.links;
    this.#faulted = options.faulted;
    this.#wake = options.wake;
    this.refreshClock = options.refreshClock;
    this.#network = {
      pseudoSum: (local, remote, length) => pseudoHeaderSum(local, remote, PROTOCOL_TCP, length),
      seal: (tx, row, local, remote, ttl, trafficClass) => {
        this.#ipv4.finish(tx, row, local, remote, PROTOCOL_TCP, ttl, trafficClass, true);
      },
    };
    this.#context = new TcpContext({
      clock: options.clock,
      config: options.config,
      memory: options.memory,
      counters: options.counters,
      network: this.#network,
      host: this,
      secret: newSipKey(options.random),
    });
    assert(RX_ROWS <= BURST_MAX, "a batch is looked up in one burst");
    this.#table = new FourTupleTable(options.random, options.config.connectionsMax);
    this.#wheel = new TimerWheel(options.clock.nowMs);
    this.#ports = new EphemeralPorts(options.random);
    const layer: SynHost = {
      make: (tuple) => this.#make(tuple),
      reset: (tuple, seq, ack, flags) => {
        this.reset(tuple, seq, ack, flags);
      },
      statelessReplies: (link) => this.#statelessReplies(link),
      wake: options.wake,
      refreshClock: options.refreshClock,
    };
    const cookies = new SynCookies(options.clock, newSipKey(options.random));
    this.#syns = new SynArrivals(layer, options, this.#context, cookies);
    this.#resetLimit = new RateLimit(options.clock, options.config.resetsPerSecond);
  }

  get size(): number {
    return this.#table.size;
  }
  /** Connections that still have something to do: all but those in TIME-WAIT. */
  get active(): number {
    return this.#table.size - this.#lingering;
  }
  get lingering(): number {
    return this.#lingering;
  }

  // In: RFC 9293 §3.10.7.

  /** Reads the segment in `datagram`; it is processed by the next `process`. Precondition: fewer than `RX_ROWS` are waiting. */
  enqueue(datagram: Datagram): void {
    const { source, destination, frame, payloadAt, end } = datagram;
    const i = this.#queued;
    const seg = this.#segments[i];
    this.counters.inSegs++;
    const pseudoSum = datagram.vouched ? -1 : pseudoHeaderSum(source, destination, PROTOCOL_TCP, end - payloadAt);
    if (parseSegment(frame, payloadAt, end, pseudoSum, seg) !== "ok") {
      this.counters.inErrs++;
      return;
    }
    seg.gsoSize = datagram.gsoSize;
    seg.ecn = datagram.tos & 3;
    this.#keys[i * KEY_WORDS] = destination;
    this.#keys[i * KEY_WORDS + 1] = source;
    this.#keys[i * KEY_WORDS + 2] = portPair(seg.dstPort, seg.srcPort);
    this.#queued++;
  }

  /** Looks all enqueued segments up together, then takes them in one by one. */
  process(): void {
    const count = this.#queued;
    if (count === 0) return;
    this.#queued = 0;
    this.#table.findBurst(this.#keys, count);
    const version = this.#table.version;
    for (let i = 0; i < count; i++) {
      const seg = this.#segments[i];
      const tuple = this.#tuple;
      tuple.local = this.#keys[i * KEY_WORDS] as Address;
      tuple.remote = this.#keys[i * KEY_WORDS + 1] as Address;
      tuple.localPort = seg.dstPort;
      tuple.remotePort = seg.srcPort;
      let id = this.#table.found(i);
      // A burst's look-up is a hint once the table has changed: what was found may be gone, what was not may be there.
      if (this.#table.version !== version) id = this.#find(tuple);
      this.#dispatch(id, tuple, seg);
    }
  }

  #find(tuple: FourTuple): number {
    return this.#table.find(tuple.local, tuple.localPort, tuple.remote, tuple.remotePort);
  }

  #dispatch(id: number, tuple: FourTuple, seg: Segment): void {
    const connection = id < 0 ? null : this.#connections[id];
    try {
      if (connection === null) this.#arrivesUnowned(tuple, seg);
      else if (connection.state === TIME_WAIT && reopens(connection, seg)) this.#reopen(connection, tuple, seg);
      else connection.arrives(seg);
    } catch (error) {
      this.#faulted(error, connection);
    }
  }

  /** No connection has this four-tuple: LISTEN (§3.10.7.2) where somebody listens, CLOSED (§3.10.7.1) otherwise. */
  #arrivesUnowned(tuple: FourTuple, seg: Segment): void {
    if (seg.rst) return;
    const listener = this.#listeners.find(tuple.local, tuple.localPort);
    if (listener !== null && !seg.acks) {
      if (seg.syn) this.#syns.arrives(listener, tuple, seg, null);
      return; // §3.10.7.2, fourth: whatever else is not to be answered.
    }
    if (listener !== null && this.#syns.cookieReturns(listener, tuple, seg)) return;
    if (!this.#resetLimit.take()) {
      this.counters.outRstsSuppressed++;
      return;
    }
    if (seg.acks) this.reset(tuple, seg.ack, NO_SEQ, RST);
    else this.reset(tuple, NO_SEQ, seqAdd(seg.seq, seg.len), RST | ACK);
  }

  /** A SYN for a four-tuple that lingers in TIME-WAIT begins a new connection: RFC 9293 MAY-2. */
  #reopen(old: TcpConnection, tuple: FourTuple, seg: Segment): void {
    const listener = this.#listeners.find(tuple.local, tuple.localPort);
    if (!listener?.takesSyns) return old.arrives(seg);
    closedInOrder(old);
    this.#syns.arrives(listener, tuple, seg, old);
  }

  /** RFC 9293 MUST-54: an ICMP error goes to the connection whose segment it quotes. */
  icmpError(error: IcmpError): void {
    const { frame, quotedAt, quotedSource: local, quotedDestination: remote } = error;
    const localPort = frame.view.getUint16(quotedAt);
    const id = this.#table.find(local, localPort, remote, frame.view.getUint16(quotedAt + 2));
    const connection = id < 0 ? null : this.#connections[id];
    if (connection === null) return;
    const quoted = toSeq(frame.view.getInt32(quotedAt + 4));
    if (error.type !== TYPE_UNREACHABLE) return unreachable(connection, quoted, "EHOSTUNREACH", false);
    switch (error.code) {
      case CODE_FRAGMENTATION_NEEDED:
        return pathMtuLowered(connection, quoted, error.mtu);
      case CODE_PROTOCOL:
      case CODE_PORT:
        return unreachable(connection, quoted, "ECONNREFUSED", true);
      case CODE_NETWORK:
        return unreachable(connection, quoted, "ENETUNREACH", false);
      default:
        return unreachable(connection, quoted, "EHOSTUNREACH", false);
    }
  }

  // Making and ending connections.

  #make(tuple: FourTuple): TcpConnection | null {
    const { remote } = tuple;
    const route = this.#ipv4.routes.lookup(remote);
    if (route === null) return null;
    const id = this.#table.insert(tuple.local, tuple.localPort, remote, tuple.remotePort);
    if (id < 0) {
      this.counters.connectionsRefused++;
      return null;
    }
    const path: TcpPath = this.#links.path(route.link);
    const connection = new TcpConnection(this.#context, id, path, tuple);
    while (this.#connections.length <= id) this.#connections.push(null);
    this.#connections[id] = connection;
    return connection;
  }

  listen(request: ListenRequest): TcpListener | TcpRefusal {
    const { address, backlog, handler } = request;
    if (address !== ANY_ADDRESS && !this.#ipv4.routes.isLocal(address)) return "EADDRNOTAVAIL";
    const anyPort = request.port < 0;
    const port = anyPort ? ANY_PORT : request.port === 0 ? this.#freePort(address) : request.port;
    if (port === -1) return "EADDRINUSE";
    const listener = new ListeningSocket({ address, port, backlog: Math.max(1, backlog) }, handler, () => {
      this.#listeners.remove(address, port);
    });
    return this.#listeners.add(address, port, listener) ? listener : "EADDRINUSE";
  }

  #freePort(address: Address): number {
    return this.#ports.choose(address, ANY_ADDRESS, 0, (port) => this.#listeners.get(address, port) === null);
  }

  connect(request: ConnectRequest): TcpSocket | TcpRefusal {
    this.refreshClock();
    const { address: remote, port: remotePort, handler } = request;
    const route = this.#ipv4.routes.lookup(remote);
    if (route === null) return "ENETUNREACH";
    if (route.broadcast || remotePort <= 0) return "EINVAL"; // RFC 9293 MUST-46.
    const local = request.localAddress === ANY_ADDRESS ? route.source : request.localAddress; // MUST-44.
    if (!this.#ipv4.routes.isLocal(local)) return "EADDRNOTAVAIL";
    const isFree = (port: number): boolean =>
      this.#table.find(local, port, remote, remotePort) < 0 &&
      this.#listeners.get(local, port) === null &&
      this.#listeners.get(ANY_ADDRESS, port) === null;
    const wanted = request.localPort;
    const localPort = wanted === 0 ? this.#ports.choose(local, remote, remotePort, isFree) : wanted;
    if (localPort < 0) return "EADDRNOTAVAIL";
    if (this.#table.find(local, localPort, remote, remotePort) >= 0) return "EADDRINUSE";
    const connection = this.#make({ local, localPort, remote, remotePort });
    if (connection === null) return "ENOBUFS";
    openActively(connection, handler);
    return connection;
  }

  *connections(): Iterable<TcpSocket> {
    for (const connection of this.#connections) if (connection !== null) yield connection;
  }

  listeners(): Iterable<TcpListener> {
    return this.#listeners;
  }

  // TcpHost: what connections ask for.

  ready(connection: TcpConnection): void {
    this.#readyList(connection.path.link).add(connection);
    this.#wake();
  }

  arm(connection: TcpConnection, deadlineMs: number): void {
    this.#wheel.arm(connection.id, deadlineMs);
    this.#wake();
  }

  notify(connection: TcpConnection): void {
    this.#toNotify.push(connection);
    this.#wake();
  }

  lingers(connection: TcpConnection): boolean {
    if (this.#lingering >= this.#config.timeWaitMax) return false;
    this.#lingering++;
    connection.set(LINGERS);
    return true;
  }

  reset(tuple: FourTuple, seq: Seq, ack: Seq, flags: number): void {
    const route = this.#ipv4.routes.lookup(tuple.remote);
    if (route === null) return;
    if (this.#statelessReplies(route.link).reset(tuple, seq, ack, flags)) this.counters.outRsts++;
    else this.counters.outRstsSuppressed++;
    this.#wake();
  }

  released(connection: TcpConnection): void {
    const { id } = connection;
    if (connection.has(LINGERS)) this.#lingering--;
    this.#wheel.cancel(id);
    this.#table.remove(id);
    this.#connections[id] = null;
    connection.id = -1;
  }

  // Time and output.

  /** Calls the owners that wait for `readable`. */
  notifyOwners(): void {
    while (this.#toNotify.length > 0) {
      const batch = this.#toNotify;
      this.#toNotify = [];
      for (const connection of batch) {
        try {
          notifyOwner(connection);
        } catch (error) {
          this.#faulted(error, connection);
        }
      }
    }
  }

  /** Serves every timer that is due. */
  expire(): void {
    this.#wheel.advance(this.#clock.nowMs, this.#fire);
  }

  readonly #fire = (id: number): void => {
    const connection = this.#connections[id];
    if (connection === null) return;
    try {
      connection.onTimer();
    } catch (error) {
      this.#faulted(error, connection);
    }
  };

  /** In ms from now, `Infinity` for never. */
  nextDelayMs(): number {
    const deadline = this.#wheel.nextDeadlineMs();
    return deadline === Infinity ? Infinity : Math.max(0, (deadline - this.#clock.nowMs) | 0);
  }

  hasOutput(link: number): boolean {
    return this.#statelessReplies(link).length > 0 || this.#readyList(link).length > 0;
  }

  output(tx: TxBatch, link: number): void {
    this.counters.outSegs += this.#statelessReplies(link).output(tx, this.#network);
    this.#readyList(link).serve(tx);
  }

  /** The stack ends: no more SYNs, and every connection is asked to close in order. */
  beginClose(): void {
    for (const listener of [...this.#listeners]) listener.closeByStack();
    for (const connection of this.#connections)
      if (connection !== null && connection.state >= SYN_SENT) connection.end();
  }

  /** Resets whatever is left. */
  abortAll(): void {
    for (const connection of this.#connections) connection?.abort();
  }

  #readyList(link: number): ReadyList {
    return (this.#ready[link] ??= new ReadyList());
  }
  #statelessReplies(link: number): StatelessReplies {
    return (this.#replies[link] ??= new StatelessReplies());
  }
}
