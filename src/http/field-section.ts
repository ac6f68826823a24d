import { COLON, CR, FIELD_VALUE, HTAB, LF, OCTET_CLASS, SP, TOKEN } from "./octets.ts";
import {
  BAD_FIELD_NAME,
  BAD_FIELD_VALUE,
  BARE_CR,
  BARE_LF,
  FOLDED_LINE,
  TOO_MANY_FIELDS,
  type ParseFailure,
} from "./parse-failure.ts";

const LINE_START = 0, NAME = 1, BEFORE_VALUE = 2, VALUE = 3, LINE_LF = 4, LAST_LF = 5; // prettier-ignore

/** Int32 of each field in `offsets`: start and end of its name, start and end of its value. */
export const OFFSETS_PER_FIELD = 4;

/**
 * A header or trailer section, RFC 9112 §5, read octet by octet so that it does not matter where deliveries cut it.
 * Judges the grammar of lines only. Line folding is refused (§5.2), so is whitespace before the colon (§5.1).
 *
 * Shape: of field `i`, `offsets[4 i, 4 i + 4)` are the ends of name and value, relative to the `base` of `feed`.
 *        Whitespace before a value is left out, whitespace after it is still inside.
 */
export class FieldSection {
  readonly offsets: Int32Array;
  readonly #fieldsMax: number;
  count = 0;
  complete = false;
  failure: ParseFailure | null = null;
  #state = LINE_START;

  constructor(fieldsMax: number) {
    this.#fieldsMax = fieldsMax;
    this.offsets = new Int32Array(fieldsMax * OFFSETS_PER_FIELD);
  }

  reset(): void {
    this.count = 0;
    this.complete = false;
    this.failure = null;
    this.#state = LINE_START;
  }

  /**
   * Reads `bytes[at, end)` and returns where it stopped: behind the empty line (`complete`), at the fault (`failure`), or at `end`.
   * @hot
   */
  feed(bytes: Uint8Array, base: number, at: number, end: number): number {
    const offsets = this.offsets;
    let state = this.#state;
    let i = at;
    while (i < end) {
      switch (state) {
        case LINE_START: {
          const octet = bytes[i];
          if (octet === CR) {
            state = LAST_LF;
            i++;
            break;
          }
          if ((OCTET_CLASS[octet] & TOKEN) === 0) return this.#fail(i, lineStartFault(octet));
          if (this.count === this.#fieldsMax) return this.#fail(i, TOO_MANY_FIELDS);
          offsets[this.count * OFFSETS_PER_FIELD] = i - base;
          state = NAME;
          break;
        }
        case NAME:
          while (i < end && (OCTET_CLASS[bytes[i]] & TOKEN) !== 0) i++;
          if (i === end) break;
          if (bytes[i] !== COLON) return this.#fail(i, BAD_FIELD_NAME);
          offsets[this.count * OFFSETS_PER_FIELD + 1] = i - base;
          state = BEFORE_VALUE;
          i++;
          break;
        case BEFORE_VALUE:
          while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
          if (i === end) break;
          offsets[this.count * OFFSETS_PER_FIELD + 2] = i - base;
          state = VALUE;
          break;
        case VALUE:
          while (i < end && (OCTET_CLASS[bytes[i]] & FIELD_VALUE) !== 0) i++;
          if (i === end) break;
          if (bytes[i] !== CR) return this.#fail(i, bytes[i] === LF ? BARE_LF : BAD_FIELD_VALUE);
          offsets[this.count * OFFSETS_PER_FIELD + 3] = i - base;
          this.count++;
          state = LINE_LF;
          i++;
          break;
        case LINE_LF:
          if (bytes[i] !== LF) return this.#fail(i, BARE_CR);
          state = LINE_START;
          i++;
          break;
        case LAST_LF:
          if (bytes[i] !== LF) return this.#fail(i, BARE_CR);
          this.complete = true;
          return i + 1;
      }
    }
    this.#state = state;
    return i;
  }

  #fail(at: number, failure: ParseFailure): number {
    this.failure = failure;
    return at;
  }
}

function lineStartFault(octet: number): ParseFailure {
  if (octet === LF) return BARE_LF;
  return octet === SP || octet === HTAB ? FOLDED_LINE : BAD_FIELD_NAME;
}
