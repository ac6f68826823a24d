import { Buffer } from "node:buffer";

import type { HeaderBlock } from "./header-block.ts";
import { reasonPhrase } from "./status.ts";

/** Memory that small responses are cut from. Small, since one response that nobody acknowledges keeps its slab alive. */
const SLAB_OCTETS = 16_384;
/** Content up to this many octets is copied behind its head, so that both leave as one piece; longer content is a piece of its own. */
export const COPIED_CONTENT_MAX = 4_096;
const SECOND_US = 1_000_000;

/** What a head says beside its fields. */
export const KEEP = 0, KEEP_HTTP_1_0 = 1, CLOSE = 2; // prettier-ignore
export type Persistence = typeof KEEP | typeof KEEP_HTTP_1_0 | typeof CLOSE;

const CONNECTION_LINES = ["", "connection: keep-alive\r\n", "connection: close\r\n"] as const;

/** What the head says about the length of the content: octets, or one of these. */
export const CHUNKED = -1, NO_LENGTH = -2; // prettier-ignore

/**
 * Writes responses, RFC 9112 §4 and RFC 9110 §6.6.1 (Date). One serves all connections of a server.
 * What it returns is never written again: it may be given away.
 */
export class ResponseEncoder {
  readonly #wallClockMs: () => number;
  #slab: Buffer = Buffer.alloc(0);
  #used = 0;
  /** Status lines with their Date, good until `#staleAtUs` of the monotonic clock. */
  readonly #starts = new Map<number, string>();
  #dateLine = "";
  #staleAtUs = -Infinity;

  constructor(wallClockMs: () => number) {
    this.#wallClockMs = wallClockMs;
  }

  /** The head as text, one latin1 character an octet. `length` in octets of content, or `CHUNKED` or `NO_LENGTH`. */
  head(status: number, block: HeaderBlock, length: number, persistence: Persistence, nowUs: number): string {
    const start = block.hasDate ? statusLine(status) : this.#startOf(status, nowUs);
    let text = start + CONNECTION_LINES[persistence] + block.text;
    if (length >= 0) text += "content-length: " + String(length) + "\r\n\r\n";
    else text += length === CHUNKED ? "transfer-encoding: chunked\r\n\r\n" : "\r\n";
    return text;
  }

  /** `head` (latin1) and `content` behind it, in memory of their own. @hot */
  join(head: string, content: Uint8Array | null): Uint8Array {
    const length = head.length + (content === null ? 0 : content.length);
    const at = this.#reserve(length);
    this.#slab.write(head, at, "latin1");
    if (content !== null) this.#slab.set(content, at + head.length);
    return this.#slab.subarray(at, at + length);
  }

  /** `head` (latin1) and `content` as UTF-8 of `contentLength` octets behind it. @hot */
  joinText(head: string, content: string, contentLength: number): Uint8Array {
    const length = head.length + contentLength;
    const at = this.#reserve(length);
    this.#slab.write(head, at, "latin1");
    this.#slab.write(content, at + head.length, "utf8");
    return this.#slab.subarray(at, at + length);
  }

  #reserve(length: number): number {
    if (length > this.#slab.length - this.#used) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(length, SLAB_OCTETS));
      this.#used = 0;
    }
    const at = this.#used;
    this.#used = at + length;
    return at;
  }

  #startOf(status: number, nowUs: number): string {
    if (nowUs >= this.#staleAtUs) this.#renewDate(nowUs);
    let start = this.#starts.get(status);
    if (start === undefined) {
      start = statusLine(status) + this.#dateLine;
      this.#starts.set(status, start); // At most one for each status of three digits.
    }
    return start;
  }

  /** The wall clock is asked once a second, and no timer is needed: the line is renewed by the first response that finds it old. */
  #renewDate(nowUs: number): void {
    const wallMs = this.#wallClockMs();
    this.#staleAtUs = nowUs + SECOND_US - (wallMs % 1000) * 1000;
    this.#dateLine = `date: ${new Date(wallMs).toUTCString()}\r\n`;
    this.#starts.clear();
  }
}

const statusLine = (status: number): string => `HTTP/1.1 ${String(status)} ${reasonPhrase(status)}\r\n`;
