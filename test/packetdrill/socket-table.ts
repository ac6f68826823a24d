/** The file descriptors of a script: BSD sockets, as far as scripts use them, over the callback API of the stack. */
import { ANY_ADDRESS, toAddress } from "../../src/base/address.ts";
import type { TcpListener, TcpSocket } from "../../src/stack/tcp-service.ts";
import type { TcpHandler } from "../../src/tcp/handler.ts";
import type { KeepAliveOptions } from "../../src/tcp/keep-alive.ts";
import type { TcpSettings } from "../../src/tcp/settings.ts";
import type { Host } from "./host.ts";
import { streamOctet, streamOctets } from "./wire.ts";

/** What a system call gives back: -1 with a name of errno, or a value. `out` is what getsockopt or ioctl has written. */
export interface CallResult {
  readonly value: number;
  readonly errno?: string;
  readonly out?: number | string;
}

export const done = (value: number, out?: number | string): CallResult =>
  out === undefined ? { value } : { value, out };
export const failed = (errno: string): CallResult => ({ value: -1, errno });

/** A call in progress: null while it blocks. */
export type Attempt = () => CallResult | null;

export const O_NONBLOCK = 0x800;

/** One TCP socket of the script. */
export class ScriptSocket {
  readonly host: Host;
  nonBlocking = false;
  port = 0;
  /** Of the connection that it has or will have. */
  #settings: TcpSettings = {};
  /** SO_LINGER with a time of 0: close sends an RST. */
  resetOnClose = false;
  /** Most octets that wait to be acknowledged; SO_SNDBUF counts twice, as in Linux. */
  sendBuffer = Infinity;
  listener: TcpListener | null = null;
  connection: TcpSocket | null = null;
  /** Why the connection has ended, until a call has told it: SO_ERROR. */
  error: string | null = null;
  state: "fresh" | "connecting" | "open" | "over" = "fresh";
  #keepsAlive = false;
  #keepAliveTimes: KeepAliveOptions = {};
  #connectTold = false;
  #readShut = false;
  #writeShut = false;
  /** Chunks that `read` took and nobody has read to the end. */
  #rest: Uint8Array = new Uint8Array(0);
  #readOffset = 0;
  #writeOffset = 0;
  #taken: ScriptSocket | null = null;

  constructor(host: Host) {
    this.host = host;
  }

  get #handler(): TcpHandler {
    return {
      open: () => (this.state = "open"),
      readable: () => undefined,
      close: (_, failure) => {
        if (failure !== null) this.error = failure;
        if (failure !== null || this.state === "connecting") this.state = "over";
      },
    };
  }

  /** Octets that `read` would give without blocking. */
  get readable(): number {
    return this.#rest.length + (this.connection?.info().unread ?? 0);
  }
  get readEnded(): boolean {
    return this.#readShut || this.connection?.readEnded === true;
  }
  get writable(): boolean {
    return this.state === "open" && (this.connection?.queuedOctets ?? 0) < this.sendBuffer;
  }

  listen(backlog: number): CallResult {
    const listener = this.host.core.tcp.listen({
      address: ANY_ADDRESS,
      port: this.port,
      backlog,
      handler: {
        accept: (connection) => {
          this.#accept(connection);
        },
      },
    });
    if (typeof listener === "string") return failed(listener);
    listener.pause();
    this.listener = listener;
    return done(0);
  }

  /** The oldest connection of a listener's queue, or null. */
  takeAccepted(): ScriptSocket | null {
    const { listener } = this;
    if (listener === null || listener.acceptQueueLength === 0) return null;
    this.#taken = null;
    listener.resume();
    listener.pause();
    return this.#taken;
  }

  /** A listener hands over whatever waits: the first pauses it again. */
  #accept(connection: TcpSocket): void {
    this.listener?.pause();
    this.#taken = new ScriptSocket(this.host);
    this.#taken.adopt(connection, this.#settings);
  }

  adopt(connection: TcpSocket, settings: TcpSettings): void {
    this.connection = connection;
    connection.handler = this.#handler;
    this.state = "open";
    this.configure(settings);
  }

  connect(remote: number, port: number): Attempt {
    if (this.state === "connecting") return () => failed("EALREADY");
    if (this.state === "open" && this.nonBlocking && !this.#connectTold) {
      this.#connectTold = true;
      return () => done(0);
    }
    if (this.state === "open") return () => failed("EISCONN");
    const connection = this.host.core.tcp.connect({
      address: toAddress(remote),
      port,
      localAddress: ANY_ADDRESS,
      localPort: this.port,
      handler: this.#handler,
    });
    if (typeof connection === "string") return () => failed(connection);
    this.connection = connection;
    this.state = "connecting";
    this.configure(this.#settings);
    return () => {
      if (this.state === "connecting") return this.nonBlocking ? failed("EINPROGRESS") : null;
      this.#connectTold = true;
      return this.#takeError() ?? done(0);
    };
  }

  get settings(): TcpSettings {
    return this.#settings;
  }
  configure(settings: TcpSettings): void {
    this.#settings = { ...this.#settings, ...settings };
    this.connection?.configure(settings);
  }

  /** SO_KEEPALIVE switches it; its times may be set before and after. */
  keepAlive(on: boolean | null, times: KeepAliveOptions): void {
    if (on !== null) this.#keepsAlive = on;
    this.#keepAliveTimes = { ...this.#keepAliveTimes, ...times };
    this.configure({ keepAlive: this.#keepsAlive ? this.#keepAliveTimes : false });
  }

  /** The error that waits, told once. */
  #takeError(): CallResult | null {
    if (this.error === null) return null;
    const errno = this.error;
    this.error = null;
    return failed(errno);
  }
  takeSocketError(): CallResult {
    const errno = this.#takeError()?.errno;
    return done(0, errno ?? 0);
  }

  read(length: number, options: { peek: boolean; nonBlocking: boolean; all: boolean }): Attempt {
    return () => {
      const available = this.readable;
      const enough = options.all ? length : 1;
      const over = this.readEnded || this.state === "over";
      if (available >= enough || (available > 0 && over)) {
        const count = Math.min(available, length);
        return done(options.peek ? count : this.#take(count));
      }
      const error = this.#takeError();
      if (error !== null) return error;
      if (over) return done(0);
      if (this.state === "fresh") return failed("ENOTCONN");
      return options.nonBlocking || this.nonBlocking ? failed("EAGAIN") : null;
    };
  }

  /** Reads `count` octets and checks that they are those of the peer's stream. */
  #take(count: number): number {
    while (this.#rest.length < count) {
      const chunk = this.connection?.read() ?? null;
      if (chunk === null) break;
      const joined = new Uint8Array(this.#rest.length + chunk.length);
      joined.set(this.#rest, 0);
      joined.set(chunk, this.#rest.length);
      this.#rest = joined;
    }
    for (let i = 0; i < count; i++) {
      if (this.#rest[i] === streamOctet(this.#readOffset + i)) continue;
      throw new Error(`octet ${String(this.#readOffset + i)} of what was read is not the one that the peer sent there`);
    }
    this.#readOffset += count;
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  write(length: number, nonBlocking: boolean): Attempt {
    let written = 0;
    return () => {
      if (this.state === "connecting") return nonBlocking || this.nonBlocking ? failed("EAGAIN") : null;
      const error = this.#takeError();
      if (error !== null) return written > 0 ? done(written) : error;
      const { connection } = this;
      if (connection === null || this.state !== "open" || this.#writeShut) return failed("EPIPE");
      const room = Math.max(0, this.sendBuffer - connection.queuedOctets);
      const count = Math.min(length - written, room);
      if (count > 0) connection.send(streamOctets(this.#writeOffset, count));
      this.#writeOffset += count;
      written += count;
      if (written === length) return done(written);
      if (!nonBlocking && !this.nonBlocking) return null;
      return written > 0 ? done(written) : failed("EAGAIN");
    };
  }

  shutdown(read: boolean, write: boolean): CallResult {
    const { connection } = this;
    if (connection === null || this.state !== "open" || connection.stateName === "CLOSED") return failed("ENOTCONN");
    if (read) this.#readShut = true;
    if (write && !this.#writeShut) {
      this.#writeShut = true;
      connection.end();
    }
    return done(0);
  }

  close(): CallResult {
    this.listener?.close();
    const { connection } = this;
    if (connection === null) return done(0);
    if (this.resetOnClose || this.#rest.length > 0) connection.abort();
    else connection.close();
    this.state = "over";
    return done(0);
  }

  /** Linux's bits: POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 16, POLLRDHUP 0x2000. */
  get events(): number {
    if (this.listener !== null) return this.listener.acceptQueueLength > 0 ? 1 : 0;
    let events = 0;
    const over = this.state === "over" || this.connection?.stateName === "TIME-WAIT";
    if (this.readable > 0 || this.readEnded || over) events |= 1;
    if (this.writable || over) events |= 4;
    if (this.error !== null) events |= 8;
    if (over || this.state === "fresh" || (this.readEnded && this.#writeShut)) events |= 16;
    if (this.readEnded || over) events |= 0x2000;
    return this.state === "fresh" ? 4 | 16 : events;
  }
}
