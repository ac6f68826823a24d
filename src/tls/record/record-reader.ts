import { fault, type Fault } from "../alert.ts";
import {
  CIPHERTEXT_MAX,
  CHANGE_CIPHER_SPEC,
  APPLICATION_DATA,
  RECORD_HEADER_OCTETS,
  TLS_1_2,
  type ContentType,
} from "./record.ts";

/** Chunks that a record is held in: one that comes octet by octet costs copies now and then, not an object for each. */
const CHUNKS_MAX = 64;

/** A record as it came, still protected. `fragment` is a view that is dead after the next `next`. */
export interface WireRecord {
  readonly type: ContentType;
  readonly fragment: Uint8Array;
}

const NOTHING = Buffer.alloc(0);

/**
 * Cuts the octet stream into records, whatever the pieces in which it arrives.
 *
 * Owner: `push` takes the chunk over. One record at most is copied, where it lies across chunks.
 * Bound: chunks are held until they are read; whoever pushes while nothing is read must stop (`unread` tells).
 */
export class RecordReader {
  #chunks: Uint8Array[] = [];
  #at = 0;
  #unread = 0;
  /** Where records are joined that lie across chunks; let go when everything has been read, so that idle connections hold none. */
  #joint = NOTHING;
  /** Until the first record has come, a version of any minor number is accepted: RFC 5246 appendix E.1. */
  #versionFixed = false;

  /** Octets that were pushed and are not part of a record yet. */
  get unread(): number {
    return this.#unread;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#unread += chunk.length;
    if (this.#chunks.length === CHUNKS_MAX) this.#gather(this.#unread);
  }

  /** The version is negotiated: from now on it must be that of TLS 1.2. */
  fixVersion(): void {
    this.#versionFixed = true;
  }

  /** The next whole record; null where more octets are needed. */
  next(): WireRecord | Fault | null {
    if (this.#unread < RECORD_HEADER_OCTETS) return this.#unread > 0 ? this.#judgeType(this.#peek(1)[0]) : null;
    const header = this.#peek(RECORD_HEADER_OCTETS);
    const type = header[0];
    const version = header[1] * 256 + header[2];
    const length = header[3] * 256 + header[4];
    const wrong = this.#judgeType(type);
    if (wrong !== null) return wrong;
    if (this.#versionFixed ? version !== TLS_1_2 : version >> 8 !== TLS_1_2 >> 8) {
      return fault("protocol_version", `a record of version ${hex(version)}`);
    }
    if (length > CIPHERTEXT_MAX) return fault("record_overflow", `a record of ${length} octets`);
    if (this.#unread < RECORD_HEADER_OCTETS + length) return null;
    const record = this.#peek(RECORD_HEADER_OCTETS + length);
    this.#skip(record.length);
    return { type: type as ContentType, fragment: record.subarray(RECORD_HEADER_OCTETS) };
  }

  /** Forgets what is unread. */
  clear(): void {
    this.#chunks = [];
    this.#at = 0;
    this.#unread = 0;
    this.#joint = NOTHING;
  }

  #judgeType(type: number): Fault | null {
    if (type >= CHANGE_CIPHER_SPEC && type <= APPLICATION_DATA) return null;
    return fault("unexpected_message", `a record of type ${type}, which is none of TLS`);
  }

  /** The next `length` octets, which are there, in one piece. */
  #peek(length: number): Uint8Array {
    const [first] = this.#chunks;
    if (first.length - this.#at >= length) return first.subarray(this.#at, this.#at + length);
    return this.#gather(length);
  }

  /** Copies the next `length` octets into a chunk of their own, in front of what is left of those that they came from. */
  #gather(length: number): Uint8Array {
    const chunks = this.#chunks;
    if (this.#joint.length < length) this.#joint = Buffer.allocUnsafeSlow(length);
    // Part of it may stand here already, at the beginning: that is then copied onto itself.
    const joined = this.#joint.subarray(0, length);
    let filled = 0;
    let taken = 0;
    while (filled < length) {
      const piece = chunks[taken].subarray(this.#at, this.#at + length - filled);
      joined.set(piece, filled);
      filled += piece.length;
      this.#at += piece.length;
      if (this.#at < chunks[taken].length) break;
      this.#at = 0;
      taken++;
    }
    if (this.#at > 0) chunks[taken] = chunks[taken].subarray(this.#at);
    chunks.splice(0, taken, joined);
    this.#at = 0;
    return joined;
  }

  #skip(length: number): void {
    this.#unread -= length;
    this.#at += length;
    if (this.#at < this.#chunks[0].length) return;
    this.#chunks.shift();
    this.#at = 0;
    if (this.#chunks.length === 0) this.#joint = NOTHING;
  }
}

const hex = (value: number): string => `0x${value.toString(16).padStart(4, "0")}`;
