import type { Net, NetConnectOptions } from "../sockets/net.ts";
import { clientRole, type ClientOptions } from "./client-role.ts";
import { SecureContext, type SecureContextOptions } from "./secure-context.ts";
import { CIPHER_SUITES } from "./suites.ts";
import { TlsServer, type SecureConnectionListener, type TlsServerOptions } from "./tls-server.ts";
import { TlsSocket, type TlsSocketOptions, type TransportStream } from "./tls-socket.ts";
import type { TlsWorld } from "./world.ts";

/** Options of `tls.connect`: where to, unless `socket` is a stream that leads there already. */
export interface TlsConnectOptions
  extends ClientOptions, TlsSocketOptions, Omit<Partial<NetConnectOptions>, "allowHalfOpen" | "host"> {
  readonly socket?: TransportStream | undefined;
}

export type TlsConnectArguments =
  | [options: TlsConnectOptions, listener?: () => void]
  | [port: number, listener?: () => void]
  | [port: number, options: TlsConnectOptions, listener?: () => void]
  | [port: number, host: string, listener?: () => void]
  | [port: number, host: string, options: TlsConnectOptions, listener?: () => void];

/** The two forms of `createServer`. */
export interface CreateTlsServer {
  (listener?: SecureConnectionListener): TlsServer;
  (options: TlsServerOptions, listener?: SecureConnectionListener): TlsServer;
}

/** One stack's `node:tls`, TLS 1.2 only. Its functions need no `this`. */
export interface Tls {
  readonly createServer: CreateTlsServer;
  /** Opens a connection; `listener` is called on "secureConnect". Errors thrown: `ERR_TLS_INVALID_CONTEXT`, and those of `net.connect`. */
  readonly connect: (...args: TlsConnectArguments) => TlsSocket;
  readonly createSecureContext: (options?: SecureContextOptions) => SecureContext;
  /** The names of the cipher suites that are spoken, in lower case as in `node:tls`. */
  readonly getCiphers: () => string[];
}

export function createTls(net: Net, world: TlsWorld): Tls {
  const connect = (...args: TlsConnectArguments): TlsSocket => {
    const options = connectOptions(args);
    const role = clientRole(options, world);
    const transport = options.socket ?? dial(net, options);
    const socket = new TlsSocket(transport, role, world, options);
    const listener = args.at(-1);
    if (typeof listener === "function") socket.once("secureConnect", listener);
    return socket;
  };
  return {
    createServer: (given?: TlsServerOptions | SecureConnectionListener, listener?: SecureConnectionListener) => {
      const [options, connected] = typeof given === "function" ? [{}, given] : [given ?? {}, listener];
      return new TlsServer(net, world, options, connected);
    },
    connect,
    createSecureContext: (options) => new SecureContext(options),
    getCiphers: () => CIPHER_SUITES.map(({ name }) => name.toLowerCase()),
  };
}

function connectOptions(args: TlsConnectArguments): TlsConnectOptions {
  const [first, ...rest] = args;
  if (typeof first === "object") return first;
  let options: TlsConnectOptions = { port: first };
  for (const arg of rest) {
    if (typeof arg === "string") options = { ...options, host: arg };
    else if (typeof arg === "object") options = { ...arg, ...options };
  }
  return options;
}

/** RFC 5246 knows no half-open side of its own: the transport stays open until TLS has said its last. */
function dial(net: Net, options: TlsConnectOptions): TransportStream {
  const { port = 443 } = options;
  return net.connect({ ...options, port, allowHalfOpen: true });
}
