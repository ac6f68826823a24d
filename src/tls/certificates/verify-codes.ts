import type { AlertName } from "../alert.ts";

/** Why a certificate is not trusted, in the codes of `node:tls`. */
export type VerifyCode =
  | "CERT_CHAIN_TOO_LONG"
  | "CERT_HAS_EXPIRED"
  | "CERT_NOT_YET_VALID"
  | "CERT_SIGNATURE_FAILURE"
  | "DEPTH_ZERO_SELF_SIGNED_CERT"
  | "ERR_TLS_CERT_ALTNAME_INVALID"
  | "INVALID_CA"
  | "INVALID_PURPOSE"
  | "PATH_LENGTH_EXCEEDED"
  | "SELF_SIGNED_CERT_IN_CHAIN"
  | "UNABLE_TO_GET_ISSUER_CERT"
  | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
  | "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
  /** Everything for which Node has no code of its own: name constraints, unknown critical extensions, weak algorithms. */
  | "UNSPECIFIED";

/** In OpenSSL's words, which `node:tls` uses. */
const MEANINGS: Readonly<Record<VerifyCode, string>> = {
  CERT_CHAIN_TOO_LONG: "certificate chain too long",
  CERT_HAS_EXPIRED: "certificate has expired",
  CERT_NOT_YET_VALID: "certificate is not yet valid",
  CERT_SIGNATURE_FAILURE: "certificate signature failure",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "Hostname/IP does not match certificate's altnames",
  INVALID_CA: "invalid CA certificate",
  INVALID_PURPOSE: "unsuitable certificate purpose",
  PATH_LENGTH_EXCEEDED: "path length constraint exceeded",
  SELF_SIGNED_CERT_IN_CHAIN: "self-signed certificate in certificate chain",
  UNABLE_TO_GET_ISSUER_CERT: "unable to get issuer certificate",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unable to get local issuer certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unable to verify the first certificate",
  UNSPECIFIED: "certificate not acceptable",
};

/** RFC 5246 §7.2.2: what the peer is told. */
const ALERTS: Readonly<Record<VerifyCode, AlertName>> = {
  CERT_CHAIN_TOO_LONG: "unknown_ca",
  CERT_HAS_EXPIRED: "certificate_expired",
  CERT_NOT_YET_VALID: "certificate_expired",
  CERT_SIGNATURE_FAILURE: "bad_certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown_ca",
  ERR_TLS_CERT_ALTNAME_INVALID: "bad_certificate",
  INVALID_CA: "unknown_ca",
  INVALID_PURPOSE: "unsupported_certificate",
  PATH_LENGTH_EXCEEDED: "unknown_ca",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown_ca",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown_ca",
  UNSPECIFIED: "certificate_unknown",
};

/** What is wrong with a certificate. */
export interface VerifyFailure {
  readonly code: VerifyCode;
  /** For people; begins with what the code means. */
  readonly reason: string;
}

export const verifyFailure = (code: VerifyCode, detail = ""): VerifyFailure => ({
  code,
  reason: detail === "" ? MEANINGS[code] : `${MEANINGS[code]}: ${detail}`,
});

export const alertFor = (code: VerifyCode): AlertName => ALERTS[code];
