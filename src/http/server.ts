import type { Timebase } from "../base/timebase.ts";
import { HttpConnection, type ConnectionContext, type HttpHandler } from "./connection.ts";
import { Deadlines, KEEP_ALIVE, NO_TIMEOUT } from "./deadlines.ts";
import type { DuplexLike } from "./duplex-transport.ts";
import { serveDuplex } from "./duplex-transport.ts";
import { Latin1Reader } from "./latin1.ts";
import { limitsFor, type HttpLimits, type HttpTimeouts, timeoutsFor } from "./limits.ts";
import { RequestHead } from "./request-head.ts";
import type { HttpRequest } from "./request.ts";
import { ResponseEncoder } from "./response-encoder.ts";
import { zeroStats, type HttpServerStats, type MutableStats } from "./server-stats.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** Parsers of heads kept for the next request. More are made where more heads are half read at once. */
const SPARE_HEADS_MAX = 16;

export interface HttpServerOptions {
  /** Called once a request's head is there. Throwing (or rejecting with) an `HttpError` answers with its status, anything else with 500. */
  readonly handler: HttpHandler;
  /** For timeouts. */
  readonly timebase: Timebase;
  /** Milliseconds since 1970, for Date. */
  readonly wallClockMs: () => number;
  readonly limits?: Partial<HttpLimits>;
  readonly timeouts?: Partial<HttpTimeouts>;
  /** Told what a handler threw, other than an `HttpError`. */
  readonly onError?: (error: unknown, request: HttpRequest | null) => void;
}

/**
 * An HTTP/1.1 server over connections that somebody else accepts: `listener.accept = (socket) => (socket.handler = server.accept(socket))`
 * for the callback API, `net.createServer({ allowHalfOpen: true }, (socket) => server.serve(socket))` for streams.
 */
export class HttpServer {
  readonly #timebase: Timebase;
  readonly #limits: HttpLimits;
  readonly #deadlines: Deadlines<HttpConnection>;
  readonly #stats: MutableStats = zeroStats();
  readonly #context: ConnectionContext;
  readonly #spareHeads: RequestHead[] = [];
  #closing = false;
  #allClosed: (() => void)[] = [];

  constructor(options: HttpServerOptions) {
    const timeouts = timeoutsFor(options.timeouts);
    this.#timebase = options.timebase;
    this.#limits = limitsFor(options.limits);
    this.#deadlines = new Deadlines(options.timebase, [
      Infinity,
      timeouts.keepAliveTimeoutMs,
      timeouts.headersTimeoutMs,
      timeouts.requestTimeoutMs,
      timeouts.writeTimeoutMs,
      timeouts.lingerTimeoutMs,
    ]);
    this.#context = this.#makeContext(options, timeouts);
  }

  get stats(): HttpServerStats {
    return { ...this.#stats, refused: { ...this.#stats.refused } };
  }

  /** Takes over an open connection of the callback API; what it returns is the connection's handler from now on. */
  accept(transport: Transport): TransportHandler {
    this.#stats.connections++;
    this.#stats.openConnections++;
    const connection = new HttpConnection(transport, this.#context);
    if (this.#closing) connection.shutDown();
    return connection;
  }

  /** Takes over an open stream: a socket of `node:net` or of ours, a TLS stream. It must not be read elsewhere. */
  serve(stream: DuplexLike): void {
    serveDuplex(stream, (transport) => this.accept(transport));
  }

  /**
   * No more requests: connections without one end now, the others with the response in work. Resolves once all are closed;
   * those left after `deadlineMs` are reset. The listener is for whoever made it to close, first.
   */
  close(deadlineMs = Infinity): Promise<void> {
    this.#closing = true;
    this.#deadlines.forEach(KEEP_ALIVE, (connection) => {
      connection.shutDown();
    });
    return new Promise((resolve) => {
      if (this.#stats.openConnections === 0) {
        resolve();
        return;
      }
      const wakeup = Number.isFinite(deadlineMs)
        ? this.#timebase.after(deadlineMs, () => {
            this.#abortAll();
          })
        : null;
      this.#allClosed.push(() => {
        wakeup?.cancel();
        resolve();
      });
    });
  }

  #abortAll(): void {
    for (let kind: number = NO_TIMEOUT; kind < this.#deadlines.kinds; kind++) {
      this.#deadlines.forEach(kind, (connection) => {
        connection.transport.abort();
      });
    }
  }

  #makeContext(options: HttpServerOptions, timeouts: HttpTimeouts): ConnectionContext {
    const isClosing = (): boolean => this.#closing;
    return {
      handler: options.handler,
      limits: this.#limits,
      timeouts,
      encoder: new ResponseEncoder(options.wallClockMs),
      latin1: new Latin1Reader(),
      deadlines: this.#deadlines,
      stats: this.#stats,
      get closing() {
        return isClosing();
      },
      nowUs: () => this.#timebase.nowUs(),
      takeHead: () => this.#spareHeads.pop() ?? new RequestHead(this.#limits),
      giveHead: (head) => {
        head.reset();
        if (this.#spareHeads.length < SPARE_HEADS_MAX) this.#spareHeads.push(head);
      },
      report: (error, request) => {
        report(options.onError, error, request);
      },
      closed: () => {
        this.#closed();
      },
    };
  }

  #closed(): void {
    this.#stats.openConnections--;
    if (this.#stats.openConnections > 0) return;
    const waiting = this.#allClosed;
    this.#allClosed = [];
    for (const tell of waiting) tell();
  }
}

/** The application's own reporter may throw too: that must not stop the connection, and must not be lost either. */
function report(onError: HttpServerOptions["onError"], error: unknown, request: HttpRequest | null): void {
  try {
    onError?.(error, request);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
