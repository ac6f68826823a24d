import { OFFSETS_PER_FIELD, type FieldSection } from "./field-section.ts";
import { COLON, COMMA, HOST, HTAB, OCTET_CLASS, SP, equalsIgnoringCase, isDigit } from "./octets.ts";
import {
  BAD_CODING,
  BAD_CONTENT_LENGTH,
  BAD_HOST,
  CHUNKED_NOT_LAST,
  CODING_IN_HTTP_1_0,
  CONTENT_LENGTH_REPEATED,
  HOST_MISSING,
  HOST_REPEATED,
  LENGTH_AND_CODING,
  UNKNOWN_CODING,
  UNKNOWN_EXPECTATION,
  type ParseFailure,
} from "./parse-failure.ts";

const isSpace = (octet: number): boolean => octet === SP || octet === HTAB;

/**
 * What the fields of a request say about its length and its connection, RFC 9112 §3.2, §6 and §9.
 * Whatever two parsers could read in two ways is refused, so that nobody in front of us can be made to disagree with us.
 */
export class Framing {
  /** Octets of content, or -1 where there is no Content-Length. Beyond 2^53 it is `Infinity`. */
  contentLength = -1;
  chunked = false;
  keepAlive = true;
  /** The client waits for 100 (Continue). RFC 9110 §10.1.1: never in HTTP/1.0. */
  expectsContinue = false;
  #hosts = 0;
  #codings = 0;
  #unknownCodings = 0;
  #saysClose = false;
  #saysKeepAlive = false;
  #minorVersion = 1;

  /** Reads all `fields` of a head that lies at `bytes[base, …)`. @hot */
  judge(bytes: Uint8Array, base: number, fields: FieldSection, minorVersion: number): ParseFailure | null {
    this.contentLength = -1;
    this.chunked = false;
    this.expectsContinue = false;
    this.#hosts = 0;
    this.#codings = 0;
    this.#unknownCodings = 0;
    this.#saysClose = false;
    this.#saysKeepAlive = false;
    this.#minorVersion = minorVersion;
    const offsets = fields.offsets;
    const last = fields.count * OFFSETS_PER_FIELD;
    for (let k = 0; k < last; k += OFFSETS_PER_FIELD) {
      const length = offsets[k + 1] - offsets[k];
      if (length > 17 || (length !== 4 && length !== 6 && length !== 10 && length !== 14 && length !== 17)) continue;
      const failure = this.#judgeField(bytes, base, offsets, k);
      if (failure !== null) return failure;
    }
    return this.#judgeAll();
  }

  #judgeField(bytes: Uint8Array, base: number, offsets: Int32Array, k: number): ParseFailure | null {
    const nameAt = base + offsets[k];
    const nameEnd = base + offsets[k + 1];
    const at = base + offsets[k + 2];
    const end = trimEnd(bytes, at, base + offsets[k + 3]);
    switch (nameEnd - nameAt) {
      case 4:
        return equalsIgnoringCase(bytes, nameAt, nameEnd, "host") ? this.#takeHost(bytes, at, end) : null;
      case 6:
        return equalsIgnoringCase(bytes, nameAt, nameEnd, "expect") ? this.#takeExpect(bytes, at, end) : null;
      case 10:
        return equalsIgnoringCase(bytes, nameAt, nameEnd, "connection") ? this.#takeConnection(bytes, at, end) : null;
      case 14:
        return equalsIgnoringCase(bytes, nameAt, nameEnd, "content-length") ? this.#takeLength(bytes, at, end) : null;
      default:
        return equalsIgnoringCase(bytes, nameAt, nameEnd, "transfer-encoding")
          ? this.#takeCoding(bytes, at, end)
          : null;
    }
  }

  #judgeAll(): ParseFailure | null {
    if (this.#codings > 0) {
      if (this.#minorVersion === 0) return CODING_IN_HTTP_1_0; // RFC 9112 §6.1: faulty framing.
      if (this.contentLength >= 0) return LENGTH_AND_CODING; // §6.3 rule 3.
      if (!this.chunked) return CHUNKED_NOT_LAST; // §6.3 rule 4: the length cannot be told.
      if (this.#unknownCodings > 0) return UNKNOWN_CODING; // §6.1.
    }
    if (this.#hosts === 0 && this.#minorVersion === 1) return HOST_MISSING; // §3.2.
    this.keepAlive = !this.#saysClose && (this.#minorVersion === 1 || this.#saysKeepAlive); // §9.3.
    if (this.#minorVersion === 0) this.expectsContinue = false;
    return null;
  }

  /** RFC 9112 §3.2: exactly one, and well-formed. */
  #takeHost(bytes: Uint8Array, at: number, end: number): ParseFailure | null {
    if (++this.#hosts > 1) return HOST_REPEATED;
    return isHost(bytes, at, end) ? null : BAD_HOST;
  }

  #takeExpect(bytes: Uint8Array, at: number, end: number): ParseFailure | null {
    if (!equalsIgnoringCase(bytes, at, end, "100-continue"))
      return this.#minorVersion === 0 ? null : UNKNOWN_EXPECTATION;
    this.expectsContinue = true;
    return null;
  }

  #takeConnection(bytes: Uint8Array, at: number, end: number): ParseFailure | null {
    for (let i = at; i < end;) {
      const stop = elementEnd(bytes, i, end);
      const from = skipSpace(bytes, i, stop);
      const to = trimEnd(bytes, from, stop);
      if (equalsIgnoringCase(bytes, from, to, "close")) this.#saysClose = true;
      else if (equalsIgnoringCase(bytes, from, to, "keep-alive")) this.#saysKeepAlive = true;
      i = stop + 1;
    }
    return null;
  }

  /** RFC 9110 §8.6: digits alone. A second one is refused even where it repeats the first, which §8.6 allows. */
  #takeLength(bytes: Uint8Array, at: number, end: number): ParseFailure | null {
    if (this.contentLength >= 0) return CONTENT_LENGTH_REPEATED;
    if (at === end) return BAD_CONTENT_LENGTH;
    let length = 0;
    for (let i = at; i < end; i++) {
      if (!isDigit(bytes[i])) return BAD_CONTENT_LENGTH;
      length = length * 10 + (bytes[i] - 0x30);
    }
    this.contentLength = length > Number.MAX_SAFE_INTEGER ? Infinity : length;
    return null;
  }

  /** RFC 9112 §6.1: chunked once, and last. Several lines are one list (RFC 9110 §5.3); an empty element is refused. */
  #takeCoding(bytes: Uint8Array, at: number, end: number): ParseFailure | null {
    for (let i = at; i <= end;) {
      const stop = elementEnd(bytes, i, end);
      const from = skipSpace(bytes, i, stop);
      const to = trimEnd(bytes, from, stop);
      if (from === to) return BAD_CODING;
      this.#codings++;
      if (this.chunked) return CHUNKED_NOT_LAST;
      if (equalsIgnoringCase(bytes, from, to, "chunked")) this.chunked = true;
      else this.#unknownCodings++;
      i = stop + 1;
    }
    return null;
  }
}

/** Where `bytes[at, end)` ends once whitespace behind it is left out. */
export function trimEnd(bytes: Uint8Array, at: number, end: number): number {
  let to = end;
  while (to > at && isSpace(bytes[to - 1])) to--;
  return to;
}

function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && isSpace(bytes[i])) i++;
  return i;
}

function elementEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] !== COMMA) i++;
  return i;
}

/** Whether `bytes[at, end)` is `uri-host [ ":" port ]`, RFC 9110 §7.2; empty is allowed (RFC 9112 §3.2). */
export function isHost(bytes: Uint8Array, at: number, end: number): boolean {
  let i = at;
  if (bytes[i] === 0x5b && i < end) {
    while (i < end && bytes[i] !== 0x5d) i++;
    if (i === end) return false;
    for (let k = at + 1; k < i; k++) if ((OCTET_CLASS[bytes[k]] & HOST) === 0 || bytes[k] === 0x5b) return false;
    i++;
  } else {
    for (; i < end && bytes[i] !== COLON; i++) {
      if ((OCTET_CLASS[bytes[i]] & HOST) === 0 || bytes[i] === 0x5b || bytes[i] === 0x5d) return false;
    }
  }
  if (i === end) return true;
  if (bytes[i] !== COLON) return false;
  for (i++; i < end; i++) if (!isDigit(bytes[i])) return false;
  return true;
}
