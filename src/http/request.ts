import { HttpUsageError } from "./errors.ts";
import { OFFSETS_PER_FIELD } from "./field-section.ts";
import type { Latin1Reader } from "./latin1.ts";
import { trimEnd } from "./message-framing.ts";
import type { Method } from "./method.ts";
import { equalsIgnoringCase } from "./octets.ts";
import { RequestBody, type BodySource } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import type { Transport } from "./transport.ts";

/** What a request needs from the connection that reads it. */
export interface RequestOwner {
  readonly transport: Transport;
  readonly latin1: Latin1Reader;
  readonly collectedOctets: number;
  bodySource(request: HttpRequest): BodySource;
}

/**
 * A request as a handler sees it. Nothing is turned into strings before it is asked for.
 *
 * Life: until the handler has returned (its promise has settled) and the response is complete, whichever is later. Asking
 *       a request for something new after that throws ERR_HTTP_REQUEST_RELEASED; strings that were taken stay.
 */
export class HttpRequest {
  readonly method: Method;
  readonly httpVersion: "1.0" | "1.1";
  readonly #owner: RequestOwner;
  readonly #head: HeadText;
  readonly #contentLength: number | null;
  #target: string | null = null;
  #path: string | null = null;
  #headers: RequestHeaders | null = null;
  #body: RequestBody | null = null;

  /** The head lies at `bytes[base, base + head.length)` and is lent until `retain` or `release`. */
  constructor(owner: RequestOwner, head: RequestHead, bytes: Uint8Array, base: number) {
    this.#owner = owner;
    this.#head = new HeadText(owner.latin1, head, bytes, base);
    this.method = head.method;
    this.httpVersion = head.minorVersion === 0 ? "1.0" : "1.1";
    this.#contentLength = head.framing.chunked ? null : Math.max(0, head.framing.contentLength);
  }

  /** The request-target as it was sent: origin-form, absolute-form, or `*`. */
  get target(): string {
    this.#target ??= this.#head.target();
    return this.#target;
  }

  /** Path and query; of a target in absolute form what follows the authority, `/` where that is empty (RFC 9112 §3.2.2). */
  get path(): string {
    this.#path ??= this.#head.path();
    return this.#path;
  }

  get headers(): RequestHeaders {
    this.#headers ??= new RequestHeaders(this.#head);
    return this.#headers;
  }

  get body(): RequestBody {
    this.#body ??= new RequestBody(this.#owner.bodySource(this), this.#contentLength, this.#owner.collectedOctets);
    return this.#body;
  }

  /** The connection that it came on; its addresses, above all. */
  get transport(): Pick<Transport, "localAddress" | "localPort" | "remoteAddress" | "remotePort"> {
    return this.#owner.transport;
  }

  /** For the connection: the octets of the head are about to die, and somebody may still ask. */
  retain(): void {
    this.#head.retain();
  }

  /** For the connection: nobody asks any more. */
  release(): void {
    this.#head.release();
  }
}

/** The fields of a request, in their order. Names are compared without regard to case. */
export class RequestHeaders implements Iterable<readonly [name: string, value: string]> {
  readonly #head: HeadText;

  constructor(head: HeadText) {
    this.#head = head;
  }

  get size(): number {
    return this.#head.count;
  }

  has(name: string): boolean {
    return this.#head.find(name.toLowerCase(), 0) >= 0;
  }

  /** The value; several lines are joined by ", " (RFC 9110 §5.3), those of Cookie by "; " (RFC 6265 §5.4); `null` for none. */
  get(name: string): string | null {
    const lowerCase = name.toLowerCase();
    let value: string | null = null;
    for (let i = this.#head.find(lowerCase, 0); i >= 0; i = this.#head.find(lowerCase, i + 1)) {
      const one = this.#head.value(i);
      value = value === null ? one : value + (lowerCase === "cookie" ? "; " : ", ") + one;
    }
    return value;
  }

  /** Names as they were sent. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: string], void, void> {
    for (let i = 0; i < this.#head.count; i++) yield [this.#head.name(i), this.#head.value(i)];
  }
}

/** The octets of a head, lent or kept, and what stands where in them. */
class HeadText {
  readonly #latin1: Latin1Reader;
  readonly #targetAt: number;
  readonly #targetEnd: number;
  readonly #pathAt: number;
  readonly #length: number;
  readonly count: number;
  #offsets: Int32Array;
  #bytes: Uint8Array | null;
  #base: number;

  constructor(latin1: Latin1Reader, head: RequestHead, bytes: Uint8Array, base: number) {
    this.#latin1 = latin1;
    this.#targetAt = head.targetAt;
    this.#targetEnd = head.targetEnd;
    this.#pathAt = head.pathAt;
    this.#length = head.length;
    this.#offsets = head.fields.offsets;
    this.count = head.fields.count;
    this.#bytes = bytes;
    this.#base = base;
  }

  target(): string {
    return this.#text(this.#targetAt, this.#targetEnd);
  }

  path(): string {
    const path = this.#text(this.#pathAt, this.#targetEnd);
    return path.startsWith("/") || path === "*" ? path : `/${path}`;
  }

  name(i: number): string {
    return this.#text(this.#offsets[i * OFFSETS_PER_FIELD], this.#offsets[i * OFFSETS_PER_FIELD + 1]);
  }

  value(i: number): string {
    const bytes = this.#live();
    const at = this.#base + this.#offsets[i * OFFSETS_PER_FIELD + 2];
    return this.#latin1.read(bytes, at, trimEnd(bytes, at, this.#base + this.#offsets[i * OFFSETS_PER_FIELD + 3]));
  }

  /** The first field from `from` on that is called `lowerCase`, or -1. */
  find(lowerCase: string, from: number): number {
    const bytes = this.#live();
    for (let i = from; i < this.count; i++) {
      const at = this.#base + this.#offsets[i * OFFSETS_PER_FIELD];
      const end = this.#base + this.#offsets[i * OFFSETS_PER_FIELD + 1];
      if (equalsIgnoringCase(bytes, at, end, lowerCase)) return i;
    }
    return -1;
  }

  retain(): void {
    if (this.#bytes === null) return;
    this.#bytes = new Uint8Array(this.#bytes.subarray(this.#base, this.#base + this.#length));
    this.#base = 0;
    this.#offsets = this.#offsets.slice(0, this.count * OFFSETS_PER_FIELD);
  }

  release(): void {
    this.#bytes = null;
  }

  #text(from: number, to: number): string {
    return this.#latin1.read(this.#live(), this.#base + from, this.#base + to);
  }

  #live(): Uint8Array {
    if (this.#bytes === null) {
      throw new HttpUsageError(
        "ERR_HTTP_REQUEST_RELEASED",
        "the request is over; take what you need before the handler returns",
      );
    }
    return this.#bytes;
  }
}
