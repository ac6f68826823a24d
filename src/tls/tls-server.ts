import { EventEmitter } from "node:events";

import type { Net } from "../sockets/net.ts";
import type { ListenArguments } from "../sockets/server-options.ts";
import type { Server } from "../sockets/server.ts";
import type { AddressInfo } from "../sockets/socket.ts";
import { checkAlpn } from "./client-role.ts";
import { SecureContext, type SecureContextOptions } from "./secure-context.ts";
import { serverRole, type AlpnCallback, type SniCallback } from "./server-role.ts";
import { ServerSessions, SESSION_LIFETIME_S } from "./sessions/server-sessions.ts";
import { TlsError } from "./tls-error.ts";
import { TlsSocket, type TransportStream } from "./tls-socket.ts";
import type { TlsWorld } from "./world.ts";

/** In ms, as in `node:tls`. */
export const HANDSHAKE_TIMEOUT_MS = 120_000;

/** A server's options; names and meaning are those of `tls.createServer`. */
export interface TlsServerOptions extends SecureContextOptions {
  /** In place of the options that make one. */
  readonly secureContext?: SecureContext | undefined;
  /** Asked for names that `addContext` was not told of. */
  readonly SNICallback?: SniCallback | undefined;
  /** Application protocols, most wanted first. A client that offers others only is refused. */
  readonly ALPNProtocols?: readonly string[] | undefined;
  /** In place of `ALPNProtocols`. */
  readonly ALPNCallback?: AlpnCallback | undefined;
  /** Asks clients for a certificate. Default false. */
  readonly requestCert?: boolean | undefined;
  /** With `requestCert`: refuses clients without one, and those whose certificate is not trusted. Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
  /** In ms. Default 120,000. */
  readonly handshakeTimeout?: number | undefined;
  /** How long a session may be resumed, in seconds. Default 7200. */
  readonly sessionTimeout?: number | undefined;
  /** Whether sessions go into tickets; without, they are kept here under their IDs. Default true. */
  readonly sessionTickets?: boolean | undefined;
  readonly allowHalfOpen?: boolean | undefined;
  readonly noDelay?: boolean | undefined;
}

export type SecureConnectionListener = (socket: TlsSocket) => void;

/**
 * A server of TLS connections in the shape of `tls.Server`: "secureConnection" is a socket whose handshake is over, "tlsClientError"
 * tells of one that failed; "keylog", "connection", "listening", "close" and "error" as there.
 */
export class TlsServer extends EventEmitter {
  readonly #world: TlsWorld;
  readonly #options: TlsServerOptions;
  readonly #server: Server;
  readonly #sessions: ServerSessions;
  readonly #named: (readonly [pattern: RegExp, context: SecureContext])[] = [];
  /** Whose handshake is not over. Bounded by the transports that there are. */
  readonly #handshaking = new Set<TlsSocket>();
  #context: SecureContext;

  /** Errors: `TlsError` (`ERR_TLS_INVALID_CONTEXT`). */
  constructor(net: Net, world: TlsWorld, options: TlsServerOptions, listener?: SecureConnectionListener) {
    super();
    this.#world = world;
    this.#options = options;
    this.#context = options.secureContext ?? new SecureContext(options);
    checkAlpn(options.ALPNProtocols ?? []);
    if (this.#context.identity === null && options.SNICallback === undefined) {
      throw new TlsError("ERR_TLS_INVALID_CONTEXT", "a server needs a certificate: options.cert and options.key");
    }
    this.#sessions = new ServerSessions({
      random: world.random,
      wallClockMs: world.wallClockMs,
      lifetimeS: options.sessionTimeout ?? SESSION_LIFETIME_S,
      tickets: options.sessionTickets ?? true,
    });
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: options.noDelay });
    this.#server.on("connection", (socket: TransportStream) => this.emit("connection", socket));
    this.on("connection", (stream: TransportStream) => this.#accept(stream));
    for (const event of ["listening", "close", "error", "drop"]) {
      this.#server.on(event, (...args: unknown[]) => this.emit(event, ...args));
    }
    if (listener !== undefined) this.on("secureConnection", listener);
  }

  get listening(): boolean {
    return this.#server.listening;
  }
  /** As `net.Server.listen`. */
  listen(...args: ListenArguments): this {
    this.#server.listen(...args);
    return this;
  }
  address(): AddressInfo | null {
    return this.#server.address();
  }
  close(listener?: (error?: Error) => void): this {
    this.#server.close(listener);
    return this;
  }
  getConnections(callback: (error: Error | null, count: number) => void): this {
    this.#server.getConnections(callback);
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  /** Shows `context` to clients that ask for `hostname`, in which "*" stands for one label. The newest that fits is taken. */
  addContext(hostname: string, context: SecureContext | SecureContextOptions): void {
    const escaped = hostname.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("\\*", "[^.]*");
    const made = context instanceof SecureContext ? context : new SecureContext(context);
    this.#named.unshift([new RegExp(`^${escaped}$`, "i"), made]);
  }

  /** New certificates for connections from now on. */
  setSecureContext(options: SecureContextOptions): void {
    this.#context = new SecureContext(options);
  }

  /** Destroys the connections whose handshake is not over: nobody has seen them yet. */
  endHandshakes(): void {
    for (const socket of this.#handshaking) socket.destroy();
  }

  #accept(stream: TransportStream): void {
    const { SNICallback, ALPNProtocols, ALPNCallback, requestCert, rejectUnauthorized } = this.#options;
    const role = serverRole(
      {
        context: this.#context,
        findContext: (servername) => this.#named.find(([pattern]) => pattern.test(servername))?.[1] ?? null,
        sniCallback: SNICallback ?? null,
        alpnProtocols: ALPNProtocols ?? [],
        alpnCallback: ALPNCallback ?? null,
        requestCert: requestCert ?? false,
        rejectUnauthorized: rejectUnauthorized ?? true,
        sessions: this.#sessions,
        handshakeTimeoutMs: this.#options.handshakeTimeout ?? HANDSHAKE_TIMEOUT_MS,
      },
      this.#world,
    );
    const socket = new TlsSocket(stream, role, this.#world, { allowHalfOpen: this.#options.allowHalfOpen });
    socket.server = this;
    this.#watch(socket);
  }

  /** Until the handshake is over its failure is the server's to tell; afterwards it is the application's socket. */
  #watch(socket: TlsSocket): void {
    const failed = (error: Error): void => void this.emit("tlsClientError", error, socket);
    socket.on("error", failed);
    socket.on("keylog", (line: Buffer) => this.emit("keylog", line, socket));
    this.#handshaking.add(socket);
    socket.once("close", () => this.#handshaking.delete(socket));
    socket.once("secure", () => {
      this.#handshaking.delete(socket);
      socket.off("error", failed);
      this.emit("secureConnection", socket);
    });
  }
}
