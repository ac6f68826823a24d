import { ANY_ADDRESS, formatAddress, type Address } from "../../src/base/address.ts";
import { parseAddress } from "../../src/sockets/address-text.ts";
import type {
  ConnectRequest,
  ListenRequest,
  PendingSyn,
  TcpFailure,
  TcpHandler,
  TcpInfo,
  TcpListener,
  TcpRefusal,
  TcpService,
  TcpSettings,
  TcpSocket,
  TcpStateName,
} from "../../src/stack/tcp-service.ts";

/** Sizes in octets: small, so that tests meet the bounds soon. */
export const HIGH_WATER = 32 * 1024;
export const RECEIVE_WINDOW = 64 * 1024;
const SEGMENT = 16 * 1024;

/** What a flow of segments costs in turns: each task runs in a turn of the event loop of its own, in order. */
export class Wire {
  readonly #tasks: (() => void)[] = [];
  #armed = false;

  send(task: () => void): void {
    this.#tasks.push(task);
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#armed = false;
    for (const task of this.#tasks.splice(0)) task();
  }
}

interface End {
  readonly address: string;
  readonly port: number;
}

/** One end of a connection in memory, with the bounds and the duties of the real one. */
export class FakeConnection implements TcpSocket {
  handler: TcpHandler = {};
  context: unknown = null;
  bytesRead = 0;
  bytesWritten = 0;
  queuedOctets = 0;
  retained = 0;
  noDelay = false;
  keepAlive: TcpSettings["keepAlive"] = false;
  stateName: TcpStateName = "SYN-SENT";
  peer: FakeConnection | null = null;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #wire: Wire;
  readonly #unsent: Uint8Array[] = [];
  readonly #unread: Uint8Array[] = [];
  #unreadOctets = 0;
  #finQueued = false;
  #finDelivered = false;
  #finArrived = false;
  #endTold = false;
  #wantsDrain = false;
  #paused = false;
  #deaf = false;
  #dead = false;

  constructor(wire: Wire, local: End, remote: End) {
    this.#wire = wire;
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
  }

  get dead(): boolean {
    return this.#dead;
  }
  get readEnded(): boolean {
    return this.#finArrived && this.#unread.length === 0;
  }

  send(whole: Uint8Array, start = 0, end = whole.length): boolean {
    if (this.#dead || this.#finQueued) return false;
    const octets = whole.subarray(start, end);
    this.bytesWritten += octets.length;
    this.queuedOctets += octets.length;
    this.#unsent.push(octets);
    this.#wire.send(() => this.#transmit());
    if (this.queuedOctets < HIGH_WATER) return true;
    this.#wantsDrain = true;
    return false;
  }
  get sendRoom(): number {
    return Math.max(0, HIGH_WATER - this.queuedOctets);
  }
  retain(octets: number): void {
    this.retained = octets;
  }
  readonly urgentAhead = 0;
  sendUrgent(octets: Uint8Array): boolean {
    return this.send(octets);
  }
  sendCopy(octets: Uint8Array): boolean {
    return this.send(new Uint8Array(octets));
  }
  end(): void {
    if (this.#dead || this.#finQueued) return;
    this.#finQueued = true;
    this.#wire.send(() => this.#transmit());
  }
  close(): void {
    if (this.#dead) return;
    if (this.stateName === "SYN-SENT") return this.fail(null);
    if (this.#unread.length > 0) return this.abort();
    this.#deaf = true;
    this.end();
  }
  abort(): void {
    if (this.#dead) return;
    const { peer } = this;
    this.#wire.send(() => peer?.fail("ECONNRESET"));
    this.fail("ECONNABORTED");
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
    this.#wire.send(() => this.#tell());
  }
  read(): Uint8Array | null {
    const chunk = this.#unread.shift() ?? null;
    if (chunk === null) return null;
    this.#unreadOctets -= chunk.length;
    this.bytesRead += chunk.length;
    const { peer } = this;
    if (peer !== null) this.#wire.send(() => peer.#transmit());
    return chunk;
  }
  setNoDelay(noDelay: boolean): void {
    this.noDelay = noDelay;
  }
  configure(settings: TcpSettings): void {
    this.noDelay = settings.noDelay ?? this.noDelay;
    this.keepAlive = settings.keepAlive ?? this.keepAlive;
  }
  info(): TcpInfo {
    return {
      state: this.stateName,
      options: { timestamps: true, sack: true, windowScale: true },
      sndWscale: 0,
      rcvWscale: 0,
      sndMss: SEGMENT,
      rttMs: 0,
      rttvarMs: 0,
      rtoMs: 200,
      cwnd: RECEIVE_WINDOW,
      ssthresh: Infinity,
      sndWnd: RECEIVE_WINDOW,
      rcvWnd: RECEIVE_WINDOW - this.#unreadOctets,
      unacked: 0,
      notSent: this.queuedOctets,
      unread: this.#unreadOctets,
      outOfOrder: 0,
      retransmits: 0,
      totalRetrans: 0,
    };
  }

  /** ESTABLISHED, on the side that asked for it. */
  opened(): void {
    if (this.#dead) return;
    this.stateName = "ESTABLISHED";
    this.handler.open?.(this);
  }
  /** The end of it, as the network or the other side brings it. */
  fail(failure: TcpFailure | null): void {
    if (this.#dead) return;
    this.#dead = true;
    this.stateName = "CLOSED";
    this.handler.close?.(this, failure);
  }

  #transmit(): void {
    const { peer } = this;
    if (peer === null || this.#dead) return;
    while (this.#unsent.length > 0 && peer.#unreadOctets < RECEIVE_WINDOW) this.#transmitOne(peer);
    if (this.#wantsDrain && this.queuedOctets <= HIGH_WATER / 2) {
      this.#wantsDrain = false;
      this.handler.drain?.(this);
    }
    if (!this.#finQueued || this.#finDelivered || this.#unsent.length > 0) return;
    this.#finDelivered = true;
    peer.#finArrived = true;
    peer.#tell();
    this.#finishIfClosed();
    peer.#finishIfClosed();
  }

  #transmitOne(peer: FakeConnection): void {
    const [first] = this.#unsent;
    const segment = new Uint8Array(first.subarray(0, SEGMENT));
    if (segment.length === first.length) this.#unsent.shift();
    else this.#unsent[0] = first.subarray(segment.length);
    this.queuedOctets -= segment.length;
    if (peer.#deaf || peer.#dead) {
      this.#wire.send(() => this.fail("ECONNRESET"));
      return;
    }
    peer.#unread.push(segment);
    peer.#unreadOctets += segment.length;
    peer.#tell();
  }

  #tell(): void {
    if (this.#dead || this.#paused) return;
    if (this.handler.data === undefined) {
      if (this.#unread.length > 0 || this.#finArrived) this.handler.readable?.(this);
      return;
    }
    for (let chunk = this.read(); chunk !== null; chunk = this.read()) {
      this.handler.data(this, chunk, 0, chunk.length);
      chunk.fill(0xaa); // Lent: what is kept beyond the call is spoilt.
    }
    if (!this.#finArrived || this.#endTold) return;
    this.#endTold = true;
    this.handler.end?.(this);
  }

  #finishIfClosed(): void {
    if (this.#finDelivered && this.#finArrived) this.fail(null);
  }
}

class FakeListener implements TcpListener {
  readonly synQueueLength = 0;
  readonly acceptQueueLength = 0;
  readonly address: Address;
  readonly port: number;
  readonly backlog: number;
  readonly handler: ListenRequest["handler"];
  readonly #closed: () => void;

  constructor(request: ListenRequest, port: number, closed: () => void) {
    this.address = request.address;
    this.port = port;
    this.backlog = request.backlog;
    this.handler = request.handler;
    this.#closed = closed;
  }
  pause(): void {}
  resume(): void {}
  close(): void {
    this.#closed();
  }
}

/** A stack of one's own without a network: connections between its own sockets, 127.0.0.1 and 198.18.0.2. */
export class FakeService implements TcpService {
  readonly #wire = new Wire();
  readonly #listeners = new Map<string, FakeListener>();
  readonly #connections: FakeConnection[] = [];
  #nextPort = 49_152;

  listen(request: ListenRequest): TcpListener | TcpRefusal {
    if (request.address !== ANY_ADDRESS && !this.#owns(request.address)) return "EADDRNOTAVAIL";
    const port = request.port === 0 ? this.#nextPort++ : request.port;
    const key = `${request.address}:${port}`;
    if (this.#listeners.has(key)) return "EADDRINUSE";
    const listener = new FakeListener(request, port, () => this.#listeners.delete(key));
    this.#listeners.set(key, listener);
    return listener;
  }

  connect(request: ConnectRequest): TcpSocket | TcpRefusal {
    const { address, port } = request;
    if (address >>> 24 === 10) return "ENETUNREACH";
    const local = { address: formatAddress(address), port: request.localPort || this.#nextPort++ };
    const remote = { address: formatAddress(address), port };
    const ours = new FakeConnection(this.#wire, local, remote);
    ours.handler = request.handler;
    this.#connections.push(ours);
    this.#wire.send(() => this.#synArrives(ours, address));
    return ours;
  }

  /** As a stack that is closed under its listeners. */
  closeListeners(): void {
    for (const [key, listener] of this.#listeners) {
      this.#listeners.delete(key);
      listener.handler.closed?.();
    }
  }

  connections(): Iterable<FakeConnection> {
    return this.#connections.filter((connection) => !connection.dead);
  }
  listeners(): Iterable<TcpListener> {
    return this.#listeners.values();
  }

  #owns(address: Address): boolean {
    return address === parseAddress("127.0.0.1") || address === parseAddress("198.18.0.2");
  }

  #synArrives(ours: FakeConnection, address: Address): void {
    const keys = [`${address}:${ours.remotePort}`, `0:${ours.remotePort}`, "0:-1"];
    const listener = keys.map((key) => this.#listeners.get(key)).find((found) => found !== undefined);
    if (ours.dead) return;
    if (listener === undefined) return ours.fail("ECONNREFUSED");
    const decide: PendingSyn["decide"] = (verdict) => {
      if (verdict === "accept") this.#establish(ours, listener);
      else if (verdict === "refuse") ours.fail("ECONNREFUSED");
    };
    const from = parseAddress(ours.localAddress) as Address;
    const pending = {
      localAddress: address,
      localPort: ours.remotePort,
      remoteAddress: from,
      remotePort: ours.localPort,
    };
    const verdict = listener.handler.syn?.({ ...pending, decide }) ?? "accept";
    if (verdict !== "later") decide(verdict);
  }

  #establish(ours: FakeConnection, listener: FakeListener): void {
    const theirs = new FakeConnection(
      this.#wire,
      { address: ours.remoteAddress, port: ours.remotePort },
      { address: ours.localAddress, port: ours.localPort },
    );
    this.#connections.push(theirs);
    ours.peer = theirs;
    theirs.peer = ours;
    theirs.stateName = "ESTABLISHED";
    ours.opened();
    this.#wire.send(() => {
      listener.handler.accept(theirs);
      // What came before there was a handler is told now.
      theirs.resume();
    });
  }
}
