import type { SynVerdict, TcpSettings } from "../stack/tcp-service.ts";
import { portOf, usageError } from "./usage-error.ts";

/** As in `node:net`. */
export const BACKLOG_DEFAULT = 511;
/** `ListenRequest.port` for every port that has no listener of its own. */
export const ANY_PORT = -1;

/** Options of a server; names and meaning are those of `net.createServer()`. */
export interface ServerOptions {
  readonly allowHalfOpen?: boolean | undefined;
  readonly pauseOnConnect?: boolean | undefined;
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly keepAliveInitialDelay?: number | undefined;
  /** What every connection has before "connection" is emitted. */
  readonly settings?: TcpSettings | undefined;
  readonly highWaterMark?: number | undefined;
}

/** A SYN that has not been answered, with the destination that its sender meant. */
export interface IncomingSyn {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** True accepts, false refuses with RST; "drop" answers nothing. */
export type SynAnswer = boolean | Exclude<SynVerdict, "later">;

/** Asked before the SYN-ACK. Until a promise is settled nothing is answered; one that is rejected refuses. */
export type SynListener = (syn: IncomingSyn) => SynAnswer | Promise<SynAnswer>;

/** Options of `listen`; those of `node:net` that do not apply (`exclusive`, `ipv6Only`, …) are ignored. */
export interface ListenOptions {
  /** 0 or nothing for a free one; "*" for every port that has no listener of its own. */
  readonly port?: number | string | null | undefined;
  /** "*" or nothing for every address; on a stack that accepts any destination, for those too. */
  readonly host?: string | undefined;
  /** The same as `host`. */
  readonly address?: string | undefined;
  /** Most connections that wait to be accepted, and most half-open ones. */
  readonly backlog?: number | undefined;
  /** Closes the server. */
  readonly signal?: AbortSignal | undefined;
  readonly onSyn?: SynListener | undefined;
}

type Port = number | string | null | undefined;

export type ListenArguments =
  | [options: ListenOptions, listener?: () => void]
  | [listener?: () => void]
  | [port: Port, listener?: () => void]
  | [port: Port, host?: string, listener?: () => void]
  | [port: Port, backlog?: number, listener?: () => void]
  | [port: Port, host?: string, backlog?: number, listener?: () => void];

/** `ListenOptions`, checked. */
export interface ListenPlan {
  /** Or `ANY_PORT`. */
  readonly port: number;
  readonly host: string;
  readonly backlog: number;
  readonly signal: AbortSignal | undefined;
  readonly onSyn: SynListener | undefined;
}

/** 0 to 65,535, or `ANY_PORT` for "*". Errors: `ERR_SOCKET_BAD_PORT`. */
export const listenPort = (port: Port): number => {
  if (port === "*") return ANY_PORT;
  return port === undefined || port === null ? 0 : portOf(port, "options.port");
};

/** 0 and what is no number stand for the default, as in `node:net`. */
export const listenBacklog = (backlog: number | undefined): number =>
  backlog !== undefined && backlog > 0 ? backlog : BACKLOG_DEFAULT;

function listenOptions(args: ListenArguments): ListenOptions {
  const [first] = args;
  if (typeof first === "object" && first !== null) {
    if ("port" in first) return first;
    throw usageError(
      TypeError,
      "ERR_INVALID_ARG_VALUE",
      'The argument "options" must have the property "port"; there are no pipes and no descriptors here',
    );
  }
  const rest = args.slice(1);
  return {
    port: typeof first === "function" ? 0 : first,
    host: rest.find((value) => typeof value === "string"),
    backlog: rest.find((value) => typeof value === "number"),
  };
}

/** The options and the listener of a call of `listen`, in any of its forms. */
export function listenPlan(args: ListenArguments): { plan: ListenPlan; listener: (() => void) | null } {
  const options = listenOptions(args);
  const last = args.at(-1);
  const plan = {
    port: listenPort(options.port),
    host: options.host ?? options.address ?? "*",
    backlog: listenBacklog(options.backlog),
    signal: options.signal,
    onSyn: options.onSyn,
  };
  return { plan, listener: typeof last === "function" ? last : null };
}
