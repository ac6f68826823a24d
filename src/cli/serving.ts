import { createWriteStream, openSync, type WriteStream } from "node:fs";
import { stat } from "node:fs/promises";

import { toAddress, type Address } from "../base/address.ts";
import type { Device } from "../device/device.ts";
import { impaired } from "../device/impaired.ts";
import { captured, type CapturedDevice } from "../device/tap.ts";
import { interfaceState } from "../device/tun-interface.ts";
import { tun } from "../device/tun.ts";
import type { StackHttpServer } from "../host/http-server.ts";
import type { Logger } from "../host/logger.ts";
import { Stack, type StackCloseOptions } from "../host/stack.ts";
import { demoRoutes } from "../http/demo-routes.ts";
import { staticFiles } from "../http/static-files.ts";
import { parseAddress, parsePrefix } from "../sockets/address-text.ts";
import { EventLoopTimebase, wallClockUs } from "../stack/event-loop-timebase.ts";
import { SERVICE_NAMES, type ServeOptions, type ServiceName } from "./serve-options.ts";
import { readTlsFiles, type HttpsFiles } from "./tls-files.ts";
import { chargen } from "./services/chargen.ts";
import { discardHandler } from "./services/discard.ts";
import { echoHandler } from "./services/echo.ts";
import { UsageError } from "./usage.ts";

/** A stack with its services on a TUN device: what `serve` runs, and `sandbox` in its namespace. */
export interface Serving {
  /** Says what is served, for people and for scripts that wait for it. */
  readonly readyLine: string;
  /** Rejects when the device fails; resolves when everything has been closed. */
  readonly ended: Promise<void>;
  /** Takes no more connections, lets those that there are finish until the deadline, and closes the device. */
  readonly close: (options?: StackCloseOptions) => Promise<void>;
}

/** Opens the device, the stack and the services. Errors: `TunError`, `NetError`, `UsageError`. */
export async function startServing(options: ServeOptions, logger: Logger): Promise<Serving> {
  if (options.root !== null) await checkRoot(options.root);
  const secure = options.tls === null ? null : readTlsFiles(options.tls);
  const file = options.pcap === null ? null : captureFile(options.pcap, options.tls !== null);
  const link = openLink(options, file, logger);
  const https = secure === null ? null : { ...secure, onKeyLog: tellKeys(secure, link.capture) };
  const stack = await openStack(link.device, options, logger);
  const ended = endOf(stack, link.capture);
  let http: StackHttpServer | null;
  try {
    http = startServices(stack, options, logger, https);
  } catch (error) {
    await stack.close({ deadlineMs: 0 });
    throw error;
  }
  return {
    readyLine: readyLine(link.device, options),
    ended,
    close: async (closeOptions = {}) => {
      // The HTTP server finishes the responses in work; what is left then is the stack's to end.
      await http?.close({ deadlineMs: closeOptions.deadlineMs ?? HTTP_CLOSE_DEADLINE_MS });
      await stack.close(closeOptions);
      logger.info({ stats: stack.stats() }, "closed");
    },
  };
}

const HTTP_CLOSE_DEADLINE_MS = 1000;
/** Linux's `net.core.somaxconn`: a thousand clients that connect at once are no attack. */
export const SERVE_BACKLOG = 4096;

async function checkRoot(root: string): Promise<void> {
  const found = await stat(root).catch(() => null);
  if (found?.isDirectory() !== true) throw new UsageError(`--root ${root}: there is no such folder`);
}

/** Opened before anything is served: nobody should learn at the end that nothing was captured. With secrets it is its owner's alone. */
function captureFile(path: string, secret: boolean): WriteStream {
  try {
    return createWriteStream(path, { fd: openSync(path, "w", secret ? 0o600 : 0o666) });
  } catch (error) {
    throw new UsageError(`--pcap ${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * How long packets of a capture wait for the secrets of their handshake, in ms: those come once the client's key exchange has
 * been unwrapped.
 */
const CAPTURE_HOLD_MS = 250;

/** Where the secrets of HTTPS go: into the file that was named, and into the capture. */
function tellKeys({ onKeyLog }: HttpsFiles, capture: CapturedDevice | null): HttpsFiles["onKeyLog"] {
  if (capture === null) return onKeyLog;
  return (line) => {
    onKeyLog?.(line);
    capture.addSecrets(line);
  };
}

interface Link {
  readonly device: Device;
  readonly capture: CapturedDevice | null;
}

/** The TUN, behind the faults and the capture that were asked for: the capture shows what the stack sees. */
function openLink(options: ServeOptions, file: WriteStream | null, logger: Logger): Link {
  const timebase = new EventLoopTimebase();
  const opened = openTunDevice(options, logger);
  const device = options.impair === null ? opened : impaired(opened, { ...options.impair, timebase });
  if (file === null) return { device, capture: null };
  const capture = captured(device, file, {
    timebase,
    epochUs: wallClockUs(),
    holdMs: options.tls === null ? 0 : CAPTURE_HOLD_MS,
    onSinkError: (error) => {
      logger.error({ err: error, file: file.path }, "the capture has ended early");
    },
  });
  return { device: capture, capture };
}

function openTunDevice(options: ServeOptions, logger: Logger): Device {
  const { tun: name, peer, mtu } = options;
  const mtuSetting = mtu === null ? {} : { mtu };
  const state = interfaceState(name);
  if (state !== null) {
    if (!state.up) logger.warn({ device: name }, `the link is down; \`ip link set ${name} up\``);
    if (peer !== null)
      logger.warn({ device: name }, `the device is there already: --peer ${peer} is left to its owner`);
    return tun(name, mtuSetting);
  }
  if (peer === null) {
    logger.warn({ device: name }, "made without an address on the kernel's side; give one with --peer ADDRESS");
    return tun(name, { ...mtuSetting, up: true });
  }
  const [own = ""] = options.addresses;
  const prefixLength = parsePrefix(own)?.prefixLength ?? 32;
  // A prefix of one address reaches nobody: then the stack's address is the other end of a point-to-point link.
  const reach = prefixLength === 32 ? { peer: addressOf(own.split("/")[0] ?? "") } : { prefixLength };
  return tun(name, { ...mtuSetting, ...reach, address: addressOf(peer), up: true });
}

const addressOf = (text: string): Address => {
  const address = parseAddress(text);
  return typeof address === "string" ? toAddress(0) : address;
};

async function openStack(device: Device, options: ServeOptions, logger: Logger): Promise<Stack> {
  try {
    return await Stack.open({ device, address: options.addresses, anyAddress: options.any, logger });
  } catch (error) {
    device.close();
    throw error;
  }
}

/** Settles once the stack has closed and the capture is whole: rejects with the device's failure. */
function endOf(stack: Stack, capture: CapturedDevice | null): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    let failure: Error | null = null;
    stack.on("error", (error) => (failure = error));
    stack.on("close", () => {
      void (capture?.flushed ?? Promise.resolve()).then(() => {
        if (failure === null) resolve();
        else reject(failure);
      });
    });
  });
  ended.catch(() => undefined); // It may fail before anybody waits for it.
  return ended;
}

export function startServices(
  stack: Stack,
  options: ServeOptions,
  logger: Logger,
  secure: HttpsFiles | null = null,
): StackHttpServer | null {
  const http = options.ports.has("http") || secure !== null ? makeHttp(stack, options.root, logger) : null;
  const generator = chargen();
  const backlog = SERVE_BACKLOG;
  const listen: Record<ServiceName, (port: number | "*") => void> = {
    http: (port) => http?.listen({ port, backlog }),
    https: (port) => {
      if (secure !== null) http?.listenSecure({ port, backlog, ...secure });
    },
    echo: (port) => stack.tcp.listen({ port, backlog, handler: echoHandler }),
    discard: (port) => stack.tcp.listen({ port, backlog, handler: discardHandler }),
    chargen: (port) => stack.tcp.listen({ port, backlog, handler: generator.handler, accept: generator.begin }),
  };
  for (const [name, port] of options.ports) listen[name](port);
  const first = SERVICE_NAMES.find((name) => options.ports.has(name));
  if (options.any && first !== undefined) listen[first]("*");
  return http;
}

function makeHttp(stack: Stack, root: string | null, logger: Logger): StackHttpServer {
  return stack.http.createServer({
    handler: root === null ? demoRoutes() : demoRoutes(staticFiles(root)),
    onError: (error) => {
      logger.error({ err: error }, "a request's handler has failed");
    },
  });
}

function readyLine(device: Device, options: ServeOptions): string {
  const services = [...options.ports].map(([name, port]) => `${name} ${port}`);
  const any = options.any ? " and every other address" : "";
  return `ready ${options.tun} ${options.addresses.join(" ")}${any} mtu ${device.mtu} ${services.join(" ")}`.trimEnd();
}
