import { isIP, isIPv4, isIPv6 } from "node:net";

import { Server, type ConnectionListener } from "./server.ts";
import type { ServerOptions } from "./server-options.ts";
import type { ConnectArguments, ConnectOptions, SocketOptions, SocketWorld } from "./socket-options.ts";
import { Socket } from "./socket.ts";

/** Options of `net.connect`: the socket's own and the connection's, and an idle time-out in ms. */
export interface NetConnectOptions extends ConnectOptions, SocketOptions {
  readonly timeout?: number | undefined;
}

export type NetConnectArguments =
  [options: NetConnectOptions, listener?: () => void] | Exclude<ConnectArguments, [ConnectOptions, ...unknown[]]>;

/** The two forms of `createServer`. */
export interface CreateServer {
  (listener?: ConnectionListener): Server;
  (options: ServerOptions, listener?: ConnectionListener): Server;
}

/**
 * One stack's `node:net`: code that is written for that module runs when it is given this instead. Its functions need no
 * `this`.
 */
export interface Net {
  readonly createServer: CreateServer;
  /** Makes a socket and opens its connection. */
  readonly connect: (...args: NetConnectArguments) => Socket;
  /** The same as `connect`. */
  readonly createConnection: (...args: NetConnectArguments) => Socket;
  readonly Socket: new (options?: SocketOptions) => Socket;
  readonly Server: new (options?: ServerOptions | ConnectionListener, listener?: ConnectionListener) => Server;
  readonly isIP: (text: string) => number;
  readonly isIPv4: (text: string) => boolean;
  readonly isIPv6: (text: string) => boolean;
}

/** The sockets of one stack, in the shape of `node:net`. */
export function createNet(world: SocketWorld): Net {
  class StackSocket extends Socket {
    constructor(options: SocketOptions = {}) {
      super(world, options);
    }
  }
  class StackServer extends Server {
    constructor(options: ServerOptions | ConnectionListener = {}, listener?: ConnectionListener) {
      const [given, connected] = typeof options === "function" ? [{}, options] : [options, listener];
      super(world.service, (socketOptions) => new StackSocket(socketOptions), given, connected);
    }
  }
  const connect = (...args: NetConnectArguments): Socket => {
    const [first] = args;
    const options: Partial<NetConnectOptions> = typeof first === "object" ? first : {};
    const socket = new StackSocket(options);
    if (options.timeout !== undefined && options.timeout > 0) socket.setTimeout(options.timeout);
    // A signal that was aborted already has destroyed it: nothing is left to connect.
    return socket.destroyed ? socket : socket.connect(...args);
  };
  return {
    createServer: (options?: ServerOptions | ConnectionListener, listener?: ConnectionListener) =>
      new StackServer(options, listener),
    connect,
    createConnection: connect,
    Socket: StackSocket,
    Server: StackServer,
    isIP,
    isIPv4,
    isIPv6,
  };
}
