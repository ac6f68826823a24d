import { Buffer } from "node:buffer";

import type { HeaderBlock } from "./header-block.ts";
import { reasonPhrase } from "./status.ts";

/** Memory that small responses are cut from. Small, since one response that nobody acknowledges keeps its slab alive. */
const SLAB_OCTETS = 16_384;
/** Content up to this many octets is copied behind its head, so that both leave as one piece; longer content is a piece of its own. */
export const COPIED_CONTENT_MAX = 4_096;
const SECOND_US = 1_000_000;
/** Octets of the digits of the largest length that a number tells exactly, and of the ends of two lines. */
const LENGTH_MAX = 20;

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
  /** Where the last `answer` lies: `octets[at, end)`. */
  octets: Uint8Array = this.#slab;
  at = 0;
  end = 0;
  /** Status lines with their Date, good until `#staleAtUs` of the monotonic clock. */
  readonly #starts = new Map<number, string>();
  #dateLine = "";
  #staleAtUs = -Infinity;

  constructor(wallClockMs: () => number) {
    this.#wallClockMs = wallClockMs;
  }

  /**
   * A head with `content` (`length` octets; text as UTF-8) behind it: `octets[at, end)`, where this one finds it until its
   * next call. `announced` as `head`'s `length`.
   * @hot
   */
  answer(
    status: number,
    block: HeaderBlock,
    announced: number,
    persistence: Persistence,
    nowUs: number,
    content: Uint8Array | string,
    length: number,
  ): void {
    const hasLength = announced >= 0;
    const prefix = this.#prefixOf(status, block, hasLength, persistence, nowUs);
    const at = this.#reserve(prefix.length + LENGTH_MAX + length);
    const slab = this.#slab;
    slab.set(prefix, at);
    const to = hasLength ? putLength(slab, at + prefix.length, announced) : at + prefix.length;
    if (typeof content !== "string") slab.set(content, to);
    else if (length > 0) slab.write(content, to, "utf8");
    this.octets = slab;
    this.at = at;
    this.end = this.#used = to + length;
  }

  /** The head up to the digits of its length, or all of it. Kept with its block, which serves one response after the other. */
  #prefixOf(
    status: number,
    block: HeaderBlock,
    hasLength: boolean,
    persistence: Persistence,
    nowUs: number,
  ): Uint8Array {
    const kept = block.written;
    if (
      kept?.by === this &&
      kept.status === status &&
      kept.hasLength === hasLength &&
      kept.persistence === persistence &&
      nowUs < kept.staleAtUs
    ) {
      return kept.octets;
    }
    const start = block.hasDate ? statusLine(status) : this.#startOf(status, nowUs);
    const text = start + CONNECTION_LINES[persistence] + block.text + (hasLength ? "content-length: " : "\r\n");
    const octets = Buffer.from(text, "latin1");
    const staleAtUs = block.hasDate ? Infinity : this.#staleAtUs;
    block.written = { by: this, status, hasLength, persistence, staleAtUs, octets };
    return octets;
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

/** Writes the digits of a length, the end of their line and the empty line; returns where it ends. */
function putLength(slab: Uint8Array, at: number, length: number): number {
  let last = at;
  for (let n = length; n >= 10; n = Math.floor(n / 10)) last++;
  for (let i = last, n = length; i >= at; i--, n = Math.floor(n / 10)) slab[i] = 0x30 + (n % 10);
  slab[last + 1] = slab[last + 3] = 0x0d;
  slab[last + 2] = slab[last + 4] = 0x0a;
  return last + 5;
}

const statusLine = (status: number): string => `HTTP/1.1 ${String(status)} ${reasonPhrase(status)}\r\n`;
