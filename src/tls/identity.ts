import type { KeyObject } from "node:crypto";

import type { RsaUnwrapKey } from "./keys/rsa-unwrapping.ts";

/** Who this side is: a certificate chain, its own certificate first, in DER, and the private key that belongs to it. */
export interface Identity {
  readonly chain: readonly Buffer[];
  readonly key: KeyObject;
  readonly kind: "rsa" | "ecdsa";
  /** For RSA key exchange; null with ECDSA. */
  readonly unwrapKey: RsaUnwrapKey | null;
}

/** A server's identities, one for each kind of key at most. */
export interface ServerIdentities {
  readonly rsa: Identity | null;
  readonly ecdsa: Identity | null;
}
