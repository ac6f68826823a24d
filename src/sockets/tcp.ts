import {
  checkSettings,
  type TcpHandler,
  type TcpListener,
  type TcpListenHandler,
  type TcpRefusal,
  type TcpService,
  type TcpSettings,
  type TcpSocket,
} from "../stack/tcp-service.ts";
import { parseAddress, type AddressFault } from "./address-text.ts";
import { NetError } from "./net-error.ts";
import { listenBacklog, listenPort, type SynListener } from "./server-options.ts";
import { askSynListener } from "./syn-verdict.ts";
import { portOf } from "./usage-error.ts";

export type {
  TcpFailure,
  TcpHandler,
  TcpInfo,
  TcpListener,
  TcpSettings,
  TcpSocket,
  TcpStateName,
} from "../stack/tcp-service.ts";

/** Where to listen, and who gets the connections: `accept` one by one, or `handler` all of them; or both, in the other order. */
export interface TcpListenOptions {
  /** 0 for a free one; "*" for every port that has no listener of its own. */
  readonly port: number | "*";
  /** "*" or nothing for every address. */
  readonly address?: string | undefined;
  readonly backlog?: number | undefined;
  /** Handles every connection. It is set before `accept` is called. */
  readonly handler?: TcpHandler | undefined;
  /** One more open connection. Without `handler`, it must set one. */
  readonly accept?: ((connection: TcpSocket) => void) | undefined;
  /** What every connection has before anybody gets it. */
  readonly settings?: TcpSettings | undefined;
  /** Asked before the SYN-ACK. */
  readonly onSyn?: SynListener | undefined;
}

export interface TcpConnectOptions {
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly handler: TcpHandler;
  /** From the SYN on. */
  readonly settings?: TcpSettings | undefined;
}

/** The callback API: connections without streams, for servers that count microseconds. Received octets are lent, not copied. */
export interface Tcp {
  /** Errors: a `NetError` is thrown at once. */
  listen(options: TcpListenOptions): TcpListener;
  /** Begins to connect; `handler.open` or `handler.close` tells. Errors: a `NetError` where it could not begin. */
  connect(options: TcpConnectOptions): TcpSocket;
  /** Every connection of the stack, in no order. */
  connections(): Iterable<TcpSocket>;
  listeners(): Iterable<TcpListener>;
}

const listenHandler = ({ handler, accept, onSyn, settings }: TcpListenOptions): TcpListenHandler => {
  if (settings !== undefined) checkSettings(settings);
  const take = (connection: TcpSocket): void => {
    if (settings !== undefined) connection.configure(settings);
    if (handler !== undefined) connection.handler = handler;
    accept?.(connection);
  };
  return onSyn === undefined ? { accept: take } : { accept: take, syn: (pending) => askSynListener(onSyn, pending) };
};

function listen(service: TcpService, options: TcpListenOptions): TcpListener {
  const { address: text = "*" } = options;
  const backlog = listenBacklog(options.backlog);
  const port = listenPort(options.port);
  const address = parseAddress(text);
  const outcome: TcpListener | TcpRefusal | AddressFault =
    typeof address === "string" ? address : service.listen({ address, port, backlog, handler: listenHandler(options) });
  if (typeof outcome === "string") throw new NetError(outcome, "listen", { address: text, port });
  return outcome;
}

function connect(service: TcpService, options: TcpConnectOptions): TcpSocket {
  const { address: text, localAddress: localText = "*", localPort = 0, handler, settings } = options;
  if (settings !== undefined) checkSettings(settings);
  const port = portOf(options.port, "options.port");
  const place = { address: text, port };
  const address = parseAddress(text);
  if (typeof address === "string") throw new NetError(address, "connect", place);
  const localAddress = parseAddress(localText);
  if (typeof localAddress === "string") throw new NetError("EADDRNOTAVAIL", "connect", place);
  const outcome = service.connect({ address, port, localAddress, localPort, handler });
  if (typeof outcome === "string") throw new NetError(outcome, "connect", place);
  if (settings !== undefined) outcome.configure(settings);
  return outcome;
}

/** The callback API of one stack. */
export const createTcp = (service: TcpService): Tcp => ({
  listen: (options) => listen(service, options),
  connect: (options) => connect(service, options),
  connections: () => service.connections(),
  listeners: () => service.listeners(),
});
