import { addAbortSignal, Duplex } from "node:stream";

import { formatAddress, type Address } from "../base/address.ts";
import {
  checkSettings,
  type TcpFailure,
  type TcpHandler,
  type TcpInfo,
  type TcpSettings,
  type TcpSocket,
} from "../stack/tcp-service.ts";
import { parseAddress } from "./address-text.ts";
import { IdleTimer } from "./idle-timer.ts";
import { NetError, type NetPlace } from "./net-error.ts";
import { rethrowLater } from "./rethrow.ts";
import { resolveHost, type HostAnswer } from "./resolve-host.ts";
import {
  connectPlan,
  type ConnectArguments,
  type ConnectPlan,
  type SocketOptions,
  type SocketWorld,
} from "./socket-options.ts";
import { usageError } from "./usage-error.ts";
import { WriteSlices } from "./write-slices.ts";

type WriteCallback = (error?: Error | null) => void;

/** What an address call answers; empty before the connection is there, as in `node:net`. */
export interface AddressInfo {
  address: string;
  family: "IPv4";
  port: number;
}

/** Takes the place of a stream's handler when the stream is gone and the connection winds down by itself. */
const NO_HANDLER: TcpHandler = {};

interface KeepAliveWish {
  readonly idleMs: number;
}

/** The longest wait of a timer, in ms. */
const IDLE_MS_MAX = 0x7fff_ffff;

/** As the connection takes it. Like `node:net`, it takes any number: what is no delay stands for the default. */
const keepAliveWish = (enable: boolean, initialDelayMs: number): boolean | KeepAliveWish =>
  enable && initialDelayMs >= 1 ? { idleMs: Math.min(Math.trunc(initialDelayMs), IDLE_MS_MAX) } : enable;

/** `Duplex` is told that "close" comes from here, because it carries an argument. */
const duplexOptions = (options: SocketOptions) => ({
  allowHalfOpen: options.allowHalfOpen ?? false,
  emitClose: false,
  ...(options.highWaterMark === undefined ? {} : { highWaterMark: options.highWaterMark }),
});

/**
 * One TCP connection as a stream, in the shape of `net.Socket`: the same events, properties and errors.
 *
 * Writing: octets are copied once; the callback comes when the connection's send queue has taken the last of them and
 *   asks for more. `write` may be called at once after `connect`.
 * Reading: chunks are owned by the reader. A reader that pauses lets the receive window close; no octet is dropped.
 * Closing: `end` sends FIN after the data, `destroy` also forgets what is unread (which resets the connection where
 *   there is some, RFC 9293 §3.6.1 SHLD-3), `resetAndDestroy` resets at once. With the setting `lingerMs` "close" comes
 *   when the peer has acknowledged everything, or with `true` when that has failed or taken longer.
 *
 * Departs from `node:net`: there is no `onread`; errors of `read` and `write` carry the peer's address; `ref` and `unref`
 * change nothing, because the stack's device is what keeps a process alive.
 */
export class Socket extends Duplex {
  /** One for all sockets: a connection leads to its socket by `context`. */
  static readonly #handler: TcpHandler = {
    open: (connection) => Socket.#enter(connection, (socket) => socket.#opened()),
    readable: (connection) => Socket.#enter(connection, (socket) => socket.#arrived()),
    drain: (connection) => Socket.#enter(connection, (socket) => socket.#pump()),
    close: (connection, failure) => Socket.#enter(connection, (socket) => socket.#finished(failure)),
  };

  /** The server that accepted it, or null. `node:http` puts its own server here. */
  server: unknown = null;
  /** As set by `setTimeout`, in ms. */
  timeout: number | undefined = undefined;

  readonly #world: SocketWorld;
  readonly #released: (() => void) | undefined;
  #tcp: TcpSocket | null = null;
  #connecting = false;
  /** The connection has told its last: both sides closed, or it failed. */
  #over = false;
  /** Tells a look-up that comes back late that its socket was destroyed, or connected anew. */
  #attempt = 0;
  #place: NetPlace | undefined;
  #noDelay: boolean;
  #keepAlive: boolean | KeepAliveWish;
  #settings: TcpSettings;
  /** The reader has room: `_read` was called and `push` has not yet returned false. */
  #wanting = false;
  /** How often `_read` was called. */
  #asks = 0;
  #pulling = false;
  #eof = false;
  /** The write in progress, and what it calls when its last octet was taken. */
  #slices: WriteSlices | null = null;
  #written: WriteCallback | null = null;
  /** Octets of that write: counted in `#bytesTaken`, and by the stream too until it is done. */
  #inProgress = 0;
  #idle: IdleTimer | null = null;
  /** `queuedOctets` when the idle timer last looked: a peer that takes a long write slowly is not idle. */
  #queuedAtLook = 0;
  #bytesRead = 0;
  #bytesTaken = 0;
  #resetting = false;
  #closeEmitted = false;

  constructor(world: SocketWorld, options: SocketOptions) {
    super(duplexOptions(options));
    this.#world = world;
    this.#released = options.released;
    this.#noDelay = options.noDelay ?? false;
    this.#keepAlive = keepAliveWish(options.keepAlive ?? false, options.keepAliveInitialDelay ?? 0);
    this.#settings = options.settings ?? {};
    checkSettings(this.#settings);
    if (options.connection !== undefined) this.#adopt(options.connection, options.pauseOnCreate ?? false);
    // Last, because a signal that is aborted already destroys the socket here.
    if (options.signal !== undefined) addAbortSignal(options.signal, this);
  }

  static #enter(connection: TcpSocket, act: (socket: Socket) => void): void {
    const socket = connection.context;
    if (!(socket instanceof Socket)) return;
    try {
      act(socket);
    } catch (error) {
      rethrowLater(error);
    }
  }

  get connecting(): boolean {
    return this.#connecting;
  }
  /** Not connected yet, or no longer. */
  get pending(): boolean {
    return this.#tcp === null || this.#connecting || this.destroyed;
  }
  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.#connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }
  /** Octets that the stream took from the connection. */
  get bytesRead(): number {
    return this.#bytesRead;
  }
  /** Octets handed to `write`, those that still wait included. */
  get bytesWritten(): number {
    return this.#bytesTaken + this.writableLength - this.#inProgress;
  }
  get localAddress(): string | undefined {
    return this.#named?.localAddress;
  }
  get localPort(): number | undefined {
    return this.#named?.localPort;
  }
  get localFamily(): "IPv4" | undefined {
    return this.#named === null ? undefined : "IPv4";
  }
  get remoteAddress(): string | undefined {
    return this.#named?.remoteAddress;
  }
  get remotePort(): number | undefined {
    return this.#named?.remotePort;
  }
  get remoteFamily(): "IPv4" | undefined {
    return this.#named === null ? undefined : "IPv4";
  }
  /** The local end. */
  address(): AddressInfo | Record<string, never> {
    const tcp = this.#named;
    return tcp === null ? {} : { address: tcp.localAddress, family: "IPv4", port: tcp.localPort };
  }
  /** The connection's condition in the fields of Linux's `TCP_INFO`, or null where there is none. */
  info(): TcpInfo | null {
    return this.#tcp?.info() ?? null;
  }

  /** Opens a connection; "connect" or "error" tells. Errors thrown: `ERR_MISSING_ARGS`, `ERR_SOCKET_BAD_PORT`. */
  connect(...args: ConnectArguments): this {
    const { plan, listener } = connectPlan(args);
    if (listener !== null) this.once("connect", listener);
    if (this.destroyed) this.#renew();
    if (this.#connecting || this.#tcp !== null) {
      return this.destroy(new NetError("EISCONN", "connect", { address: plan.host, port: plan.port }));
    }
    this.#connecting = true;
    const attempt = ++this.#attempt;
    process.nextTick(() => {
      if (attempt !== this.#attempt) return;
      resolveHost(plan.host, plan.port, plan.lookup ?? this.#world.lookup, (answer) => {
        if (attempt === this.#attempt) this.#dial(plan, answer);
      });
    });
    return this;
  }

  /** Emits "timeout" after `timeoutMs` without activity, once per pause; 0 ends that. The connection stays open. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (this.destroyed) return this;
    if (!Number.isFinite(timeoutMs) || timeoutMs < 0) {
      throw usageError(RangeError, "ERR_OUT_OF_RANGE", `timeout must be at least 0 ms. Received ${timeoutMs}`);
    }
    this.timeout = timeoutMs;
    this.#idle?.stop();
    this.#idle = null;
    if (timeoutMs > 0) {
      this.#idle = new IdleTimer(this.#world.timebase, timeoutMs, () => this.#idled());
      if (listener !== undefined) this.once("timeout", listener);
    } else if (listener !== undefined) {
      this.off("timeout", listener);
    }
    return this;
  }

  setNoDelay(noDelay = true): this {
    this.#noDelay = noDelay;
    if (!this.pending) this.#tcp?.setNoDelay(noDelay);
    return this;
  }
  /** Whether a silent peer is probed, RFC 9293 §3.8.4; first after `initialDelayMs`, where 0 stands for two hours. */
  setKeepAlive(enable = false, initialDelayMs = 0): this {
    this.#keepAlive = keepAliveWish(enable, initialDelayMs);
    if (!this.pending && !this.#over) this.#tcp?.configure({ keepAlive: this.#keepAlive });
    return this;
  }
  /** Changes what `node:net` has no option for; what is left out stays as it is. Errors: `RangeError` where a value cannot be. */
  configure(settings: TcpSettings): this {
    checkSettings(settings);
    this.#settings = { ...this.#settings, ...settings };
    if (!this.#over && !this.destroyed) this.#tcp?.configure(settings);
    return this;
  }
  /** Changes nothing: the stack's device keeps a process alive, never a single socket. */
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  /** Destroys the socket once all that was written has been handed to the connection. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }
  /** RST at once. While it connects, no segment follows. Without a connection, "error" says `ERR_SOCKET_CLOSED`. */
  resetAndDestroy(): this {
    if (this.#tcp === null && !this.#connecting) {
      return this.destroy(usageError(Error, "ERR_SOCKET_CLOSED", "Socket is closed"));
    }
    this.#resetting = true;
    return this.destroy();
  }
  /** Ends, waits until what was written has been handed over, and closes. A peer that never reads can hold it up. */
  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closeEmitted) return;
    const closed = new Promise<void>((resolve) => this.once("close", () => resolve()));
    if (this.pending && !this.#connecting) this.destroy();
    else this.destroySoon();
    await closed;
  }

  /** As `Writable.write`; after the peer's end has ended our side too, it fails with `EPIPE`. */
  override write(chunk: unknown, encoding?: BufferEncoding | WriteCallback, callback?: WriteCallback): boolean {
    if (this.allowHalfOpen || !this.readableEnded || !this.writableEnded) {
      if (typeof encoding === "function") return super.write(chunk, encoding);
      return encoding === undefined ? super.write(chunk, callback) : super.write(chunk, encoding, callback);
    }
    const error = new NetError("EPIPE", "write", this.#place);
    const done = typeof encoding === "function" ? encoding : callback;
    if (done !== undefined) process.nextTick(done, error);
    this.destroy(error);
    return false;
  }

  /** As `Readable.read`; what it takes is the stack's memory no more. */
  override read(octets?: number): unknown {
    const chunk: unknown = super.read(octets);
    this.#tcp?.retain(this.readableLength);
    return chunk;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteCallback): void {
    this.#begin([chunk], done);
  }
  override _writev(chunks: { chunk: Buffer }[], done: WriteCallback): void {
    this.#begin(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }
  override _final(done: WriteCallback): void {
    if (this.pending) {
      this.once("connect", () => this._final(done));
      return;
    }
    this.#tcp?.end();
    done();
  }
  override _read(): void {
    this.#wanting = true;
    this.#asks++;
    this.#pull();
  }
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const wasConnecting = this.#connecting;
    this.#connecting = false;
    const attempt = ++this.#attempt;
    this.#idle?.stop();
    this.#idle = null;
    const written = this.#endWrite();
    this.#letGo((failed) => {
      if (attempt !== this.#attempt) return; // It lingered, and is another connection's by now.
      callback(error);
      if (!wasConnecting) written?.(error);
      process.nextTick(() => {
        this.#closeEmitted = true;
        this.emit("close", failed || error !== null);
        if (wasConnecting) written?.(closedBeforeConnection());
      });
      this.#released?.();
    });
  }

  /** The connection where it has a name already. */
  get #named(): TcpSocket | null {
    return this.#connecting ? null : this.#tcp;
  }

  #adopt(tcp: TcpSocket, paused: boolean): void {
    this.#take(tcp);
    this.#applyOptions(tcp);
    if (paused) this.pause();
    else this.read(0);
  }

  /** What was asked for before there was a connection. */
  #applyOptions(tcp: TcpSocket): void {
    this.#applySettings(tcp);
    if (this.#noDelay) tcp.setNoDelay(true);
    if (this.#keepAlive !== false) tcp.configure({ keepAlive: this.#keepAlive });
  }

  #applySettings(tcp: TcpSocket): void {
    if (Object.keys(this.#settings).length > 0) tcp.configure(this.#settings);
  }

  #take(tcp: TcpSocket): void {
    this.#tcp = tcp;
    this.#place = { address: tcp.remoteAddress, port: tcp.remotePort };
    tcp.context = this;
    tcp.handler = Socket.#handler;
  }

  /**
   * The connection goes on by itself: what was sent is delivered, unless a reset is due. `done` is called at once, or when
   * lingering is over: with true where not everything was acknowledged.
   */
  #letGo(done: (failed: boolean) => void): void {
    const tcp = this.#tcp;
    if (tcp === null) return done(false);
    const lingers =
      !this.#over && !this.#resetting && (this.#settings.lingerMs ?? 0) > 0 && tcp.stateName !== "SYN-SENT";
    let told = !lingers;
    const tell = (failed: boolean): void => {
      if (!told) done(failed);
      told = true;
    };
    tcp.handler = lingers ? { finished: () => tell(false), close: (_, failure) => tell(failure !== null) } : NO_HANDLER;
    tcp.context = null;
    tcp.retain(0);
    if (!this.#over && this.#resetting) tcp.abort();
    else if (!this.#over) tcp.close();
    if (tcp.stateName === "FIN-WAIT-2") tell(false);
    if (!lingers) done(false);
  }

  /** As in `node:net`, a destroyed socket may connect again. */
  #renew(): void {
    // Not in Node's types, but what its own sockets do: all of the stream's state is as new.
    (this as unknown as { _undestroy(): void })._undestroy();
    this.#tcp = null;
    this.#over = false;
    this.#wanting = false;
    this.#eof = false;
    this.#resetting = false;
    this.#closeEmitted = false;
    this.#bytesRead = 0;
    this.#bytesTaken = 0;
  }

  #dial(plan: ConnectPlan, answer: HostAnswer): void {
    if ("error" in answer) {
      if (answer.lookedUp !== null) this.emit("lookup", answer.error, undefined, undefined, answer.lookedUp);
      this.destroy(answer.error);
      return;
    }
    const text = formatAddress(answer.address);
    if (answer.lookedUp !== null) this.emit("lookup", null, text, 4, answer.lookedUp);
    if (!this.#connecting) return;
    this.#place = { address: text, port: plan.port };
    const tcp = this.#requestConnection(plan, answer.address);
    if (typeof tcp === "string") {
      this.destroy(new NetError(tcp, "connect", this.#place));
      return;
    }
    this.#take(tcp);
    this.#applySettings(tcp);
  }

  #requestConnection(plan: ConnectPlan, address: Address): ReturnType<SocketWorld["service"]["connect"]> {
    const localAddress = parseAddress(plan.localAddress);
    if (typeof localAddress === "string") return "EADDRNOTAVAIL";
    const { port, localPort } = plan;
    return this.#world.service.connect({ address, port, localAddress, localPort, handler: Socket.#handler });
  }

  #opened(): void {
    const tcp = this.#tcp;
    if (tcp === null) return;
    this.#connecting = false;
    this.#idle?.touch();
    this.#applyOptions(tcp);
    this.emit("connect");
    this.#pump();
    this.emit("ready");
    if (this.destroyed || this.isPaused()) return;
    this.read(0);
    this.#pull();
  }

  #arrived(): void {
    this.#idle?.touch();
    this.#pull();
  }

  /** Moves what has arrived to the reader while it has room, and then the end. */
  #pull(): void {
    const tcp = this.#tcp;
    if (tcp === null || this.#connecting || this.#pulling) return;
    this.#pulling = true;
    try {
      while (this.#wanting && !this.destroyed) {
        const chunk = tcp.read();
        if (chunk === null) break;
        this.#bytesRead += chunk.length;
        // A listener of "data" may cause the next `_read` while it runs: that one counts, whatever this `push` returns.
        const asks = this.#asks;
        if (!this.push(chunk) && asks === this.#asks) this.#wanting = false;
      }
    } finally {
      this.#pulling = false;
      tcp.retain(this.readableLength);
    }
    if (!this.#wanting || this.#eof || this.destroyed || !tcp.readEnded) return;
    this.#eof = true;
    this.push(null);
    this.read(0);
  }

  #begin(pieces: readonly Uint8Array[], done: WriteCallback): void {
    if (this.#tcp === null && !this.#connecting)
      return done(usageError(Error, "ERR_SOCKET_CLOSED", "Socket is closed"));
    this.#slices = new WriteSlices(pieces);
    this.#inProgress = this.#slices.left;
    this.#bytesTaken += this.#inProgress;
    this.#written = done;
    if (!this.#connecting) this.#pump();
  }

  /** Hands over slices until the send queue is full; `drain` goes on from there, or the connection's end tells why not. */
  #pump(): void {
    const slices = this.#slices;
    const tcp = this.#tcp;
    if (slices === null || tcp === null) return;
    this.#idle?.touch();
    for (let slice = slices.next(tcp.sendRoom); slice !== null; slice = slices.next(tcp.sendRoom)) {
      if (!tcp.send(slice)) return;
    }
    this.#endWrite()?.();
  }

  /** Forgets the write in progress; its callback is for the caller to call. */
  #endWrite(): WriteCallback | null {
    const written = this.#written;
    this.#slices = null;
    this.#written = null;
    this.#inProgress = 0;
    return written;
  }

  #finished(failure: TcpFailure | null): void {
    this.#over = true;
    if (this.#connecting) {
      this.destroy(new NetError(failure ?? "ECONNABORTED", "connect", this.#place));
      return;
    }
    // What arrived in order before a reset still reaches a reader that waits for it.
    this.#pull();
    if (failure !== null) this.destroy(new NetError(failure, "read", this.#place));
  }

  #idled(): void {
    const queued = this.#tcp?.queuedOctets ?? 0;
    if (queued > 0 && queued !== this.#queuedAtLook) {
      this.#queuedAtLook = queued;
      this.#idle?.touch();
      return;
    }
    this.emit("timeout");
  }
}

const closedBeforeConnection = () =>
  usageError(Error, "ERR_SOCKET_CLOSED_BEFORE_CONNECTION", "Socket closed before the connection was established");
