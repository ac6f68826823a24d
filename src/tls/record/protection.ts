import { type ContentType, RECORD_HEADER_OCTETS, writeRecordHeader } from "./record.ts";

/** One direction's outgoing records. Text is never longer than `PLAINTEXT_MAX`. */
export interface RecordSealer {
  /** Octets that a record has beyond its text, at most; its header is among them. */
  readonly overhead: number;
  /** Records that may still be sealed under these keys. */
  readonly recordsLeft: number;
  /** Writes the whole record for `text` into `into` from `at` on, where there is room, and returns its end. */
  seal(type: ContentType, text: Uint8Array, into: Buffer, at: number): number;
  /** Forgets the keys; the last call. */
  wipe(): void;
}

/** One direction's incoming records. */
export interface RecordOpener {
  /** Records that may still be opened under these keys. */
  readonly recordsLeft: number;
  /** The text of a record, or null where it is not what the peer sealed next: one answer for every reason (`bad_record_mac`). */
  open(type: ContentType, fragment: Uint8Array): Uint8Array | null;
  wipe(): void;
}

/** Before the first ChangeCipherSpec: TLS_NULL_WITH_NULL_NULL, RFC 5246 §6.1. */
export const PLAIN_SEALER: RecordSealer = {
  overhead: RECORD_HEADER_OCTETS,
  recordsLeft: Infinity,
  seal: (type, text, into, at) => {
    const textAt = writeRecordHeader(into, at, type, text.length);
    into.set(text, textAt);
    return textAt + text.length;
  },
  wipe: () => {},
};

export const PLAIN_OPENER: RecordOpener = {
  recordsLeft: Infinity,
  open: (_type, fragment) => fragment,
  wipe: () => {},
};
