/** RFC 5246 §7.2 and the extensions' own: what an alert record says, and how the core tells a failure to itself. */

export const ALERT_CODES = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86, // RFC 7507.
  user_canceled: 90,
  no_renegotiation: 100,
  unsupported_extension: 110,
  unrecognized_name: 112, // RFC 6066 §3.
  no_application_protocol: 120, // RFC 7301.
} as const;

export type AlertName = keyof typeof ALERT_CODES;

export const ALERT_WARNING = 1,
  ALERT_FATAL = 2;

const NAMES = new Map<number, AlertName>(
  Object.entries(ALERT_CODES).map(([name, code]) => [code, name as AlertName] as const),
);

/** The name of a code from the wire; one that is not known is `alert_99`. */
export const alertName = (code: number): string => NAMES.get(code) ?? `alert_${code}`;

/** The peer's fault: the fatal alert that it is told, and the reason for people on this side. */
export interface Fault {
  readonly alert: AlertName;
  readonly reason: string;
  /** What the application is told in place of these two. */
  readonly cause?: Error;
}

export const fault = (alert: AlertName, reason: string): Fault => ({ alert, reason });

/** Whether a parser's answer is a fault; nothing else here has an `alert` of its own. */
export const isFault = (value: object): value is Fault => "alert" in value;

export const decodeFault = (what: string): Fault => fault("decode_error", `${what} is malformed`);
