import type { Address } from "../base/address.ts";
import type { TcpHandler, TcpSocket } from "../tcp/handler.ts";
import type { TcpListener, TcpListenHandler } from "../tcp/listener.ts";

export type { TcpFailure, TcpHandler, TcpSocket } from "../tcp/handler.ts";
export type { TcpInfo } from "../tcp/info.ts";
export type { PendingSyn, SynVerdict, TcpListener, TcpListenHandler } from "../tcp/listener.ts";
export { checkSettings, type TcpSettings } from "../tcp/settings.ts";
export type { TcpStateName } from "../tcp/states.ts";

/** Why `listen` or `connect` could not begin. */
export type TcpRefusal = "EADDRINUSE" | "EADDRNOTAVAIL" | "EHOSTUNREACH" | "ENETUNREACH" | "EINVAL" | "ENOBUFS";

export interface ListenRequest {
  /** `ANY_ADDRESS` for every local address. */
  readonly address: Address;
  /** 0 chooses a free one; -1 takes SYNs for every port that has no listener of its own. */
  readonly port: number;
  /** Most connections that wait to be accepted, and most half-open ones. */
  readonly backlog: number;
  readonly handler: TcpListenHandler;
}

export interface ConnectRequest {
  readonly address: Address;
  readonly port: number;
  /** `ANY_ADDRESS` lets the route choose. */
  readonly localAddress: Address;
  /** 0 chooses one by RFC 6056. */
  readonly localPort: number;
  readonly handler: TcpHandler;
}

/** What the stack does for the sockets above it. */
export interface TcpService {
  listen(request: ListenRequest): TcpListener | TcpRefusal;
  /** Begins the three-way handshake; `handler.open` or `handler.close` tells how it went. */
  connect(request: ConnectRequest): TcpSocket | TcpRefusal;
  /** Every connection, in no order: for listings. */
  connections(): Iterable<TcpSocket>;
  listeners(): Iterable<TcpListener>;
}
