import { X509Certificate } from "node:crypto";

import { certificateFacts, type CertificateFacts } from "./certificate-facts.ts";

/** A certificate with what Node shows of it and what it does not; read once. */
export class Certificate {
  readonly x509: X509Certificate;
  /** Null where it is not as RFC 5280 says. */
  readonly facts: CertificateFacts | null;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;

  constructor(x509: X509Certificate) {
    this.x509 = x509;
    this.facts = certificateFacts(x509.raw);
    this.notBeforeMs = Date.parse(x509.validFrom);
    this.notAfterMs = Date.parse(x509.validTo);
  }

  /** Issued by its own name. */
  get selfIssued(): boolean {
    return this.x509.subject === this.x509.issuer;
  }

  /** Signed by its own key. */
  get selfSigned(): boolean {
    return this.selfIssued && isSignedBy(this, this);
  }

  is(other: Certificate): boolean {
    return this.x509.raw.equals(other.x509.raw);
  }
}

/** Whether `issuer` may have issued `certificate`: by names, key identifiers and key usage (RFC 5280 §6.1). */
export const isIssuedBy = (certificate: Certificate, issuer: Certificate): boolean =>
  certificate.x509.checkIssued(issuer.x509);

/** Whether the key of `issuer` has signed `certificate`. False, too, where the key cannot be used. */
export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}
