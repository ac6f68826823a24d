import type { Address } from "../base/address.ts";
import type { TcpConnection } from "./connection.ts";
import { handOver } from "./receive.ts";
import type { TcpListener, TcpListenHandler } from "./listener.ts";

/**
 * A listening socket with its two queues: half-open connections (counted; each lives in the demultiplexing table under its
 * own four-tuple) and open ones that wait to be accepted. `backlog` bounds both.
 */
export class ListeningSocket implements TcpListener {
  readonly address: Address;
  readonly port: number;
  readonly backlog: number;
  readonly handler: TcpListenHandler;
  readonly #closed: (listener: ListeningSocket) => void;
  readonly #halfOpen = new Set<TcpConnection>();
  readonly #acceptQueue = new Set<TcpConnection>();
  /** When the last cookie was sent: only then one can come back. */
  overflowedAtUs = -Infinity;
  #paused = false;
  #open = true;

  constructor(
    where: { address: Address; port: number; backlog: number },
    handler: TcpListenHandler,
    closed: (listener: ListeningSocket) => void,
  ) {
    this.address = where.address;
    this.port = where.port;
    this.backlog = where.backlog;
    this.handler = handler;
    this.#closed = closed;
  }

  get synQueueLength(): number {
    return this.#halfOpen.size;
  }
  get acceptQueueLength(): number {
    return this.#acceptQueue.size;
  }
  /** Whether one more SYN may be taken: Linux drops SYNs while either queue is full. */
  get takesSyns(): boolean {
    return this.#open && this.#halfOpen.size < this.backlog && this.hasRoom();
  }

  /** Whether a SYN that finds the SYN queue full may be answered by a cookie: nobody wants to be asked about it. */
  get takesCookies(): boolean {
    return this.#open && this.handler.syn === undefined && this.hasRoom();
  }

  hasRoom(): boolean {
    return !this.#paused || this.#acceptQueue.size < this.backlog;
  }

  begun(connection: TcpConnection): void {
    this.#halfOpen.add(connection);
  }

  /** A connection has ended that was half-open, or waited to be accepted. */
  forget(connection: TcpConnection): void {
    this.#halfOpen.delete(connection);
    this.#acceptQueue.delete(connection);
  }

  /** The three-way handshake is over: one more connected socket. */
  established(connection: TcpConnection): void {
    this.#halfOpen.delete(connection);
    if (this.#paused) {
      this.#acceptQueue.add(connection);
      connection.listener = this;
    } else this.#handOver(connection);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const next of this.#acceptQueue) {
      this.#acceptQueue.delete(next);
      next.listener = null;
      this.#handOver(next);
      if (this.isPaused()) return;
    }
  }

  /** What came before there was an owner is its own now. */
  #handOver(connection: TcpConnection): void {
    this.handler.accept(connection);
    handOver(connection);
  }

  isPaused(): boolean {
    return this.#paused;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#closed(this);
    for (const connection of [...this.#halfOpen, ...this.#acceptQueue]) connection.abort();
  }

  /** The stack was closed under it. */
  closeByStack(): void {
    const wasOpen = this.#open;
    this.close();
    if (wasOpen) this.handler.closed?.();
  }
}
