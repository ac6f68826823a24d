import type { RecordCipher } from "../suites.ts";

/**
 * Full records that one key of AES-GCM may protect: 2^24.5, RFC 8446 §5.5. TLS 1.2 has no key update and renegotiation is
 * refused, so a connection that gets there (388 GB one way) is closed.
 */
export const GCM_RECORDS_MAX = Math.floor(2 ** 24.5);

/** ChaCha20-Poly1305's own limit lies beyond every sequence number; this is where numbers of JavaScript stay exact. */
export const CHACHA_RECORDS_MAX = 2 ** 52;

/** AES-CBC with random IVs: 2^36 blocks of 16 octets, so that two of them are equal with a chance below 2^-56. */
export const CBC_RECORDS_MAX = 2 ** 26;

export function recordsMax({ kind }: RecordCipher): number {
  if (kind === "gcm") return GCM_RECORDS_MAX;
  return kind === "cbc" ? CBC_RECORDS_MAX : CHACHA_RECORDS_MAX;
}
