/*  RFC 5246 §6.2.1: every record begins with
 *   0 | content type |
 *   1 |    version major, minor    |
 *   3 |    length of what follows  | */
export const RECORD_HEADER_OCTETS = 5;

export const CHANGE_CIPHER_SPEC = 20,
  ALERT = 21,
  HANDSHAKE = 22,
  APPLICATION_DATA = 23;
export type ContentType = typeof CHANGE_CIPHER_SPEC | typeof ALERT | typeof HANDSHAKE | typeof APPLICATION_DATA;

/** The only version spoken: TLS 1.2 is {3, 3}. */
export const TLS_1_2 = 0x0303;

/** RFC 5246 §6.2.1 and §6.2.3, in octets: text of a record, and what protection may make of it. */
export const PLAINTEXT_MAX = 1 << 14;
export const CIPHERTEXT_MAX = PLAINTEXT_MAX + 2048;

/** Writes the header of a record whose fragment is `length` octets; returns where that begins. */
export function writeRecordHeader(into: Buffer, at: number, type: ContentType, length: number): number {
  into[at] = type;
  into.writeUInt16BE(TLS_1_2, at + 1);
  into.writeUInt16BE(length, at + 3);
  return at + RECORD_HEADER_OCTETS;
}
