import { EventEmitter } from "node:events";

import { formatAddress } from "../base/address.ts";
import {
  checkSettings,
  type TcpListener,
  type TcpListenHandler,
  type TcpRefusal,
  type TcpService,
  type TcpSettings,
  type TcpSocket,
} from "../stack/tcp-service.ts";
import { parseAddress, type AddressFault } from "./address-text.ts";
import { NetError } from "./net-error.ts";
import { rethrowLater } from "./rethrow.ts";
import {
  listenPlan,
  type ListenArguments,
  type ListenPlan,
  type ServerOptions,
  type SynListener,
} from "./server-options.ts";
import { askSynListener } from "./syn-verdict.ts";
import type { SocketOptions } from "./socket-options.ts";
import type { AddressInfo, Socket } from "./socket.ts";
import { usageError } from "./usage-error.ts";

export type ConnectionListener = (socket: Socket) => void;
type CloseListener = (error?: Error) => void;

/** Whose connection "drop" told of. */
export interface DropInfo {
  readonly localAddress: string;
  readonly localPort: number;
  readonly localFamily: "IPv4";
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: "IPv4";
}

/** Takes the place of a handler for connections that nobody wants. */
const NO_HANDLER = {};

/**
 * A listening socket whose connections are streams, in the shape of `net.Server`: events "listening", "connection",
 * "close", "error" and "drop".
 *
 * Departs from `node:net`: `listen({ port: "*" })` takes every port, and `onSyn` accepts or refuses before the SYN-ACK;
 * `ref` and `unref` change nothing, because the stack's device is what keeps a process alive.
 */
export class Server extends EventEmitter {
  readonly allowHalfOpen: boolean;
  readonly pauseOnConnect: boolean;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  /** In ms; 0 stands for the stack's default. */
  readonly keepAliveInitialDelay: number;
  /** Connections beyond this are closed as soon as they are open, and told by "drop". */
  maxConnections: number | undefined = undefined;

  readonly #service: TcpService;
  readonly #makeSocket: (options: SocketOptions) => Socket;
  readonly #highWaterMark: number | undefined;
  readonly #settings: TcpSettings | undefined;
  #listener: TcpListener | null = null;
  #connections = 0;

  constructor(
    service: TcpService,
    makeSocket: (options: SocketOptions) => Socket,
    options: ServerOptions,
    listener: ConnectionListener | undefined,
  ) {
    super();
    this.#service = service;
    this.#makeSocket = makeSocket;
    this.allowHalfOpen = options.allowHalfOpen ?? false;
    this.pauseOnConnect = options.pauseOnConnect ?? false;
    this.noDelay = options.noDelay ?? false;
    this.keepAlive = options.keepAlive ?? false;
    this.keepAliveInitialDelay = options.keepAliveInitialDelay ?? 0;
    this.#highWaterMark = options.highWaterMark;
    this.#settings = options.settings;
    if (options.settings !== undefined) checkSettings(options.settings);
    if (listener !== undefined) this.on("connection", listener);
  }

  get listening(): boolean {
    return this.#listener !== null;
  }

  /**
   * Listens from now on; "listening" or "error" tells.
   * Errors thrown: `ERR_SERVER_ALREADY_LISTEN`, `ERR_SOCKET_BAD_PORT`, `ERR_INVALID_ARG_VALUE`.
   */
  listen(...args: ListenArguments): this {
    if (this.#listener !== null) {
      throw usageError(
        Error,
        "ERR_SERVER_ALREADY_LISTEN",
        "Listen method has been called more than once without closing.",
      );
    }
    const { plan, listener } = listenPlan(args);
    if (listener !== null) this.once("listening", listener);
    const outcome = this.#request(plan);
    if (typeof outcome === "string") {
      const error = new NetError(outcome, "listen", { address: plan.host, port: plan.port });
      process.nextTick(() => this.emit("error", error));
      return this;
    }
    this.#listener = outcome;
    process.nextTick(() => {
      if (this.#listener === outcome) this.emit("listening");
    });
    this.#closeOn(plan.signal);
    return this;
  }

  /** Where it listens. "0.0.0.0" is every address; port `-1` is every port. Null while it does not. */
  address(): AddressInfo | null {
    const listener = this.#listener;
    if (listener === null) return null;
    return { address: formatAddress(listener.address), family: "IPv4", port: listener.port };
  }

  /** Takes no more connections, as when the stack is closed; "close" comes when the last one has ended. `listener` gets an error if it did not listen. */
  close(listener?: CloseListener): this {
    if (listener !== undefined) {
      if (this.#listener !== null) this.once("close", listener);
      else this.once("close", () => listener(usageError(Error, "ERR_SERVER_NOT_RUNNING", "Server is not running.")));
    }
    const listening = this.#listener;
    this.#listener = null;
    listening?.close();
    this.#emitCloseIfDrained();
    return this;
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#connections);
    return this;
  }

  /** Changes nothing: the stack's device keeps a process alive. */
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  /** Closes and waits until the last connection has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#listener === null) return;
    await new Promise<void>((resolve) => this.close(() => resolve()));
  }

  #request(plan: ListenPlan): TcpListener | TcpRefusal | AddressFault {
    const address = parseAddress(plan.host);
    if (typeof address === "string") return address;
    const handler = this.#handler(plan.onSyn);
    return this.#service.listen({ address, port: plan.port, backlog: plan.backlog, handler });
  }

  #handler(onSyn: SynListener | undefined): TcpListenHandler {
    const accept = (connection: TcpSocket): void => {
      try {
        this.#accept(connection);
      } catch (error) {
        rethrowLater(error);
      }
    };
    const closed = (): void => {
      this.#listener = null;
      this.#emitCloseIfDrained();
    };
    return onSyn === undefined
      ? { accept, closed }
      : { accept, closed, syn: (pending) => askSynListener(onSyn, pending) };
  }

  #accept(connection: TcpSocket): void {
    if (this.maxConnections !== undefined && this.#connections >= this.maxConnections) return this.#drop(connection);
    this.#connections++;
    const socket = this.#makeSocket({
      connection,
      allowHalfOpen: this.allowHalfOpen,
      noDelay: this.noDelay,
      keepAlive: this.keepAlive,
      keepAliveInitialDelay: this.keepAliveInitialDelay,
      highWaterMark: this.#highWaterMark,
      settings: this.#settings,
      pauseOnCreate: this.pauseOnConnect,
      released: () => this.#released(),
    });
    socket.server = this;
    this.emit("connection", socket);
  }

  #drop(connection: TcpSocket): void {
    const info: DropInfo = {
      localAddress: connection.localAddress,
      localPort: connection.localPort,
      localFamily: "IPv4",
      remoteAddress: connection.remoteAddress,
      remotePort: connection.remotePort,
      remoteFamily: "IPv4",
    };
    connection.handler = NO_HANDLER;
    connection.close();
    this.emit("drop", info);
  }

  #released(): void {
    this.#connections--;
    this.#emitCloseIfDrained();
  }

  #emitCloseIfDrained(): void {
    if (this.#listener !== null || this.#connections > 0) return;
    process.nextTick(() => this.emit("close"));
  }

  #closeOn(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = () => this.close();
    if (signal.aborted) {
      process.nextTick(close);
      return;
    }
    signal.addEventListener("abort", close, { once: true });
    this.once("close", () => signal.removeEventListener("abort", close));
  }
}
