import { Buffer } from "node:buffer";

import { BodyDecoder } from "./body-decoder.ts";
import { BodyFlow, type BodySink } from "./body-flow.ts";
import {
  HEADERS,
  KEEP_ALIVE,
  LINGER,
  NO_TIMEOUT,
  REQUEST,
  WRITE,
  type Deadlines,
  type TimeoutKind,
  type Waiting,
} from "./deadlines.ts";
import { HttpUsageError } from "./errors.ts";
import { HeaderBlock } from "./header-block.ts";
import { HttpError } from "./http-error.ts";
import type { Latin1Reader } from "./latin1.ts";
import type { HttpLimits, HttpTimeouts } from "./limits.ts";
import { BODY_TOO_LARGE, TIMED_OUT, type ParseFailure } from "./parse-failure.ts";
import type { BodySource } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { HttpRequest, type RequestOwner } from "./request.ts";
import { CLOSE, KEEP, KEEP_HTTP_1_0, type Persistence, type ResponseEncoder } from "./response-encoder.ts";
import { HttpResponse, type ResponseOwner } from "./response.ts";
import type { MutableStats } from "./server-stats.ts";
import { reasonPhrase } from "./status.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** Octets that may wait behind a request although the transport was paused. */
export const HELD_OCTETS_MAX = 2 ** 23;

const READING_HEAD = 0, READING_BODY = 1, REQUEST_READ = 2, LINGERING = 3, CLOSED = 4; // prettier-ignore

const ERROR_HEADERS = new HeaderBlock({ "content-type": "text/plain; charset=utf-8" });
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void | Promise<void>;

/** What all connections of a server share. */
export interface ConnectionContext {
  readonly handler: HttpHandler;
  readonly limits: HttpLimits;
  readonly timeouts: HttpTimeouts;
  readonly encoder: ResponseEncoder;
  readonly latin1: Latin1Reader;
  readonly deadlines: Deadlines<HttpConnection>;
  readonly stats: MutableStats;
  readonly closing: boolean;
  nowUs(): number;
  takeHead(): RequestHead;
  giveHead(head: RequestHead): void;
  report(error: unknown, request: HttpRequest | null): void;
  closed(): void;
}

/**
 * One connection of a server: octets in, handler called, octets out.
 * Requests are handled one after the other. Those that were pipelined behind wait as octets, so that responses leave in order by
 * themselves (RFC 9112 §9.3.2) and a client cannot make us work on more than one.
 */
export class HttpConnection implements TransportHandler, Waiting<HttpConnection>, RequestOwner, ResponseOwner {
  readonly transport: Transport;
  readonly #context: ConnectionContext;
  timeoutKind: TimeoutKind = NO_TIMEOUT;
  deadlineUs = 0;
  earlier: HttpConnection | null = null;
  later: HttpConnection | null = null;
  #phase = READING_HEAD;
  #head: RequestHead | null = null;
  #request: HttpRequest | null = null;
  #response: HttpResponse | null = null;
  #flow: BodyFlow | null = null;
  /** Octets that wait: a part of a head, or what came behind a request in work. `#held[#heldAt, #heldEnd)`. */
  #held: Uint8Array | null = null;
  /** What the transport was told of them. */
  #retained = 0;
  #heldAt = 0;
  #heldEnd = 0;
  #requests = 0;
  #processing = false;
  #paused = false;
  #writeBlocked = false;
  #peerEnded = false;
  #persists = true;
  #lingered = 0;
  #queuedSeen = 0;
  #stalledSinceUs = 0;

  constructor(transport: Transport, context: ConnectionContext) {
    this.transport = transport;
    this.#context = context;
    context.deadlines.add(this, KEEP_ALIVE, context.nowUs());
  }

  get encoder(): ResponseEncoder {
    return this.#context.encoder;
  }
  get latin1(): Latin1Reader {
    return this.#context.latin1;
  }
  get collectedOctets(): number {
    return this.#context.limits.collectedOctets;
  }

  // What the transport tells.

  /** @hot */
  data(_transport: Transport, octets: Uint8Array, start: number, end: number): void {
    if (this.#phase === CLOSED) return;
    if (this.#phase === LINGERING) {
      this.#linger(end - start);
    } else if (this.#held === null) {
      this.#process(octets, start, end, true);
    } else if (this.#hold(octets, start, end)) {
      this.#process(this.#held, this.#heldAt, this.#heldEnd, false);
    }
  }

  drain(): void {
    this.#writeBlocked = false;
    this.#response?.drained();
    this.#goOn();
  }

  end(): void {
    this.#peerEnded = true;
    if (!this.#processing) this.#settle();
  }

  close(_transport: Transport, failure: string | null): void {
    if (this.#phase === CLOSED) return;
    this.#phase = CLOSED;
    this.#held = null;
    this.#dropHead();
    this.#context.deadlines.remove(this);
    const error = new HttpUsageError("ERR_HTTP_ABORTED", `the client has gone away (${failure ?? "closed"})`);
    const sink = this.#flow?.decoder.done === false ? this.#takeSink() : null;
    this.#response?.abort();
    sink?.error(error);
    this.#context.closed();
  }

  /** The server closes: at once where nothing is under way, otherwise after the response in work. */
  shutDown(): void {
    if (this.#phase === READING_HEAD && this.#head === null) this.#finish();
  }

  /** Its deadline has passed. */
  expired(kind: TimeoutKind): void {
    const { stats } = this.#context;
    switch (kind) {
      case NO_TIMEOUT:
        return;
      case KEEP_ALIVE:
        stats.keepAliveTimeouts++;
        return this.#finish();
      case HEADERS:
        stats.headersTimeouts++;
        return this.#refuse(TIMED_OUT);
      case REQUEST:
        stats.requestTimeouts++;
        return this.#bodyFailed(TIMED_OUT);
      case WRITE:
        if (!this.#stalled()) return this.#restart(WRITE);
        stats.writeTimeouts++;
        return this.transport.abort();
      case LINGER:
        if (this.transport.queuedOctets > 0 && !this.#stalled()) return this.#restart(LINGER);
        stats.lingerTimeouts++;
        return this.transport.abort();
    }
  }

  // Octets in.

  #process(bytes: Uint8Array, start: number, end: number, lent: boolean): void {
    this.#processing = true;
    let at = start;
    while (at < end) {
      const to = this.#advance(bytes, at, end);
      if (to < 0) break;
      at = to;
    }
    this.#processing = false;
    if (at === end || this.#phase >= LINGERING) this.#held = null;
    else if (lent) this.#keep(bytes, at, end);
    else this.#heldAt = at;
    this.#settle();
  }

  /** One step: returns up to where octets were taken, or -1 where what is left must wait. */
  #advance(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#phase) {
      case READING_HEAD:
        return this.#writeBlocked ? -1 : this.#readHead(bytes, at, end);
      case READING_BODY:
        return this.#readBody(bytes, at, end);
      case REQUEST_READ:
        return -1;
      case LINGERING:
        this.#linger(end - at);
        return end;
      default:
        return end;
    }
  }

  #readHead(bytes: Uint8Array, base: number, end: number): number {
    const head = (this.#head ??= this.#context.takeHead());
    head.feed(bytes, base, end);
    if (head.failure !== null) {
      this.#refuse(head.failure);
      return end;
    }
    if (!head.complete) return -1;
    const bodyAt = base + head.length;
    const { framing } = head;
    if (framing.contentLength > this.#context.limits.bodyOctets) {
      this.#refuse(BODY_TOO_LARGE);
      return end;
    }
    if (this.timeoutKind === HEADERS) this.#restart(NO_TIMEOUT);
    this.#requests++;
    this.#context.stats.requests++;
    this.#persists = framing.keepAlive;
    this.#flow = null;
    if (framing.chunked || framing.contentLength > 0) {
      const decoder = new BodyDecoder(framing.chunked ? -1 : framing.contentLength, this.#context.limits);
      this.#flow = new BodyFlow(decoder, framing.expectsContinue && bodyAt === end);
    }
    this.#phase = this.#flow === null ? REQUEST_READ : READING_BODY;
    this.#dispatch(head, bytes, base);
    return bodyAt;
  }

  /** Calls the handler while the octets of the head are still there. */
  #dispatch(head: RequestHead, bytes: Uint8Array, base: number): void {
    const request = new HttpRequest(this, head, bytes, base);
    const response = new HttpResponse(this, head.method === "HEAD", head.minorVersion === 0);
    this.#request = request;
    this.#response = response;
    this.#head = null; // Not to be given back twice where the handler ends the connection.
    const promise = this.#callHandler(request, response);
    if (promise !== undefined) {
      request.retain();
      promise.then(
        () => {
          this.#handled(request, response);
        },
        (error: unknown) => {
          this.failed(response, error, request);
          request.release();
        },
      );
    } else if (response.finished || response.aborted) request.release();
    else request.retain();
    this.#context.giveHead(head);
  }

  #callHandler(request: HttpRequest, response: HttpResponse): Promise<void> | undefined {
    try {
      return this.#context.handler(request, response) ?? undefined;
    } catch (error) {
      this.failed(response, error, request);
      return undefined;
    }
  }

  #handled(request: HttpRequest, response: HttpResponse): void {
    if (response.finished || response.aborted) request.release();
    else if (!response.begun) {
      this.failed(response, new HttpUsageError("ERR_HTTP_NO_RESPONSE", "the handler gave no response"), request);
    }
  }

  #readBody(bytes: Uint8Array, at: number, end: number): number {
    const flow = this.#flow;
    if (flow === null || flow.blocked) return -1;
    const to = flow.feed(bytes, at, end);
    if (flow.thrown !== null) {
      const { error } = flow.thrown;
      flow.thrown = null;
      if (this.#response !== null) this.failed(this.#response, error);
    }
    if (this.#phase !== READING_BODY) return end;
    if (flow.decoder.failure !== null) {
      this.#bodyFailed(flow.decoder.failure);
      return end;
    }
    if (flow.decoder.done) this.#bodyDone();
    else if (flow.discarded > this.#context.limits.drainedOctets) {
      this.#context.stats.drainOverflows++;
      this.#persists = false;
      if (this.#response === null) this.#finish();
      else this.#phase = REQUEST_READ;
    }
    return to;
  }

  #bodyDone(): void {
    const sink = this.#takeSink();
    this.#phase = REQUEST_READ;
    try {
      sink?.end();
    } catch (error) {
      if (this.#response !== null) this.failed(this.#response, error);
    }
    if (this.#phase === REQUEST_READ && this.#response === null) this.#phase = READING_HEAD;
  }

  /** The rest of the request cannot be read: RFC 9112 §8. */
  #bodyFailed(failure: ParseFailure): void {
    const response = this.#response;
    const sink = this.#takeSink();
    this.#persists = false;
    this.#phase = REQUEST_READ;
    if (response === null) this.#finish();
    else if (response.started) response.closeAfter = true;
    else {
      response.abort();
      this.#refuse(failure);
    }
    sink?.error(new HttpError(failure.status, failure.reason));
  }

  #takeSink(): BodySink | null {
    const sink = this.#flow?.sink ?? null;
    if (this.#flow !== null) this.#flow.sink = null;
    return sink;
  }

  // Octets that wait.

  #keep(bytes: Uint8Array, at: number, end: number): void {
    this.#held = Buffer.from(bytes.subarray(at, end));
    this.#heldAt = 0;
    this.#heldEnd = end - at;
  }

  /** Appends to what waits; false where that was too much and the connection is gone. */
  #hold(octets: Uint8Array, start: number, end: number): boolean {
    const held = this.#held;
    if (held === null) return false;
    const waiting = this.#heldEnd - this.#heldAt;
    const length = waiting + end - start;
    if (waiting > HELD_OCTETS_MAX) {
      this.#context.stats.heldOverflows++;
      this.transport.abort();
      return false;
    }
    if (this.#heldEnd + end - start > held.length) {
      // Twice as much as is needed: a head that comes octet by octet is moved a few times only.
      const larger = Buffer.allocUnsafeSlow(length * 2);
      larger.set(held.subarray(this.#heldAt, this.#heldEnd), 0);
      this.#held = larger;
      this.#heldAt = 0;
      this.#heldEnd = waiting;
    }
    this.#held?.set(octets.subarray(start, end), this.#heldEnd);
    this.#heldEnd = this.#heldAt + length;
    return true;
  }

  /** Something that octets waited for has happened. */
  #goOn(): void {
    if (this.#processing || this.#phase === CLOSED) return;
    if (this.#held !== null) this.#process(this.#held, this.#heldAt, this.#heldEnd, false);
    else this.#settle();
  }

  /** After every turn: what to wait for now, and for how long. */
  #settle(): void {
    if (this.#phase === CLOSED) return;
    const stuck = this.#held !== null && (this.#phase !== READING_HEAD || this.#writeBlocked);
    if (this.#peerEnded && !stuck && this.#phase <= READING_BODY) this.#inputEnded();
    else if (this.#phase === READING_HEAD && this.#context.closing && this.#head === null) this.#finish();
    this.#renewDeadline();
    const kept = this.#held === null ? 0 : this.#held.length;
    if (kept !== this.#retained) this.transport.retain?.((this.#retained = kept));
    if (stuck === this.#paused) return;
    this.#paused = stuck;
    if (stuck) this.transport.pause();
    else this.transport.resume();
  }

  #inputEnded(): void {
    if (this.#phase === READING_HEAD) return this.#finish();
    const sink = this.#takeSink();
    this.#persists = false;
    this.#phase = REQUEST_READ;
    if (this.#response === null) this.#finish();
    sink?.error(new HttpUsageError("ERR_HTTP_ABORTED", "the client ended in the middle of the request"));
  }

  #renewDeadline(): void {
    if (this.#phase >= LINGERING) return;
    if (this.#writeBlocked) {
      if (this.timeoutKind === WRITE) return;
      this.#watchQueue();
      this.#restart(WRITE);
    } else if (this.#phase === READING_HEAD) {
      if (this.#head === null || !this.#head.started) this.#restart(KEEP_ALIVE);
      else if (this.timeoutKind !== HEADERS) this.#restart(HEADERS);
    } else if (this.#phase === READING_BODY) {
      if (this.timeoutKind !== REQUEST) this.#restart(REQUEST);
    } else if (this.timeoutKind !== NO_TIMEOUT) this.#restart(NO_TIMEOUT);
  }

  #restart(kind: TimeoutKind): void {
    this.#context.deadlines.restart(this, kind, this.#context.nowUs());
  }

  #watchQueue(): void {
    this.#queuedSeen = this.transport.queuedOctets;
    this.#stalledSinceUs = this.#context.nowUs();
  }

  /** Whether the client has taken nothing for `writeTimeoutMs`. */
  #stalled(): boolean {
    const nowUs = this.#context.nowUs();
    if (this.transport.queuedOctets !== this.#queuedSeen) this.#watchQueue();
    return nowUs - this.#stalledSinceUs >= this.#context.timeouts.writeTimeoutMs * 1000;
  }

  // The request's body, as its reader asks for it.

  bodySource(request: HttpRequest): BodySource {
    const flow = this.#request === request ? this.#flow : null;
    const current = (): BodyFlow | null => (flow !== null && this.#flow === flow ? flow : null);
    return {
      attach: (sink) => {
        this.#attach(current(), sink);
      },
      pause: () => {
        const now = current();
        if (now !== null) now.paused = true;
      },
      resume: () => {
        const now = current();
        if (now?.paused !== true) return;
        now.paused = false;
        this.#goOn();
      },
      discard: () => {
        const now = current();
        if (now === null || now.discarding) return;
        now.sink = null;
        now.discarding = true;
        this.#goOn();
      },
    };
  }

  #attach(flow: BodyFlow | null, sink: BodySink): void {
    if (flow === null || flow.discarding || this.#phase !== READING_BODY) {
      sink.error(new HttpUsageError("ERR_HTTP_ABORTED", "the body can no longer be read"));
      return;
    }
    flow.sink = sink;
    if (flow.owesContinue && this.#response !== null && !this.#response.started) {
      flow.owesContinue = false;
      this.send(this.encoder.join(CONTINUE, null)); // RFC 9110 §10.1.1.
    }
    this.#goOn();
  }

  // The response, as its handler gives it.

  nowUs(): number {
    return this.#context.nowUs();
  }

  /** RFC 9112 §9.3, §9.6. */
  persistence(response: HttpResponse): Persistence {
    const { limits, closing } = this.#context;
    if (response.closeAfter || closing || this.#requests >= limits.requestsPerConnection) this.#persists = false;
    if (!this.#bodyWillBeRead()) this.#persists = false;
    if (!this.#persists) return CLOSE;
    return this.#request?.httpVersion === "1.0" ? KEEP_HTTP_1_0 : KEEP;
  }

  /** Whether the rest of the request will be out of the way soon. A client that still waits for 100 may send it or not. */
  #bodyWillBeRead(): boolean {
    const flow = this.#flow;
    if (flow === null || flow.decoder.done) return true;
    if (flow.owesContinue) return false;
    return flow.sink !== null || flow.decoder.remaining <= this.#context.limits.drainedOctets;
  }

  send(octets: Uint8Array, start?: number, end?: number): boolean {
    if (this.#phase === CLOSED) return false;
    const open = this.transport.send(octets, start, end);
    if (!open) this.#writeBlocked = true;
    return open;
  }

  finished(response: HttpResponse): void {
    if (response !== this.#response) return;
    this.#context.stats.responses++;
    this.#response = null;
    this.#request = null;
    if (!this.#persists || response.closeAfter) this.#finish();
    else if (this.#phase === REQUEST_READ) this.#phase = READING_HEAD;
    else if (this.#flow !== null && this.#flow.sink === null) this.#flow.discarding = true;
    this.#goOn();
  }

  broken(response: HttpResponse): void {
    if (response === this.#response) this.transport.abort();
  }

  failed(response: HttpResponse, error: unknown, request: HttpRequest | null = this.#request): void {
    if (response.failureSeen) return;
    response.failureSeen = true;
    const expected = error instanceof HttpError && error.answerable;
    const moot = response.aborted && error instanceof HttpUsageError && error.code === "ERR_HTTP_ABORTED";
    if (!expected && !moot) {
      this.#context.stats.handlerErrors++;
      this.#context.report(error, request);
    }
    if (response !== this.#response || response.aborted) return;
    if (response.started) {
      this.transport.abort(); // Cut off, so that nobody takes it for complete: RFC 9112 §8.
      return;
    }
    response.restart();
    if (expected) response.send(error.status, error.headers, `${error.message}\n`);
    else response.send(500, ERROR_HEADERS, `${reasonPhrase(500)}\n`);
  }

  // The end.

  /** Answers what cannot be taken, and ends. */
  #refuse(failure: ParseFailure): void {
    const { refused } = this.#context.stats;
    refused[failure.status] = (refused[failure.status] ?? 0) + 1;
    const content = `${reasonPhrase(failure.status)}: ${failure.reason}\n`;
    const head = this.encoder.head(failure.status, ERROR_HEADERS, content.length, CLOSE, this.#context.nowUs());
    const silent = this.#head?.method === "HEAD" && this.#head.started;
    this.send(this.encoder.join(silent ? head : head + content, null));
    this.#finish();
  }

  /**
   * FIN behind what was sent; then whatever still comes is read and thrown away for a while, since closing with unread octets
   * would send a reset that may overtake the response. RFC 9112 §9.6.
   */
  #finish(): void {
    if (this.#phase >= LINGERING) return;
    this.#phase = LINGERING;
    this.#held = null;
    this.#flow = null;
    this.#dropHead();
    this.#watchQueue();
    this.#restart(LINGER);
    this.transport.end();
    if (!this.#processing) this.#settle();
  }

  #linger(octets: number): void {
    this.#lingered += octets;
    if (this.#lingered <= this.#context.limits.lingerOctets) return;
    this.#context.stats.lingerOverflows++;
    this.transport.abort();
  }

  #dropHead(): void {
    if (this.#head !== null) this.#context.giveHead(this.#head);
    this.#head = null;
  }
}
