import { X509Certificate } from "node:crypto";

import { Certificate } from "./certificate.ts";

/** The certificates that trust begins with. They are read when first asked for: Node's own list takes some 60 ms. */
export class TrustStore {
  readonly #pems: readonly (string | Buffer)[];
  #bySubject: Map<string, Certificate[]> | null = null;

  /** PEM or DER, each of one certificate. */
  constructor(certificates: readonly (string | Buffer)[]) {
    this.#pems = certificates;
  }

  /** Those whose name is `subject`, as `X509Certificate` writes it. */
  named(subject: string): readonly Certificate[] {
    return this.#index().get(subject) ?? [];
  }

  /** Whether it is one of them and signed by itself: trust ends here. As in OpenSSL, others only help to get there. */
  isAnchor(certificate: Certificate): boolean {
    return certificate.selfIssued && this.named(certificate.x509.subject).some((known) => known.is(certificate));
  }

  /** The subjects as Names in DER: what a server's CertificateRequest lists. */
  subjects(): readonly Uint8Array[] {
    return [...this.#index().values()].flat().flatMap(({ facts }) => (facts === null ? [] : [facts.subject]));
  }

  /** Errors: throws where one of them cannot be read. */
  #index(): Map<string, Certificate[]> {
    if (this.#bySubject !== null) return this.#bySubject;
    const index = new Map<string, Certificate[]>();
    for (const pem of this.#pems) {
      const certificate = new Certificate(new X509Certificate(pem));
      const { subject } = certificate.x509;
      const named = index.get(subject) ?? [];
      named.push(certificate);
      index.set(subject, named);
    }
    this.#bySubject = index;
    return index;
  }
}
