import { constants, verify, type KeyObject } from "node:crypto";

/** RFC 5246 §7.4.1.4.1 in the form of RFC 8446 §4.2.3: one number for hash and algorithm. SHA-1 and MD5 are not spoken. */
export interface SignatureScheme {
  readonly id: number;
  readonly name: string;
  readonly key: "rsa" | "ecdsa";
  readonly hash: "sha256" | "sha384" | "sha512";
  /** RSASSA-PSS with a salt of the hash's length; otherwise, with RSA, PKCS#1 v1.5. */
  readonly pss: boolean;
}

type Row = readonly [
  id: number,
  name: string,
  key: "rsa" | "ecdsa",
  hash: "sha256" | "sha384" | "sha512",
  pss: boolean,
];

/** In the order of preference. In TLS 1.2 the hash of an ECDSA scheme binds no curve (RFC 8422 §5.1.3). */
const ROWS: readonly Row[] = [
  [0x0403, "ecdsa_secp256r1_sha256", "ecdsa", "sha256", false],
  [0x0503, "ecdsa_secp384r1_sha384", "ecdsa", "sha384", false],
  [0x0603, "ecdsa_secp521r1_sha512", "ecdsa", "sha512", false],
  [0x0804, "rsa_pss_rsae_sha256", "rsa", "sha256", true],
  [0x0805, "rsa_pss_rsae_sha384", "rsa", "sha384", true],
  [0x0806, "rsa_pss_rsae_sha512", "rsa", "sha512", true],
  [0x0401, "rsa_pkcs1_sha256", "rsa", "sha256", false],
  [0x0501, "rsa_pkcs1_sha384", "rsa", "sha384", false],
  [0x0601, "rsa_pkcs1_sha512", "rsa", "sha512", false],
];

export const SIGNATURE_SCHEMES: readonly SignatureScheme[] = ROWS.map(([id, name, key, hash, pss]) => ({
  id,
  name,
  key,
  hash,
  pss,
}));

/** Which of the two kinds of key that are spoken `key` is; null for any other (Ed25519, DSA, RSA that may only do PSS). */
export function keyKind(key: KeyObject): "rsa" | "ecdsa" | null {
  if (key.asymmetricKeyType === "rsa") return "rsa";
  return key.asymmetricKeyType === "ec" ? "ecdsa" : null;
}

/**
 * The key with the padding that the scheme wants, as `sign` and `verify` of `node:crypto` take it. Signatures by ECDSA and PSS are
 * random: these are the only outputs that the injected randomness does not decide.
 */
export const signatureKey = (scheme: SignatureScheme, key: KeyObject) => {
  if (scheme.key === "ecdsa") return { key };
  if (!scheme.pss) return { key, padding: constants.RSA_PKCS1_PADDING };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
};

/** Whether `signature` is `key`'s over `octets`. False, too, where the key is of another kind. */
export function verifyOctets(
  scheme: SignatureScheme,
  key: KeyObject,
  octets: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (keyKind(key) !== scheme.key) return false;
  try {
    return verify(scheme.hash, octets, signatureKey(scheme, key), signature);
  } catch {
    return false; // What OpenSSL cannot even read.
  }
}
