import { isIssuedBy, isSignedBy, type Certificate } from "./certificate.ts";
import { violatedConstraint } from "./name-constraints.ts";
import type { TrustStore } from "./trust-store.ts";
import { verifyFailure, type VerifyFailure } from "./verify-codes.ts";

/** What a certificate is shown for: by a server, or by a client. */
export type Purpose = "server" | "client";

/** Certificates of a path, its two ends included. */
export const PATH_MAX = 10;
/** Signatures that are checked for one peer, whatever it sends: each takes some 50 µs. */
export const SIGNATURES_MAX = 40;

export interface PathRequest {
  /** The peer's own certificate first, then what it sent along, in any order. */
  readonly chain: readonly Certificate[];
  readonly roots: TrustStore;
  readonly purpose: Purpose;
  readonly nowMs: number;
}

/** RFC 5280 §6.1: whether a path of certificates that are all in order leads from the peer to a root. Null for yes. */
export function verifyPath(request: PathRequest): VerifyFailure | null {
  const builder = new PathBuilder(request);
  return builder.find();
}

/** Depth first, roots before what the peer sent; the failure of the first path is the one that is told. */
class PathBuilder {
  readonly #request: PathRequest;
  #signaturesLeft = SIGNATURES_MAX;
  #failure: VerifyFailure | null = null;
  /** The first path that could go no further. */
  #deadEnd: readonly Certificate[] | null = null;

  constructor(request: PathRequest) {
    this.#request = request;
  }

  find(): VerifyFailure | null {
    const [leaf] = this.#request.chain;
    if (this.#extend([leaf])) return null;
    return this.#failure ?? this.#judgeDeadEnd(this.#deadEnd ?? [leaf]);
  }

  /** Whether `path` leads to a root by certificates that are in order. */
  #extend(path: readonly Certificate[]): boolean {
    const last = path[path.length - 1];
    if (this.#request.roots.isAnchor(last)) {
      const failure = judgePath(path, this.#request);
      this.#failure ??= failure;
      return failure === null;
    }
    if (path.length === PATH_MAX) {
      this.#failure ??= verifyFailure("CERT_CHAIN_TOO_LONG");
      return false;
    }
    const issuers = this.#issuersOf(last).filter((issuer) => !path.some((certificate) => certificate.is(issuer)));
    if (issuers.length === 0) this.#deadEnd ??= path;
    return issuers.some((issuer) => this.#signed(last, issuer) && this.#extend([...path, issuer]));
  }

  #issuersOf(certificate: Certificate): readonly Certificate[] {
    const { roots, chain } = this.#request;
    return [...roots.named(certificate.x509.issuer), ...chain].filter((issuer) => isIssuedBy(certificate, issuer));
  }

  #signed(certificate: Certificate, issuer: Certificate): boolean {
    if (this.#signaturesLeft === 0) {
      this.#failure ??= verifyFailure("CERT_CHAIN_TOO_LONG", "too many signatures to check");
      return false;
    }
    this.#signaturesLeft--;
    if (isSignedBy(certificate, issuer)) return true;
    this.#failure ??= verifyFailure("CERT_SIGNATURE_FAILURE");
    return false;
  }

  /** Nothing leads to a root: why, as OpenSSL tells it. */
  #judgeDeadEnd(path: readonly Certificate[]): VerifyFailure {
    const dates = judgeDates(path, this.#request.nowMs);
    if (dates !== null) return dates;
    const last = path[path.length - 1];
    if (last.selfIssued) {
      return verifyFailure(path.length === 1 ? "DEPTH_ZERO_SELF_SIGNED_CERT" : "SELF_SIGNED_CERT_IN_CHAIN");
    }
    return verifyFailure(path.length === 1 ? "UNABLE_TO_VERIFY_LEAF_SIGNATURE" : "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
  }
}

/** A path whose signatures hold, its root last. OpenSSL's order: what comes first here is told first. */
function judgePath(path: readonly Certificate[], { purpose, nowMs }: PathRequest): VerifyFailure | null {
  return (
    judgeDates(path, nowMs) ??
    judgeForm(path) ??
    judgeIssuers(path, purpose) ??
    judgeLeaf(path[0], purpose) ??
    judgeNames(path)
  );
}

export function judgeDates(path: readonly Certificate[], nowMs: number): VerifyFailure | null {
  for (const { notBeforeMs, notAfterMs } of path) {
    // Dates that cannot be read compare as false.
    if (!(nowMs >= notBeforeMs)) return verifyFailure("CERT_NOT_YET_VALID");
    if (!(nowMs <= notAfterMs)) return verifyFailure("CERT_HAS_EXPIRED");
  }
  return null;
}

/** Signatures by MD2, MD5 or SHA-1: somebody else may have made them (RFC 9155). */
const WEAK_ALGORITHMS = new Set([
  "1.2.840.113549.1.1.2",
  "1.2.840.113549.1.1.4",
  "1.2.840.113549.1.1.5",
  "1.2.840.10045.4.1",
  "1.2.840.10040.4.3",
  "1.3.14.3.2.29",
]);

function judgeForm(path: readonly Certificate[]): VerifyFailure | null {
  const root = path.length - 1;
  for (const [at, { facts }] of path.entries()) {
    if (facts === null) return verifyFailure("UNSPECIFIED", "a certificate is malformed");
    if (facts.unknownCritical) return verifyFailure("UNSPECIFIED", "unhandled critical extension");
    // A root's signature proves nothing that its place in the list does not.
    if (at < root && WEAK_ALGORITHMS.has(facts.signatureAlgorithm)) {
      return verifyFailure("UNSPECIFIED", "CA signature digest algorithm too weak");
    }
  }
  return null;
}

const EXTENDED_KEY_USAGE = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;
const ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";

function allowsPurpose({ facts }: Certificate, purpose: Purpose): boolean {
  const usages = facts?.extendedKeyUsage ?? null;
  return usages === null || usages.includes(EXTENDED_KEY_USAGE[purpose]) || usages.includes(ANY_EXTENDED_KEY_USAGE);
}

/** RFC 5280 §6.1.4 (k) to (n), for everything above the peer's own certificate. */
function judgeIssuers(path: readonly Certificate[], purpose: Purpose): VerifyFailure | null {
  let below = 0; // Certificates between this one and the peer's that are not self-issued.
  for (const [at, certificate] of path.entries()) {
    if (at === 0) continue;
    const { facts } = certificate;
    if (facts === null) return verifyFailure("INVALID_CA");
    const { basicConstraints, keyUsage } = facts;
    // Version 1 roots say nothing of themselves: that they are in the list is enough.
    const bare = at === path.length - 1 && basicConstraints === null && keyUsage === null;
    if (!bare && basicConstraints?.ca !== true) return verifyFailure("INVALID_CA");
    if (keyUsage?.keyCertSign === false) return verifyFailure("INVALID_CA");
    const pathLength = basicConstraints?.pathLength ?? null;
    if (pathLength !== null && below > pathLength) return verifyFailure("PATH_LENGTH_EXCEEDED");
    if (!allowsPurpose(certificate, purpose)) return verifyFailure("INVALID_PURPOSE");
    if (!certificate.selfIssued) below++;
  }
  return null;
}

function judgeLeaf(leaf: Certificate, purpose: Purpose): VerifyFailure | null {
  if (!allowsPurpose(leaf, purpose)) return verifyFailure("INVALID_PURPOSE");
  const usage = leaf.facts?.keyUsage ?? null;
  const usable =
    usage === null || usage.digitalSignature || (purpose === "server" && usage.keyEncipherment) || usage.keyAgreement;
  return usable ? null : verifyFailure("INVALID_PURPOSE");
}

/** RFC 5280 §6.1.3 (b) and (c): each CA's constraints hold for everything below it but certificates of its own name. */
function judgeNames(path: readonly Certificate[]): VerifyFailure | null {
  for (const [at, { facts: issuer }] of path.entries()) {
    const constraints = issuer?.nameConstraints ?? null;
    if (constraints === null) continue;
    for (const [below, certificate] of path.slice(0, at).entries()) {
      if (certificate.facts === null || (below > 0 && certificate.selfIssued)) continue;
      const wrong = violatedConstraint(certificate.facts, constraints);
      if (wrong !== null) return verifyFailure("UNSPECIFIED", wrong);
    }
  }
  return null;
}
