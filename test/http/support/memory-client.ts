import { Buffer } from "node:buffer";

import type { HttpHandler } from "../../../src/http/connection.ts";
import type { HttpServerOptions } from "../../../src/http/server.ts";
import { HttpServer } from "../../../src/http/server.ts";
import type { Transport, TransportHandler } from "../../../src/http/transport.ts";
import { VirtualTimebase } from "../../support/virtual-timebase.ts";

/** 1994-11-06 08:49:37 GMT, the instant that RFC 9110 §5.6.7 writes its examples with. */
export const WALL_MS = 784_111_777_000;
export const DATE_LINE = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/** A client in memory: what it sends reaches the server at once, what the server sends is kept. Lent octets are poisoned. */
export class MemoryClient implements Transport {
  readonly localAddress = "198.18.0.2";
  readonly localPort = 80;
  readonly remoteAddress = "198.18.0.1";
  readonly remotePort = 40_000;
  readonly pieces: Uint8Array[] = [];
  queuedOctets = 0;
  /** Octets that it takes before `send` says no. */
  highWater = Infinity;
  ended = false;
  aborted = false;
  paused = false;
  readonly #handler: TransportHandler;
  #closed = false;

  constructor(server: HttpServer) {
    this.#handler = server.accept(this);
  }

  send(octets: Uint8Array, start = 0, end = octets.length): boolean {
    if (this.ended || this.#closed) return false;
    this.pieces.push(octets.subarray(start, end));
    this.queuedOctets += end - start;
    return this.queuedOctets < this.highWater;
  }
  end(): void {
    this.ended = true;
  }
  abort(): void {
    this.aborted = true;
    this.disappear("ECONNABORTED");
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }

  /** The client's octets, in one delivery. */
  write(text: string | Uint8Array): this {
    const octets = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    const slab = Buffer.alloc(octets.length + 32, 0xee);
    slab.set(octets, 16);
    this.#handler.data(this, slab, 16, 16 + octets.length);
    slab.fill(0xee);
    return this;
  }

  writeBy(text: string, step: number): this {
    for (let at = 0; at < text.length && !this.#closed; at += step) this.write(text.slice(at, at + step));
    return this;
  }

  /** The client has taken all that was sent. */
  drain(): void {
    this.queuedOctets = 0;
    this.#handler.drain(this);
  }

  finish(): this {
    this.#handler.end(this);
    return this;
  }

  disappear(failure: string | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handler.close(this, failure);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** All that the server has sent, as latin1. */
  get text(): string {
    return Buffer.concat(this.pieces).toString("latin1");
  }

  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }
}

export interface Rig {
  readonly time: VirtualTimebase;
  readonly server: HttpServer;
  readonly errors: unknown[];
  readonly client: () => MemoryClient;
}

export function rig(handler: HttpHandler, options: Partial<HttpServerOptions> = {}): Rig {
  const time = new VirtualTimebase();
  const errors: unknown[] = [];
  const server = new HttpServer({
    handler,
    timebase: time,
    wallClockMs: () => WALL_MS + time.nowUs() / 1000,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { time, server, errors, client: () => new MemoryClient(server) };
}

/** Lets promises settle; no time passes. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
