import { EventEmitter } from "node:events";
import type { LookupFunction } from "node:net";
import { ANY_ADDRESS } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import type { Timebase } from "../base/timebase.ts";
import type { Device } from "../device/device.ts";
import { loopbackDevice } from "../device/memory.ts";
import { type AddressPrefix, parseAddress, parsePrefix } from "../sockets/address-text.ts";
import { FOREIGN, LOOPBACK_LINK } from "../ipv4/routes.ts";
import { createNet, type Net } from "../sockets/net.ts";
import { rethrowLater } from "../sockets/rethrow.ts";
import { createTcp, type Tcp } from "../sockets/tcp.ts";
import { CryptoRandom } from "../stack/crypto-random.ts";
import { Driver } from "../stack/driver.ts";
import { EventLoopTimebase, wallClockUs } from "../stack/event-loop-timebase.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { createHttp, type Http } from "./http-server.ts";
import { PrivateKeyWorkers, workersByDefault } from "../tls/private-key-workers.ts";
import { createTls, type Tls } from "../tls/tls.ts";
import { tlsWorld } from "./tls-world.ts";
import { type Logger, SILENT_LOGGER } from "./logger.ts";
import { collectStats, type StackStats } from "./stats.ts";

/** A route beyond the device's own prefix: "198.18.7.0/24", or "default". The device is the only way out, so no gateway is named. */
export type RouteText = string;

export interface StackOptions {
  /** The link: `tun("tun0")`, one end of `memoryPair()`, `duplexDevice(stream)`, or any of these wrapped. The stack closes it. */
  readonly device: Device;
  /** Own addresses with their prefix: "198.18.0.2/24", or several. */
  readonly address: string | readonly string[];
  /** Networks that are reached through the device besides the addresses' own. Default: all ("default"). */
  readonly routes?: readonly RouteText[];
  /** Accepts datagrams for every unicast address, as a VPN's or a proxy's end must. Default false. */
  readonly anyAddress?: boolean;
  readonly logger?: Logger;
  readonly tcp?: Partial<TcpConfig>;
  /** Octets that the queues of all connections and all partial datagrams may hold together, 1 MiB at least. Default 256 MiB. */
  readonly memoryMax?: number;
  /** Threads that private keys of TLS are used in when handshakes queue up; 0 for none. Default: at most 2, none with one processor. */
  readonly privateKeyWorkers?: number;
  /** How host names become addresses in `net.connect`. */
  readonly lookup?: LookupFunction;
  /** Throws on a broken invariant of the stack instead of aborting the connection: for tests. Default false. */
  readonly strict?: boolean;
  /** Where time and randomness come from; given by simulators. */
  readonly timebase?: Timebase;
  readonly random?: Random;
}

export interface StackCloseOptions {
  /** Connections that have not closed in order by then are reset. Default 1000; 0 resets at once. */
  readonly deadlineMs?: number;
}

/** What was typed, read. */
interface RoutePlan {
  readonly own: readonly AddressPrefix[];
  readonly reached: readonly AddressPrefix[];
}

interface StackEventMap {
  /** The device failed: it was removed, say. The stack closes. */
  error: [error: Error];
  close: [];
}

const CLOSE_DEADLINE_MS = 1000;

/**
 * One TCP/IP host on one device. `net` is `node:net` in shape, `tls` is `node:tls` over it; `tcp` is the callback API beside
 * them, `http` an HTTP/1.1 server over that or over TLS.
 *
 * Errors: `open` throws a `RangeError` that says which option is wrong; afterwards "error" is emitted when the device
 *         fails, followed by "close".
 */
export class Stack extends EventEmitter<StackEventMap> {
  readonly net: Net;
  readonly tcp: Tcp;
  readonly tls: Tls;
  readonly http: Http;
  readonly #driver: Driver;
  readonly #timebase: Timebase;
  readonly #logger: Logger;
  readonly #privateKeys: PrivateKeyWorkers;
  readonly #addresses: readonly string[];
  #closing: Promise<void> | null = null;

  /** @internal `Stack.open` makes one. */
  constructor(options: StackOptions) {
    super();
    this.#logger = options.logger ?? SILENT_LOGGER;
    checkMemory(options.memoryMax);
    checkWorkers(options.privateKeyWorkers);
    this.#timebase = options.timebase ?? new EventLoopTimebase();
    this.#driver = this.#makeDriver(options);
    this.#addresses = typeof options.address === "string" ? [options.address] : options.address;
    // Before any device starts: one that is refused here is still the caller's, as it was.
    const plan = this.#plan(options);
    this.#driver.addLink(loopbackDevice({ timebase: this.#timebase, offload: true }));
    this.#configure(options, plan);
    const { tcp } = this.#driver.core;
    this.net = createNet({ service: tcp, timebase: this.#timebase, lookup: options.lookup });
    this.tcp = createTcp(tcp);
    const wallClockMs = (): number => wallClockUs() / 1000;
    const { random } = options;
    // A simulator's runs repeat: other threads would not.
    const workers = options.privateKeyWorkers ?? (random === undefined ? workersByDefault() : 0);
    this.#privateKeys = new PrivateKeyWorkers({ workers, timebase: this.#timebase });
    const privateKeys = this.#privateKeys;
    this.tls = createTls(this.net, tlsWorld({ timebase: this.#timebase, wallClockMs, random, privateKeys }));
    const { tcp: connections, net, tls } = this;
    this.http = createHttp({ tcp: connections, net, tls, timebase: this.#turnTime(), wallClockMs });
  }

  /** Opens a stack on `options.device`. It keeps the process alive until `close` or `unref`. */
  static open(options: StackOptions): Promise<Stack> {
    return new Promise((resolve) => {
      resolve(new Stack(options));
    });
  }

  /** The timebase, with the time of the turn: what serves thousands of requests in a turn need not ask the process for each. */
  #turnTime(): Timebase {
    return {
      nowUs: () => this.#driver.nowUs(),
      after: (delayMs, wake) => this.#timebase.after(delayMs, wake),
      soon: (wake) => {
        this.#timebase.soon(wake);
      },
    };
  }

  #makeDriver(options: StackOptions): Driver {
    return new Driver({
      timebase: this.#timebase,
      random: options.random ?? new CryptoRandom(),
      strict: options.strict ?? false,
      ...(options.tcp === undefined ? {} : { tcp: options.tcp }),
      ...(options.memoryMax === undefined ? {} : { memoryMax: options.memoryMax }),
      events: {
        down: (device, error) => {
          this.#deviceDown(device, error);
        },
        broken: (error, connection) => {
          this.#logger.error(
            { err: error, connection: connection?.remoteAddress },
            "broken invariant: connection aborted",
          );
        },
        thrown: rethrowLater,
      },
    });
  }

  #plan(options: StackOptions): RoutePlan {
    checkDevice(options.device);
    if (this.#addresses.length === 0 && options.anyAddress !== true) {
      throw new RangeError('options.address: give one at least, as in "198.18.0.2/24"');
    }
    const { routes } = this.#driver.core;
    const own = this.#addresses.map((text) => prefix(text, "address"));
    const wrong = own.findIndex(({ address }) => routes.destinationKind(address, LOOPBACK_LINK) !== FOREIGN);
    if (wrong >= 0) {
      throw new RangeError(
        `options.address: "${this.#addresses[wrong]}" is no address of one host on a network; give one as in "198.18.0.2/24"`,
      );
    }
    const reached = (options.routes ?? ["default"]).map((text) =>
      text === "default" ? { address: ANY_ADDRESS, prefixLength: 0 } : prefix(text, "routes"),
    );
    return { own, reached };
  }

  #configure({ device, anyAddress = false }: StackOptions, { own, reached }: RoutePlan): void {
    const { routes } = this.#driver.core;
    const link = this.#driver.addLink(device);
    routes.addLink({ link, mtu: device.mtu, acceptAny: anyAddress });
    for (const { address, prefixLength } of own) routes.addAddress({ link, address, prefixLength });
    for (const { address, prefixLength } of reached) routes.addRoute({ destination: address, prefixLength, link });
  }

  #deviceDown(device: Device, error: Error | null): void {
    if (this.#closing !== null) return;
    if (error === null) this.#logger.info({ device: device.name }, "device closed");
    else this.#logger.error({ device: device.name, err: error }, "device failed");
    if (error !== null && this.listenerCount("error") > 0) this.emit("error", error);
    void this.close({ deadlineMs: 0 });
  }

  /** The stack's own addresses, as given to `open`. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Counts of everything that came, went and was dropped. */
  stats(): StackStats {
    return collectStats(this.#driver.core);
  }

  /** Whether the stack keeps the process alive. */
  ref(): this {
    this.#driver.ref();
    return this;
  }
  unref(): this {
    this.#driver.unref();
    return this;
  }

  /**
   * Stops listening, lets every connection send what is queued and close in order, resets those that have not by the
   * deadline, and closes the device. Calling it again returns the same promise.
   */
  close(options: StackCloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.deadlineMs ?? CLOSE_DEADLINE_MS);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const { core } = this.#driver;
    core.tcp.beginClose();
    if (deadlineMs > 0 && core.tcp.active > 0) await this.#drained(deadlineMs);
    else await Promise.resolve(); // A handler may have called this: its turn ends first, since the resets take another one.
    core.tcp.abortAll();
    this.#driver.close();
    this.#privateKeys.close();
    this.emit("close");
  }

  /** Resolves when every connection has closed in order, or at the deadline. */
  #drained(deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        deadline.cancel();
        this.#driver.afterTurn = null;
        resolve();
      };
      const deadline = this.#timebase.after(deadlineMs, done);
      this.#driver.afterTurn = () => {
        if (this.#driver.core.tcp.active === 0) done();
      };
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function prefix(text: string, option: string): AddressPrefix {
  const parsed = parsePrefix(text);
  if (parsed !== null) return parsed;
  const hint = typeof parseAddress(text) === "string" ? "an IPv4 address and its prefix" : "the prefix too";
  throw new RangeError(`options.${option}: "${text}" is not usable; give ${hint}, as in "198.18.0.2/24"`);
}

/** Less would not hold the windows that a few connections begin with. */
const MEMORY_MIN = 1 << 20;

function checkMemory(memoryMax = MEMORY_MIN): void {
  if (Number.isSafeInteger(memoryMax) && memoryMax >= MEMORY_MIN) return;
  throw new RangeError(
    `options.memoryMax: ${String(memoryMax)} is not usable; give a whole number of octets from ${String(MEMORY_MIN)} on`,
  );
}

function checkWorkers(workers = 0): void {
  if (Number.isSafeInteger(workers) && workers >= 0) return;
  throw new RangeError(`options.privateKeyWorkers: ${String(workers)} is not usable; give a whole number from 0 on`);
}

/** RFC 791 §3.2: every link carries datagrams of 68 octets. */
const MTU_MIN = 68;

/** JavaScript callers may leave the device out. */
function checkDevice(device: Device | undefined): void {
  if (device === undefined)
    throw new RangeError('options.device: give one, as in tun("tun0") or one end of memoryPair()');
  if (device.mtu < MTU_MIN) {
    throw new RangeError(`options.device: an MTU of ${String(device.mtu)} is below ${String(MTU_MIN)} octets`);
  }
}
