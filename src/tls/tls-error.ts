import type { AlertName } from "./alert.ts";
import type { VerifyFailure } from "./certificates/verify-codes.ts";
import type { ConnectionFailure } from "./connection.ts";

/** OpenSSL names the alerts that SSL 3.0 had after that version, and so does `node:tls`. */
const SSL_3_ALERTS: ReadonlySet<string> = new Set<AlertName>([
  "unexpected_message",
  "bad_record_mac",
  "handshake_failure",
  "bad_certificate",
  "unsupported_certificate",
  "certificate_revoked",
  "certificate_expired",
  "certificate_unknown",
  "illegal_parameter",
]);

const shout = (name: string): string => name.toUpperCase();

/** The code that `node:tls` gives to an alert of the peer: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA". */
const receivedCode = (alert: string): string =>
  `ERR_SSL_${SSL_3_ALERTS.has(alert) ? "SSLV3" : "TLSV1"}_ALERT_${shout(alert)}`;

/**
 * Why a TLS connection failed; match on `code`.
 *
 * - The peer's fatal alert: `ERR_SSL_TLSV1_ALERT_…` or `ERR_SSL_SSLV3_ALERT_…`, as in `node:tls`.
 * - The peer did what it must not: `ERR_TLS_…` with the name of the alert that it was sent ("ERR_TLS_BAD_RECORD_MAC").
 * - Its certificate is not trusted: Node's codes ("CERT_HAS_EXPIRED", "ERR_TLS_CERT_ALTNAME_INVALID", …).
 * - `ERR_TLS_HANDSHAKE_TIMEOUT`, `ERR_TLS_KEY_LIMIT`.
 */
export class TlsError extends Error {
  override readonly name = "TlsError";
  readonly code: string;
  /** The alert that was sent or received; null for none. */
  readonly alert: string | null;

  constructor(code: string, message: string, alert: string | null = null) {
    super(message);
    this.code = code;
    this.alert = alert;
  }
}

/** What a connection's failure is to the application; null for one that is told as a broken connection instead. */
export function errorOf(failure: ConnectionFailure): Error | null {
  switch (failure.kind) {
    case "fault":
      return failure.cause ?? new TlsError(`ERR_TLS_${shout(failure.alert)}`, failure.reason, failure.alert);
    case "alert":
      return new TlsError(receivedCode(failure.alert), `the peer sent the alert ${failure.alert}`, failure.alert);
    case "worn-out":
      return new TlsError("ERR_TLS_KEY_LIMIT", "the keys have protected as many records as they may");
    case "truncated":
      return null;
  }
}

export const certificateError = ({ code, reason }: VerifyFailure): TlsError => new TlsError(code, reason);
