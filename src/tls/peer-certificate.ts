import type { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate } from "node:tls";

/**
 * A chain as `getPeerCertificate(true)` gives it: the first certificate, each with its issuer, a root with itself. The
 * chain is in the order in which it was sent, so that what is not an issuer ends it.
 */
export function legacyCertificate(chain: readonly X509Certificate[]): Partial<DetailedPeerCertificate> {
  const objects = chain.map((x509) => x509.toLegacyObject() as DetailedPeerCertificate);
  for (const [at, x509] of chain.entries()) {
    const issuer = chain.at(at + 1);
    if (issuer !== undefined && x509.checkIssued(issuer)) objects[at].issuerCertificate = objects[at + 1];
    else if (x509.checkIssued(x509)) objects[at].issuerCertificate = objects[at];
  }
  return objects.at(0) ?? {};
}

/** The same without issuers: `getPeerCertificate()`. */
export const ownCertificate = (chain: readonly X509Certificate[]): Partial<DetailedPeerCertificate> =>
  chain.at(0)?.toLegacyObject() ?? {};
