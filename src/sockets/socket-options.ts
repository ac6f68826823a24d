import type { LookupFunction } from "node:net";

import type { Timebase } from "../base/timebase.ts";
import type { TcpService, TcpSettings, TcpSocket } from "../stack/tcp-service.ts";
import { portOf, usageError } from "./usage-error.ts";

/** What all sockets of one stack share. */
export interface SocketWorld {
  readonly service: TcpService;
  readonly timebase: Timebase;
  /** How host names become addresses where a call brings no `lookup` of its own. Without either, names are refused. */
  readonly lookup?: LookupFunction | undefined;
}

/** Options of a socket; names and meaning are those of `new net.Socket()`. */
export interface SocketOptions {
  /** Whether our side stays open when the peer ends its own. */
  readonly allowHalfOpen?: boolean | undefined;
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly keepAliveInitialDelay?: number | undefined;
  /** What `node:net` has no option for: congestion control, pacing, linger, user timeout, TTL, DSCP. From the SYN on. */
  readonly settings?: TcpSettings | undefined;
  /** Octets that the streams buffer on top of the connection's own queues. */
  readonly highWaterMark?: number | undefined;
  /** Destroys the socket with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
  /** An open connection of the callback API that becomes this stream. Its handler is replaced. */
  readonly connection?: TcpSocket | undefined;
  /** With `connection`: reads nothing until `resume` or `read`. */
  readonly pauseOnCreate?: boolean | undefined;
  /** Called once when the socket is destroyed, before "close" is emitted. */
  readonly released?: (() => void) | undefined;
}

/** Options of `connect`; those of `node:net` that do not apply (`family`, `hints`, …) are ignored. */
export interface ConnectOptions {
  readonly port: number | string;
  /** Default "localhost", which is 127.0.0.1. */
  readonly host?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly lookup?: LookupFunction | undefined;
}

export type ConnectArguments =
  | [options: ConnectOptions, listener?: () => void]
  | [port: number | string, listener?: () => void]
  | [port: number | string, host?: string, listener?: () => void];

/** `ConnectOptions`, checked. */
export interface ConnectPlan {
  readonly port: number;
  readonly host: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly lookup: LookupFunction | undefined;
}

const firstOptions = (args: ConnectArguments): ConnectOptions => {
  const [first, second] = args;
  if (typeof first === "object") return first;
  return { port: first, host: typeof second === "string" ? second : undefined };
};

/** The options and the listener of a call of `connect`, in any of its forms. Errors: `ERR_MISSING_ARGS`, `ERR_SOCKET_BAD_PORT`. */
export function connectPlan(args: ConnectArguments): { plan: ConnectPlan; listener: (() => void) | null } {
  const options = firstOptions(args);
  const last = args.at(-1);
  // Untyped callers may leave it out, or give the path of a pipe instead.
  if ((options.port as unknown) === undefined) {
    throw usageError(TypeError, "ERR_MISSING_ARGS", 'The "options.port" must be specified; there are no pipes here');
  }
  const plan = {
    port: portOf(options.port, "options.port"),
    host: options.host ?? "localhost",
    localAddress: options.localAddress ?? "*",
    localPort: options.localPort === undefined ? 0 : portOf(options.localPort, "options.localPort"),
    lookup: options.lookup,
  };
  return { plan, listener: typeof last === "function" ? last : null };
}
