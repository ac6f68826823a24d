import { Buffer } from "node:buffer";

import { BodyWriter } from "./body-writer.ts";
import { HttpUsageError } from "./errors.ts";
import { HeaderBlock, type HeaderRecord } from "./header-block.ts";
import { CHUNKED, COPIED_CONTENT_MAX, NO_LENGTH, type Persistence, type ResponseEncoder } from "./response-encoder.ts";
import { hasNoContent } from "./status.ts";

/** What a response needs from the connection that carries it. */
export interface ResponseOwner {
  readonly encoder: ResponseEncoder;
  /** Decides what becomes of the connection. */
  persistence(response: HttpResponse): Persistence;
  nowUs(): number;
  /** Gives `octets[start, end)` away, all of them unless told; false means: wait for `response.drained`. */
  send(octets: Uint8Array, start?: number, end?: number): boolean;
  /** All of it was sent. */
  finished(response: HttpResponse): void;
  /** It cannot be completed: the client must see that it is cut off. */
  broken(response: HttpResponse): void;
  /** The handler's work has failed. */
  failed(response: HttpResponse, error: unknown): void;
}

const FRESH = 0, STARTED = 1, FINISHED = 2, ABORTED = 3; // prettier-ignore

/** The answer to one request. One of `send`, `start` and `stream` is called, once. */
export class HttpResponse {
  readonly #owner: ResponseOwner;
  readonly #toHead: boolean;
  readonly #toHttp10: boolean;
  /** The connection ends after this response. */
  closeAfter = false;
  /** For the connection: its handler's failure was dealt with. */
  failureSeen = false;
  #state = FRESH;
  #writer: BodyWriter | null = null;

  constructor(owner: ResponseOwner, toHead: boolean, toHttp10: boolean) {
    this.#owner = owner;
    this.#toHead = toHead;
    this.#toHttp10 = toHttp10;
  }

  /** Whether octets of it have left: its status can no longer change. */
  get started(): boolean {
    return this.#state === FINISHED || (this.#writer?.started ?? false);
  }

  /** Whether the handler has begun to answer. */
  get begun(): boolean {
    return this.#state !== FRESH;
  }

  get finished(): boolean {
    return this.#state === FINISHED;
  }

  /** Whether the client is gone, or was answered by the server itself. What is sent then is dropped. */
  get aborted(): boolean {
    return this.#state === ABORTED;
  }

  /**
   * Answers with content that is there already, or with none. A short body is copied; one of more than
   * `COPIED_CONTENT_MAX` octets is given away and must not change any more.
   */
  send(status: number, headers?: HeaderRecord | HeaderBlock | null, body?: string | Uint8Array | null): void {
    const block = this.#begin(status, headers);
    const content = body ?? "";
    const length = typeof content === "string" ? textLength(content) : content.length;
    if (length > 0 && (hasNoContent(status) || status === 205)) {
      throw new HttpUsageError("ERR_HTTP_CONTENT_LENGTH", `a response of ${String(status)} has no content`);
    }
    if (this.#state === ABORTED) return;
    this.#state = FINISHED;
    const owner = this.#owner;
    const { encoder } = owner;
    const announced = hasNoContent(status) ? NO_LENGTH : length;
    const sent = this.#toHead ? "" : content;
    const behind = typeof sent === "string" || length <= COPIED_CONTENT_MAX ? sent : "";
    encoder.answer(
      status,
      block,
      announced,
      owner.persistence(this),
      owner.nowUs(),
      behind,
      behind === "" ? 0 : length,
    );
    owner.send(encoder.octets, encoder.at, encoder.end);
    if (typeof sent !== "string" && behind !== sent) owner.send(sent);
    owner.finished(this);
  }

  /**
   * Answers with content that comes bit by bit: `length` octets, or an unknown number (chunked; to HTTP/1.0 the end of the
   * connection is the end). The head leaves with the first octets written.
   */
  start(status: number, headers?: HeaderRecord | HeaderBlock | null, length?: number): BodyWriter {
    const block = this.#begin(status, headers);
    const noContent = hasNoContent(status);
    const unknown = this.#toHttp10 ? NO_LENGTH : CHUNKED;
    const announced = noContent ? NO_LENGTH : (length ?? unknown);
    if (!noContent && announced === NO_LENGTH) this.closeAfter = true;
    const head = this.#state === ABORTED ? "" : this.#head(status, block, announced);
    if (this.#state !== ABORTED) this.#state = STARTED;
    const writer = new BodyWriter(
      {
        encoder: this.#owner.encoder,
        send: (octets) => this.#owner.send(octets),
        finished: () => {
          this.#state = FINISHED;
          this.#owner.finished(this);
        },
        broken: () => {
          this.#owner.broken(this);
        },
      },
      head,
      { length: noContent ? 0 : (length ?? null), chunked: announced === CHUNKED, silent: this.#toHead || noContent },
    );
    if (this.#state === ABORTED) writer.abort();
    this.#writer = writer;
    return writer;
  }

  /**
   * `start`, then all that `source` gives, no faster than the client takes it. A handler returns this promise: it rejects
   * where `source` fails (the connection is then cut, so that the client sees it) and where the client goes away.
   */
  stream(
    status: number,
    headers: HeaderRecord | HeaderBlock | null,
    source: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
    length?: number,
  ): Promise<void> {
    const writer = this.start(status, headers, length);
    const done = pump(writer, source);
    // Handled here as well as by whoever awaits it: a client that goes away must not become an unhandled rejection.
    done.catch((error: unknown) => {
      this.#owner.failed(this, error);
    });
    return done;
  }

  /** Gives up on a response that has been started: the connection is reset, so that the client sees that something is missing. */
  cut(): void {
    if (this.#state === STARTED) this.#owner.broken(this);
  }

  /** For the connection: the client can take more. */
  drained(): void {
    this.#writer?.drain();
  }

  /** For the connection: nothing that is sent from now on gets anywhere. */
  abort(): void {
    if (this.#state === FINISHED) return;
    this.#state = ABORTED;
    this.#writer?.abort();
  }

  /** For the connection: forgets what was begun, of which nothing has left, so that an error can be answered. */
  restart(): void {
    this.#writer?.abort();
    this.#writer = null;
    this.#state = FRESH;
  }

  #head(status: number, block: HeaderBlock, announced: number): string {
    const owner = this.#owner;
    return owner.encoder.head(status, block, announced, owner.persistence(this), owner.nowUs());
  }

  #begin(status: number, headers: HeaderRecord | HeaderBlock | null | undefined): HeaderBlock {
    if (this.#state === STARTED || this.#state === FINISHED) {
      throw new HttpUsageError("ERR_HTTP_RESPONSE_STARTED", "the response has been given already");
    }
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new HttpUsageError("ERR_HTTP_INVALID_STATUS", `not a final status: ${String(status)}`);
    }
    return HeaderBlock.of(headers);
  }
}

const textLength = (text: string): number => (text.length === 0 ? 0 : Buffer.byteLength(text, "utf8"));

async function pump(
  writer: BodyWriter,
  source: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
): Promise<void> {
  for await (const piece of source) {
    if (!writer.write(piece)) await writer.drained();
  }
  writer.end();
}
