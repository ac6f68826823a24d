/** The public names of fourtuple. */

export { Stack } from "./host/stack.ts";
export type { RouteText, StackCloseOptions, StackOptions } from "./host/stack.ts";
export type { StackStats } from "./host/stats.ts";
export { SILENT_LOGGER } from "./host/logger.ts";
export type { Logger } from "./host/logger.ts";

// Links.
export type { Device, DeviceEvents, Offload } from "./device/device.ts";
export { tun, TunCounters, TunDevice, TunError } from "./device/tun.ts";
export type { TunOptions } from "./device/tun.ts";
export { configureInterface, interfaceState, persistTun, removeTun } from "./device/tun-interface.ts";
export type { InterfaceSettings, InterfaceState, PersistOptions } from "./device/tun-interface.ts";
export { tunAvailability } from "./device/tun-availability.ts";
export type { TunAvailability, TunCheck } from "./device/tun-availability.ts";
export { loopbackDevice, MemoryDevice, memoryPair } from "./device/memory.ts";
export type { MemoryCounters, MemoryOptions } from "./device/memory.ts";
export { impaired, ImpairedDevice } from "./device/impaired.ts";
export type { ImpairedCounters, ImpairedOptions } from "./device/impaired.ts";
export type { Impairment, ImpairmentCounters } from "./device/impairment.ts";
export { captured, CapturedDevice } from "./device/tap.ts";
export type { CaptureCounters, CaptureOptions } from "./device/tap.ts";
export { duplexDevice, DuplexDevice } from "./device/duplex.ts";
export type { DuplexCounters, DuplexOptions } from "./device/duplex.ts";
export { RxBatch } from "./base/rx-batch.ts";
export { TxBatch } from "./base/tx-batch.ts";

// Streams, in the shape of node:net.
export type { Net, NetConnectArguments, NetConnectOptions } from "./sockets/net.ts";
export { Server } from "./sockets/server.ts";
export type { ConnectionListener, DropInfo } from "./sockets/server.ts";
export type {
  IncomingSyn,
  ListenArguments,
  ListenOptions,
  ServerOptions,
  SynAnswer,
  SynListener,
} from "./sockets/server-options.ts";
export { Socket } from "./sockets/socket.ts";
export type { AddressInfo } from "./sockets/socket.ts";
export type { ConnectArguments, ConnectOptions, SocketOptions } from "./sockets/socket-options.ts";
export { NetError } from "./sockets/net-error.ts";
export type { NetErrorCode, NetSyscall } from "./sockets/net-error.ts";
export type { UsageError, UsageErrorCode } from "./sockets/usage-error.ts";

// The callback API.
export type {
  Tcp,
  TcpConnectOptions,
  TcpFailure,
  TcpHandler,
  TcpInfo,
  TcpListener,
  TcpListenOptions,
  TcpSettings,
  TcpSocket,
  TcpStateName,
} from "./sockets/tcp.ts";
export type { TcpConfig } from "./tcp/config.ts";
export type { EcnMode } from "./tcp/ecn.ts";
export type { KeepAliveOptions } from "./tcp/keep-alive.ts";

// Congestion control: the two that are built in, and the shape of one of the application's own.
export { cubic } from "./tcp/congestion/cubic.ts";
export { newReno } from "./tcp/congestion/new-reno.ts";
export { SSTHRESH_INFINITE } from "./tcp/congestion/controller.ts";
export type {
  CongestionAlgorithm,
  CongestionController,
  CongestionWindow,
  Delivery,
  RateSample,
} from "./tcp/congestion/controller.ts";
export { formatAddress } from "./base/address.ts";
export type { Address } from "./base/address.ts";

// TLS 1.2, in the shape of node:tls.
export type { CreateTlsServer, Tls, TlsConnectArguments, TlsConnectOptions } from "./tls/tls.ts";
export { TlsServer } from "./tls/tls-server.ts";
export type { SecureConnectionListener, TlsServerOptions } from "./tls/tls-server.ts";
export { TlsSocket } from "./tls/tls-socket.ts";
export type { HandshakeSummary, TlsSocketOptions, TransportStream } from "./tls/tls-socket.ts";
export { SecureContext } from "./tls/secure-context.ts";
export type { EncryptedKey, Pem, SecureContextOptions } from "./tls/secure-context.ts";
export type { CheckServerIdentity, ClientOptions as TlsClientOptions } from "./tls/client-role.ts";
export type { AlpnCallback, SniCallback } from "./tls/server-role.ts";
export type { KeyExchange } from "./tls/suites.ts";
export { TlsError } from "./tls/tls-error.ts";

// HTTP.
export { StackHttpServer } from "./host/http-server.ts";
export type {
  Http,
  HttpCloseOptions,
  HttpListenOptions,
  HttpsListenOptions,
  StackHttpOptions,
} from "./host/http-server.ts";
export { HttpServer } from "./http/server.ts";
export type { HttpServerOptions } from "./http/server.ts";
export type { Transport, TransportHandler } from "./http/transport.ts";
export type { DuplexLike } from "./http/duplex-transport.ts";
export type { HttpServerStats } from "./http/server-stats.ts";
export type { HttpHandler } from "./http/connection.ts";
export type { HttpRequest, RequestHeaders } from "./http/request.ts";
export type { BodySink } from "./http/body-flow.ts";
export type { RequestBody } from "./http/request-body.ts";
export type { HttpResponse } from "./http/response.ts";
export type { BodyWriter } from "./http/body-writer.ts";
export type { Method } from "./http/method.ts";
export { HeaderBlock } from "./http/header-block.ts";
export type { HeaderRecord } from "./http/header-block.ts";
export { HttpError } from "./http/http-error.ts";
export { HttpUsageError } from "./http/errors.ts";
export type { HttpUsageCode } from "./http/errors.ts";
export { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "./http/limits.ts";
export type { HttpLimits, HttpTimeouts } from "./http/limits.ts";
export { staticFiles } from "./http/static-files.ts";

// What people look at.
export { Ladder } from "./inspect/ladder.ts";
export type { LadderSide, Rung } from "./inspect/ladder.ts";
export { formatLadder, formatRung } from "./inspect/ladder-text.ts";
export { socketRows, socketTable } from "./inspect/socket-table.ts";
export type { SocketRow } from "./inspect/socket-table.ts";

// Time and chance, for simulators and tests.
export type { Timebase, Wakeup } from "./base/timebase.ts";
export { EventLoopTimebase } from "./stack/event-loop-timebase.ts";
export { SeededRandom } from "./base/random.ts";
export type { Random } from "./base/random.ts";
