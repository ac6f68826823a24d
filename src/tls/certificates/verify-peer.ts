import type { X509Certificate } from "node:crypto";

import { Certificate } from "./certificate.ts";
import { hostMismatch } from "./host-name.ts";
import { judgeDates, verifyPath, type Purpose } from "./path.ts";
import type { TrustStore } from "./trust-store.ts";
import { verifyFailure, type VerifyFailure } from "./verify-codes.ts";

export interface PeerToVerify {
  /** The peer's own certificate first. */
  readonly chain: readonly X509Certificate[];
  /** They were verified when the session was made: dates and name are looked at again, signatures are not. */
  readonly resumed: boolean;
  readonly roots: TrustStore;
  readonly purpose: Purpose;
  readonly nowMs: number;
  /** What the peer must be called; null where its name does not matter here. */
  readonly host: string | null;
}

/** Whether a peer is who it must be. Null for yes. */
export function verifyPeer({ chain, resumed, roots, purpose, nowMs, host }: PeerToVerify): VerifyFailure | null {
  const [leaf, ...others] = chain.slice(0, resumed ? 1 : chain.length).map((x509) => new Certificate(x509));
  const certificates = [leaf, ...others];
  const failure = resumed
    ? judgeDates(certificates, nowMs)
    : verifyPath({ chain: certificates, roots, purpose, nowMs });
  if (failure !== null || host === null) return failure;
  if (leaf.facts === null) return verifyFailure("UNSPECIFIED", "the certificate is malformed");
  const mismatch = hostMismatch(host, leaf.facts);
  return mismatch === null ? null : verifyFailure("ERR_TLS_CERT_ALTNAME_INVALID", mismatch);
}
