import type { TcpFailure, TcpHandler, TcpSocket } from "../tcp/handler.ts";

/** Who hears of a handler's calls. */
export interface HandlerWatch {
  /** Code of the owner is about to run. */
  calling(): void;
  /** The owner is about to get `octets[start, end)`. */
  got(octets: Uint8Array, start: number, end: number): void;
  /** The last call comes; whether the owner is still there to hear it. */
  closes(failure: TcpFailure | null): boolean;
}

/** A handler in front of its owner's. */
export class WatchedHandler implements TcpHandler {
  readonly #inner: TcpHandler;
  readonly #watch: HandlerWatch;
  /** The stack asks whether these two are there. */
  data?: NonNullable<TcpHandler["data"]>;
  readable?: NonNullable<TcpHandler["readable"]>;

  constructor(inner: TcpHandler, watch: HandlerWatch) {
    this.#inner = inner;
    this.#watch = watch;
    if (inner.data !== undefined) {
      this.data = (c, octets, start, end) => {
        watch.calling();
        watch.got(octets, start, end);
        inner.data?.(c, octets, start, end);
      };
    }
    if (inner.readable !== undefined) {
      this.readable = (c) => {
        watch.calling();
        inner.readable?.(c);
      };
    }
  }

  open(c: TcpSocket): void {
    this.#watch.calling();
    this.#inner.open?.(c);
  }
  drain(c: TcpSocket): void {
    this.#watch.calling();
    this.#inner.drain?.(c);
  }
  end(c: TcpSocket): void {
    this.#watch.calling();
    this.#inner.end?.(c);
  }
  urgent(c: TcpSocket, ahead: number): void {
    this.#watch.calling();
    this.#inner.urgent?.(c, ahead);
  }
  softError(c: TcpSocket, failure: TcpFailure): void {
    this.#watch.calling();
    this.#inner.softError?.(c, failure);
  }
  close(c: TcpSocket, failure: TcpFailure | null): void {
    this.#watch.calling();
    if (this.#watch.closes(failure)) this.#inner.close?.(c, failure);
  }
}
