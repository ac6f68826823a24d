import { FieldSection } from "./field-section.ts";
import type { HttpLimits } from "./limits.ts";
import { CR, FIELD_VALUE, LF, OCTET_CLASS, SEMICOLON, hexValue } from "./octets.ts";
import {
  BAD_CHUNK,
  BODY_TOO_LARGE,
  CHUNK_EXTENSIONS_TOO_LONG,
  HEAD_TOO_LARGE,
  type ParseFailure,
} from "./parse-failure.ts";

const SIZE = 0, EXTENSION = 1, SIZE_LF = 2, DATA = 3, DATA_CR = 4, DATA_LF = 5, TRAILERS = 6; // prettier-ignore

/** Digits of a chunk size, leading zeros counted: 2^48 fits, and no arithmetic can overflow. */
const CHUNK_SIZE_DIGITS_MAX = 12;

/**
 * Content as it stands on the wire, RFC 9112 §6.2 and §7.1, turned into ranges of octets. It copies nothing.
 * Lines end in CRLF and nothing else; chunk extensions are read over, trailers are checked and dropped (RFC 9110 §6.5.1).
 */
export class BodyDecoder {
  /** After `feed`: octets of content lie at `[dataAt, dataEnd)` of what it was given; none where both are equal. */
  dataAt = 0;
  dataEnd = 0;
  done = false;
  failure: ParseFailure | null = null;
  /** Octets of content that are certainly still to come. */
  remaining: number;
  readonly chunked: boolean;
  readonly #limits: HttpLimits;
  #state: number;
  #total = 0;
  #sizeDigits = 0;
  #extensionOctets = 0;
  #trailerOctets = 0;
  #trailers: FieldSection | null = null;

  /** `contentLength` in octets, or -1 for chunked. */
  constructor(contentLength: number, limits: HttpLimits) {
    this.chunked = contentLength < 0;
    this.remaining = Math.max(0, contentLength);
    this.#limits = limits;
    this.#state = this.chunked ? SIZE : DATA;
  }

  /**
   * Reads from `bytes[at, end)` up to the end of one range of content at most, and returns where it stopped.
   * Call again with the rest until `end` is reached, or `done`, or `failure`.
   */
  feed(bytes: Uint8Array, at: number, end: number): number {
    this.dataAt = this.dataEnd = at;
    let i = at;
    while (i < end && this.failure === null && !this.done) {
      if (this.#state === DATA) return this.#takeData(i, end);
      if (this.#state === TRAILERS) return this.#readTrailers(bytes, i, end);
      if (this.#state === EXTENSION) i = this.#readExtension(bytes, i, end);
      else this.#step(bytes[i++]);
    }
    return i;
  }

  #takeData(at: number, end: number): number {
    const length = Math.min(this.remaining, end - at);
    this.dataAt = at;
    this.dataEnd = at + length;
    this.remaining -= length;
    if (this.remaining === 0) {
      if (this.chunked) this.#state = DATA_CR;
      else this.done = true;
    }
    return at + length;
  }

  /** One octet of the lines around chunks. */
  #step(octet: number): void {
    switch (this.#state) {
      case SIZE: {
        const digit = hexValue(octet);
        if (digit >= 0) return this.#addDigit(digit);
        if (this.#sizeDigits === 0) return this.#fail(BAD_CHUNK);
        if (octet === CR) this.#state = SIZE_LF;
        else if (octet === SEMICOLON) this.#state = EXTENSION;
        else this.#fail(BAD_CHUNK); // Whitespace too: RFC 9112 §7.1.1 calls it bad, and parsers differ on it.
        return;
      }
      case SIZE_LF:
        return octet === LF ? this.#startChunk() : this.#fail(BAD_CHUNK);
      case DATA_CR:
        if (octet !== CR) return this.#fail(BAD_CHUNK);
        this.#state = DATA_LF;
        return;
      case DATA_LF:
        if (octet !== LF) return this.#fail(BAD_CHUNK);
        this.#sizeDigits = 0;
        this.#state = SIZE;
        return;
    }
  }

  #addDigit(digit: number): void {
    if (++this.#sizeDigits > CHUNK_SIZE_DIGITS_MAX) return this.#fail(BAD_CHUNK);
    this.remaining = this.remaining * 16 + digit;
    if (this.#total + this.remaining > this.#limits.bodyOctets) this.#fail(BODY_TOO_LARGE);
  }

  #readExtension(bytes: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#limits.chunkExtensionOctets - this.#extensionOctets + 1);
    let i = at;
    while (i < stop && (OCTET_CLASS[bytes[i]] & FIELD_VALUE) !== 0) i++;
    this.#extensionOctets += i - at;
    if (this.#extensionOctets > this.#limits.chunkExtensionOctets) this.#fail(CHUNK_EXTENSIONS_TOO_LONG);
    else if (i < stop) {
      if (bytes[i] !== CR) this.#fail(BAD_CHUNK);
      this.#state = SIZE_LF;
      i++;
    }
    return i;
  }

  #startChunk(): void {
    this.#total += this.remaining;
    this.#state = this.remaining > 0 ? DATA : TRAILERS;
  }

  #readTrailers(bytes: Uint8Array, at: number, end: number): number {
    this.#trailers ??= new FieldSection(this.#limits.fields);
    const stop = Math.min(end, at + this.#limits.headOctets - this.#trailerOctets);
    const to = this.#trailers.feed(bytes, at, at, stop);
    this.#trailerOctets += to - at;
    this.failure = this.#trailers.failure;
    if (this.#trailers.complete) this.done = true;
    else if (this.#trailerOctets === this.#limits.headOctets) this.failure ??= HEAD_TOO_LARGE;
    return to;
  }

  #fail(failure: ParseFailure): void {
    this.failure = failure;
  }
}
