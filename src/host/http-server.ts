import { formatAddress } from "../base/address.ts";
import type { Timebase } from "../base/timebase.ts";
import type { HttpHandler } from "../http/connection.ts";
import { HttpServer, type HttpServerOptions } from "../http/server.ts";
import type { HttpServerStats } from "../http/server-stats.ts";
import type { DuplexLike } from "../http/duplex-transport.ts";
import type { SynListener } from "../sockets/server-options.ts";
import type { AddressInfo } from "../sockets/socket.ts";
import type { Net } from "../sockets/net.ts";
import type { Tcp, TcpListener } from "../sockets/tcp.ts";
import type { Tls } from "../tls/tls.ts";
import type { TlsServer, TlsServerOptions } from "../tls/tls-server.ts";
import { usageError } from "../sockets/usage-error.ts";

/** As `HttpServerOptions`; clock and timers are the stack's unless given. */
export type StackHttpOptions = Omit<HttpServerOptions, "timebase" | "wallClockMs"> &
  Partial<Pick<HttpServerOptions, "wallClockMs">>;

export interface HttpListenOptions {
  /** 0 for a free one; "*" for every port that has no listener of its own. */
  readonly port: number | "*";
  /** "*" or nothing for every address. */
  readonly address?: string | undefined;
  readonly backlog?: number | undefined;
  /** Asked before the SYN-ACK. */
  readonly onSyn?: SynListener | undefined;
}

/** HTTPS: where to listen, and with which certificates. */
export interface HttpsListenOptions extends HttpListenOptions {
  /** `ALPNProtocols` is "http/1.1" unless given. */
  readonly tls: TlsServerOptions;
  /** Lines for SSLKEYLOGFILE: whoever reads them reads the connections. */
  readonly onKeyLog?: ((line: Buffer) => void) | undefined;
}

export interface HttpCloseOptions {
  /** Connections that are still busy then are reset. Default: they are waited for. */
  readonly deadlineMs?: number;
}

/** An HTTP/1.1 server over the stack's callback API, where no stream stands between the segments and the parser, and over TLS. */
export class StackHttpServer {
  readonly #world: HttpWorld;
  readonly #server: HttpServer;
  readonly #listeners = new Set<TcpListener>();
  readonly #secure: TlsServer[] = [];

  constructor(world: HttpWorld, options: HttpServerOptions) {
    this.#world = world;
    this.#server = new HttpServer(options);
  }

  /**
   * Listens from now on, on one more address and port with each call.
   * Errors: a `NetError` is thrown at once (`EADDRINUSE`, `EADDRNOTAVAIL`, …).
   */
  listen(where: number | HttpListenOptions): this {
    const options = typeof where === "number" ? { port: where } : where;
    const listener = this.#world.tcp.listen({
      ...options,
      accept: (connection) => {
        // A response is one write; waiting for its acknowledgment would only delay the next one.
        connection.setNoDelay(true);
        connection.handler = this.#server.accept(connection);
      },
    });
    this.#listeners.add(listener);
    return this;
  }

  /**
   * The same over TLS: HTTPS.
   * Errors: besides those of `listen`, a `TlsError` (`ERR_TLS_INVALID_CONTEXT`).
   */
  listenSecure({ tls: options, onKeyLog, ...where }: HttpsListenOptions): this {
    const { tcp, tls, net } = this.#world;
    const secure = tls.createServer({ ALPNProtocols: ["http/1.1"], ...options }, (socket) =>
      this.#server.serve(socket),
    );
    if (onKeyLog !== undefined) secure.on("keylog", onKeyLog);
    const listener = tcp.listen({
      ...where,
      accept: (connection) => {
        secure.emit("connection", new net.Socket({ connection, allowHalfOpen: true, noDelay: true }));
      },
    });
    this.#secure.push(secure);
    this.#listeners.add(listener);
    return this;
  }

  /** Takes over an open stream, say a TLS socket's; it must not be read elsewhere. */
  serve(stream: DuplexLike): void {
    this.#server.serve(stream);
  }

  /** Where it listened first. "0.0.0.0" is every address; port -1 is every port. Null while it does not listen. */
  address(): AddressInfo | null {
    const first = this.#listeners.values().next();
    if (first.done === true) return null;
    const listener = first.value;
    return { address: formatAddress(listener.address), family: "IPv4", port: listener.port };
  }

  get stats(): HttpServerStats {
    return this.#server.stats;
  }

  /** Takes no more connections and no more requests; resolves when the responses in work have been sent. */
  async close(options: HttpCloseOptions = {}): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#listeners.clear();
    for (const secure of this.#secure.splice(0)) secure.endHandshakes();
    await this.#server.close(options.deadlineMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** `stack.http`. */
export interface Http {
  /** Errors: `ERR_INVALID_ARG_TYPE` without a handler. */
  createServer(handler: HttpHandler | StackHttpOptions): StackHttpServer;
}

/** What the HTTP servers of one stack share. */
export interface HttpWorld {
  readonly tcp: Tcp;
  readonly net: Net;
  readonly tls: Tls;
  readonly timebase: Timebase;
  readonly wallClockMs: () => number;
}

/** HTTP over one stack's connections. */
export const createHttp = (world: HttpWorld): Http => ({
  createServer: (given: HttpHandler | StackHttpOptions) => {
    const options = typeof given === "function" ? { handler: given } : given;
    if (typeof options.handler !== "function") {
      throw usageError(TypeError, "ERR_INVALID_ARG_TYPE", "createServer takes a handler (request, response) => …");
    }
    const { timebase, wallClockMs } = world;
    return new StackHttpServer(world, { wallClockMs, ...options, timebase });
  },
});
