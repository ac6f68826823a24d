import { FieldSection } from "./field-section.ts";
import type { HttpLimits } from "./limits.ts";
import { Framing, isHost } from "./message-framing.ts";
import { METHOD_MAX, findMethod, type Method } from "./method.ts";
import { CR, LF, OCTET_CLASS, SLASH, SP, TARGET, TOKEN, equalsIgnoringCase, isDigit } from "./octets.ts";
import {
  BAD_METHOD,
  BAD_TARGET,
  BAD_VERSION,
  BARE_CR,
  BARE_LF,
  HEAD_TOO_LARGE,
  TARGET_TOO_LONG,
  UNKNOWN_METHOD,
  UNKNOWN_VERSION,
  type ParseFailure,
} from "./parse-failure.ts";

const START = 0, START_LF = 1, METHOD = 2, TARGET_TEXT = 3, VERSION = 4, VERSION_CR = 5, VERSION_LF = 6, FIELDS = 7; // prettier-ignore

const VERSION_PREFIX = "HTTP/";
const VERSION_LENGTH = 8;
const ASTERISK = 0x2a;
const AT_SIGN = 0x40;
const QUESTION_MARK = 0x3f;

/**
 * The head of a request, RFC 9112 §2 to §3 and §6: read from octets as they come, each looked at once, then judged as a whole.
 * One is reused for request after request; it allocates nothing.
 *
 * Shape: places are relative to `base`, where the head starts in the octets given. Octets may move between calls of `feed`,
 *        as long as all of the head is there again from `base` on.
 * Valid: after `complete`, until `reset`.
 * Bare LF is refused as an end of line (RFC 9112 §2.2 leaves that open); empty lines before the request line are skipped.
 */
export class RequestHead {
  readonly fields: FieldSection;
  readonly framing = new Framing();
  readonly #headMax: number;
  readonly #targetMax: number;
  method: Method = "GET";
  /** 0 or 1: RFC 9110 §2.5 has a higher minor version treated as the highest known. */
  minorVersion = 1;
  targetAt = 0;
  targetEnd = 0;
  /** The path and query within the target: the same unless it is in absolute form. */
  pathAt = 0;
  pathEnd = 0;
  /** Octets from `base` to the end of the empty line. */
  length = 0;
  complete = false;
  failure: ParseFailure | null = null;
  #state = START;
  #methodAt = 0;
  #versionAt = 0;
  #methodKnown = false;
  #scanned = 0;

  constructor(limits: HttpLimits) {
    this.fields = new FieldSection(limits.fields);
    this.#headMax = limits.headOctets;
    this.#targetMax = limits.targetOctets;
  }

  reset(): void {
    this.fields.reset();
    this.complete = false;
    this.failure = null;
    this.method = "GET";
    this.#state = START;
    this.#scanned = 0;
  }

  /** Whether a request has begun: octets other than empty lines were seen. */
  get started(): boolean {
    return this.#state > START_LF;
  }

  /** Goes on where it stopped, in `bytes[base, end)`. Then the head is `complete`, has a `failure`, or wants more. @hot */
  feed(bytes: Uint8Array, base: number, end: number): void {
    const stop = Math.min(end, base + this.#headMax);
    let i = base + this.#scanned;
    if (this.#state !== FIELDS) i = this.#readRequestLine(bytes, base, i, stop);
    if (this.#state === FIELDS && this.failure === null) {
      i = this.fields.feed(bytes, base, i, stop);
      this.failure = this.fields.failure;
    }
    this.#scanned = i - base;
    if (this.failure !== null) return;
    if (this.fields.complete) {
      this.length = this.#scanned;
      this.complete = true;
      this.failure = this.framing.judge(bytes, base, this.fields, this.minorVersion);
    } else if (this.#scanned === this.#headMax) {
      this.failure = HEAD_TOO_LARGE;
    }
  }

  #readRequestLine(bytes: Uint8Array, base: number, at: number, end: number): number {
    let i = at;
    while (i < end && this.#state !== FIELDS && this.failure === null) {
      switch (this.#state) {
        case START:
          if (bytes[i] === CR) {
            this.#state = START_LF;
            i++;
          } else {
            this.#methodAt = i - base;
            this.#state = METHOD;
          }
          break;
        case START_LF:
          i = this.#expectLf(bytes, i, START);
          break;
        case METHOD:
          i = this.#readMethod(bytes, base, i, end);
          break;
        case TARGET_TEXT:
          i = this.#readTarget(bytes, base, i, end);
          break;
        case VERSION:
          i = this.#readVersion(bytes, base, i, end);
          break;
        case VERSION_CR:
          if (bytes[i] !== CR) this.failure = bytes[i] === LF ? BARE_LF : BAD_VERSION;
          else this.#state = VERSION_LF;
          i++;
          break;
        case VERSION_LF:
          if (bytes[i] === LF) this.failure = this.#judgeRequestLine(bytes, base);
          i = this.#expectLf(bytes, i, FIELDS);
          break;
      }
    }
    return i;
  }

  #expectLf(bytes: Uint8Array, at: number, next: number): number {
    if (bytes[at] !== LF) this.failure = BARE_CR;
    else this.#state = next;
    return at + 1;
  }

  #readMethod(bytes: Uint8Array, base: number, at: number, end: number): number {
    const start = base + this.#methodAt;
    const stop = Math.min(end, start + METHOD_MAX + 1);
    let i = at;
    while (i < stop && (OCTET_CLASS[bytes[i]] & TOKEN) !== 0) i++;
    if (i - start > METHOD_MAX) this.failure = UNKNOWN_METHOD;
    if (i === stop) return i;
    if (bytes[i] !== SP || i === start) {
      this.failure = BAD_METHOD;
      return i;
    }
    const method = findMethod(bytes, start, i);
    this.#methodKnown = method !== null && method !== "CONNECT"; // RFC 9110 §9.3.6: no tunnels here.
    this.method = method ?? "GET";
    this.targetAt = i + 1 - base;
    this.#state = TARGET_TEXT;
    return i + 1;
  }

  #readTarget(bytes: Uint8Array, base: number, at: number, end: number): number {
    const start = base + this.targetAt;
    const stop = Math.min(end, start + this.#targetMax + 1);
    let i = at;
    while (i < stop && (OCTET_CLASS[bytes[i]] & TARGET) !== 0) i++;
    if (i - start > this.#targetMax) this.failure = TARGET_TOO_LONG;
    if (i === stop) return i;
    if (bytes[i] !== SP || i === start) {
      this.failure = BAD_TARGET; // RFC 9112 §3: no HTTP/0.9, and no whitespace inside.
      return i;
    }
    this.targetEnd = i - base;
    this.#versionAt = i + 1 - base;
    this.#state = VERSION;
    return i + 1;
  }

  /** RFC 9112 §2.3: `HTTP/` DIGIT `.` DIGIT, in capitals. */
  #readVersion(bytes: Uint8Array, base: number, at: number, end: number): number {
    const start = base + this.#versionAt;
    let i = at;
    for (; i < end && i - start < VERSION_LENGTH; i++) {
      const k = i - start;
      const fits =
        k < VERSION_PREFIX.length
          ? bytes[i] === VERSION_PREFIX.charCodeAt(k)
          : k === VERSION_PREFIX.length + 1
            ? bytes[i] === 0x2e
            : isDigit(bytes[i]);
      if (!fits) {
        this.failure = BAD_VERSION;
        return i;
      }
    }
    if (i - start === VERSION_LENGTH) this.#state = VERSION_CR;
    return i;
  }

  #judgeRequestLine(bytes: Uint8Array, base: number): ParseFailure | null {
    const version = base + this.#versionAt;
    if (bytes[version + 5] !== 0x31) return UNKNOWN_VERSION;
    this.minorVersion = bytes[version + 7] === 0x30 ? 0 : 1;
    if (!this.#methodKnown) return UNKNOWN_METHOD;
    this.pathAt = this.targetAt;
    this.pathEnd = this.targetEnd;
    const first = bytes[base + this.targetAt];
    if (first === SLASH) return null; // origin-form, RFC 9112 §3.2.1.
    if (first === ASTERISK) {
      const alone = this.targetEnd - this.targetAt === 1;
      return alone && this.method === "OPTIONS" ? null : BAD_TARGET; // §3.2.4.
    }
    return this.#readAbsoluteForm(bytes, base);
  }

  /** RFC 9112 §3.2.2. User information is refused: RFC 9110 §4.2.4. */
  #readAbsoluteForm(bytes: Uint8Array, base: number): ParseFailure | null {
    const at = base + this.targetAt;
    const end = base + this.targetEnd;
    let authority = at + 7;
    if (!equalsIgnoringCase(bytes, at, Math.min(end, authority), "http://")) {
      authority = at + 8;
      if (!equalsIgnoringCase(bytes, at, Math.min(end, authority), "https://")) return BAD_TARGET;
    }
    let i = authority;
    while (i < end && bytes[i] !== SLASH && bytes[i] !== QUESTION_MARK) {
      if (bytes[i] === AT_SIGN) return BAD_TARGET;
      i++;
    }
    if (i === authority || !isHost(bytes, authority, i)) return BAD_TARGET;
    this.pathAt = i - base;
    return null;
  }
}
