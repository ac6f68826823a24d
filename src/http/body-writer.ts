import { Buffer } from "node:buffer";

import { HttpUsageError } from "./errors.ts";
import { COPIED_CONTENT_MAX, type ResponseEncoder } from "./response-encoder.ts";

/** Where a writer's octets go. */
export interface WriterOutlet {
  readonly encoder: ResponseEncoder;
  send(octets: Uint8Array): boolean;
  finished(): void;
  broken(): void;
}

export interface WriterFraming {
  /** Octets announced, or `null` for an unknown number. */
  readonly length: number | null;
  readonly chunked: boolean;
  /** A response without content on the wire: to HEAD, or 204, or 304. What is written is counted and dropped. */
  readonly silent: boolean;
}

/** Writes the content of one response, with its transfer coding (RFC 9112 §7.1) where there is one. */
export class BodyWriter {
  readonly #outlet: WriterOutlet;
  readonly #framing: WriterFraming;
  /** Text that goes in front of the next octets: the head, the end of the chunk before. */
  #pending: string;
  #written = 0;
  #started = false;
  #blocked = false;
  #aborted = false;
  #ended = false;
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  /** Called after `write` has returned false, when the client can take more. */
  onDrain: (() => void) | null = null;

  constructor(outlet: WriterOutlet, head: string, framing: WriterFraming) {
    this.#outlet = outlet;
    this.#framing = framing;
    this.#pending = head;
  }

  /** Whether octets have left. */
  get started(): boolean {
    return this.#started;
  }

  /** Whether the client is gone. */
  get aborted(): boolean {
    return this.#aborted;
  }

  /**
   * Appends to the content. Gives long pieces away: beyond `COPIED_CONTENT_MAX` octets the memory must not change any more.
   * False: wait (`drained`, `onDrain`); after the client has gone it is false as well, and `drained` rejects.
   */
  write(piece: Uint8Array | string): boolean {
    if (this.#aborted) return false;
    const octets = typeof piece === "string" ? Buffer.from(piece, "utf8") : piece;
    if (octets.length === 0) return !this.#blocked;
    this.#written += octets.length;
    if (this.#framing.length !== null && this.#written > this.#framing.length && !this.#framing.silent) {
      throw new HttpUsageError("ERR_HTTP_CONTENT_LENGTH", "more content than was announced");
    }
    if (this.#ended) throw new HttpUsageError("ERR_HTTP_RESPONSE_STARTED", "the response has ended");
    if (this.#framing.silent) return true;
    const prefix = this.#framing.chunked ? `${this.#pending}${octets.length.toString(16)}\r\n` : this.#pending;
    this.#pending = this.#framing.chunked ? "\r\n" : "";
    if (octets.length <= COPIED_CONTENT_MAX) return this.#send(this.#outlet.encoder.join(prefix, octets));
    if (prefix.length > 0) this.#send(this.#outlet.encoder.join(prefix, null));
    return this.#send(octets);
  }

  /** As `write`, of `octets[start, end)`, which may change once this returns: for octets that are lent. */
  writeCopy(octets: Uint8Array, start: number, end: number): boolean {
    const piece = octets.subarray(start, end);
    return this.write(piece.length <= COPIED_CONTENT_MAX ? piece : new Uint8Array(piece));
  }

  /** Sends the head now, though there is no content yet. */
  flush(): void {
    if (this.#aborted || this.#pending.length === 0) return;
    const text = this.#pending;
    this.#pending = "";
    this.#send(this.#outlet.encoder.join(text, null));
  }

  /** The content is complete. Fewer octets than announced cut the connection: ERR_HTTP_CONTENT_LENGTH. */
  end(): void {
    if (this.#aborted || this.#ended) return;
    this.#ended = true;
    if (!this.#framing.silent && this.#framing.length !== null && this.#written < this.#framing.length) {
      this.#outlet.broken();
      throw new HttpUsageError("ERR_HTTP_CONTENT_LENGTH", "less content than was announced");
    }
    if (this.#framing.chunked && !this.#framing.silent) this.#pending += "0\r\n\r\n";
    this.flush();
    this.#outlet.finished();
  }

  /** Resolves when the client can take more; rejects with ERR_HTTP_ABORTED when it is gone. */
  drained(): Promise<void> {
    if (this.#aborted) return Promise.reject(gone());
    if (!this.#blocked) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** For the connection. */
  drain(): void {
    this.#blocked = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.resolve();
    this.onDrain?.();
  }

  /** For the connection. */
  abort(): void {
    this.#aborted = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.reject(gone());
  }

  #send(octets: Uint8Array): boolean {
    this.#started = true;
    const open = this.#outlet.send(octets);
    if (!open) this.#blocked = true;
    return open;
  }
}

const gone = (): HttpUsageError => new HttpUsageError("ERR_HTTP_ABORTED", "the client has gone away");
