/*  What a record's protection covers besides its text, RFC 5246 §6.2.3.1 and §6.2.3.3:
 *   0 | sequence number (64 bits) |
 *   8 | content type |
 *   9 |   version    |
 *  11 |    length    | */
import { type ContentType, TLS_1_2 } from "./record.ts";

const AUTHENTICATED_OCTETS = 13;
export const SEQUENCE_OCTETS = 8;

/** The sequence number of one direction under one set of keys, and the 13 octets that are authenticated with each record. */
export class RecordNumber {
  /** Lent: overwritten with each record. */
  readonly authenticated = Buffer.alloc(AUTHENTICATED_OCTETS);
  /** A view of the first eight octets. */
  readonly sequence = this.authenticated.subarray(0, SEQUENCE_OCTETS);
  readonly #limit: number;
  #next = 0;

  /** `limit`: records that these keys may protect; far below 2^64, where RFC 5246 §6.1 forbids to wrap. */
  constructor(limit: number) {
    this.#limit = limit;
    this.authenticated.writeUInt16BE(TLS_1_2, 9);
  }

  get left(): number {
    return this.#limit - this.#next;
  }

  /** Names the next record: `authenticated` and `sequence` tell of it until the next call. */
  advance(type: ContentType, length: number): void {
    const authenticated = this.authenticated;
    authenticated.writeUInt32BE(Math.floor(this.#next / 0x1_0000_0000), 0);
    authenticated.writeUInt32BE(this.#next >>> 0, 4);
    authenticated[8] = type;
    this.length = length;
    this.#next++;
  }

  /** The length that is authenticated: what an opener of CBC learns only after it has decrypted. */
  set length(length: number) {
    this.authenticated.writeUInt16BE(length, 11);
  }
}
