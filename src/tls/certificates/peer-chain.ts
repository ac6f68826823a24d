import { X509Certificate } from "node:crypto";

import { fault, type Fault } from "../alert.ts";
import { keyKind } from "../signature-schemes.ts";

/** Bits of an RSA modulus: below it is broken, above it is a burden (CA/Browser Forum requirements §6.1.5; OpenSSL's own bound is 16,384). */
export const RSA_BITS_MIN = 2048,
  RSA_BITS_MAX = 8192;

/** RFC 8422 §5.1.1: the curves of certificates that are in use. */
const CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];

/** The certificates that a peer sent; the first one has a key of a kind that is spoken here. Says nothing about trust. */
export function parsePeerChain(chain: readonly Uint8Array[]): readonly X509Certificate[] | Fault {
  try {
    const certificates = chain.map((der) => new X509Certificate(der));
    const wrong = certificates.length === 0 ? null : judgeKey(certificates[0]);
    return wrong ?? certificates;
  } catch {
    return fault("bad_certificate", "a certificate cannot be read");
  }
}

function judgeKey({ publicKey }: X509Certificate): Fault | null {
  const kind = keyKind(publicKey);
  const { modulusLength: bits = 0, namedCurve: curve = "" } = publicKey.asymmetricKeyDetails ?? {};
  if (kind === "ecdsa" && CURVES.includes(curve)) return null;
  if (kind !== "rsa") {
    const what = curve === "" ? (publicKey.asymmetricKeyType ?? "unknown") : curve;
    return fault("unsupported_certificate", `a certificate with a key of kind ${what}`);
  }
  if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX) return null;
  return fault("insufficient_security", `a certificate with an RSA key of ${bits} bits`);
}
