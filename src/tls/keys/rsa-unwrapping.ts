import { constants, createPublicKey, privateDecrypt, type KeyObject } from "node:crypto";

import { modulusOctets, PRE_MASTER_OCTETS } from "./rsa-wrapping.ts";

/**
 * The server's half of the RSA key exchange, without an oracle (RFC 5246 §7.4.7.1; Bleichenbacher, 1998; "ROBOT", 2017).
 *
 * Whatever is wrong with a ciphertext, its length and its size included, the answer is a secret of 48 octets and takes
 * one private operation and the same steps: the client finds out by its own Finished, which fails to decrypt, as it would
 * with any wrong secret. Padding and version are judged with arithmetic on octets: no branch, no index and no exit depends
 * on them. Node refuses PKCS#1 padding for decryption, and what OpenSSL would do with it is not the same everywhere.
 */
export interface UnwrapRequest {
  readonly key: RsaUnwrapKey;
  readonly wrapped: Uint8Array;
  /** `client_version` of ClientHello, which the secret begins with. */
  readonly clientVersion: number;
  /** 48 octets drawn before anything is known of `wrapped`: what is answered where it is bad. Left as it is. */
  readonly substitute: Uint8Array;
}

/** A private key, with what is looked up once. */
export interface RsaUnwrapKey {
  readonly key: KeyObject;
  /** Big-endian, as long as every ciphertext must be. */
  readonly modulus: Buffer;
}

/** Precondition: an RSA private key of at least 59 octets. */
export function rsaUnwrapKey(key: KeyObject): RsaUnwrapKey {
  const { n = "" } = createPublicKey(key).export({ format: "jwk" });
  const modulus = Buffer.alloc(modulusOctets(key));
  const octets = Buffer.from(n, "base64url");
  modulus.set(octets, modulus.length - octets.length);
  return { key, modulus };
}

/** The pre-master secret, for the caller to wipe. Never throws for a ciphertext. */
export function unwrapPreMaster(request: UnwrapRequest): Buffer {
  const { input, finish } = unwrapSteps(request);
  return finish(privateDecrypt(decryptionKey(request.key.key), input));
}

/** What comes before and after the private operation, which another thread may do. */
export interface UnwrapSteps {
  /** What the key is applied to (`decryptionKey`). */
  readonly input: Uint8Array;
  /** Takes what came of it, as many octets as the modulus has, and wipes it. The secret is for the caller to wipe. */
  readonly finish: (block: Buffer) => Buffer;
}

export function unwrapSteps({ key, wrapped, clientVersion, substitute }: UnwrapRequest): UnwrapSteps {
  const { modulus } = key;
  // Both are public: who sent the ciphertext knows them. The operation is made all the same, on something else.
  const fits = wrapped.length === modulus.length && Buffer.compare(wrapped, modulus) < 0;
  return {
    input: fits ? wrapped : standIn(modulus.length, substitute),
    finish: (block) => {
      const preMaster = openBlock(block, fits, clientVersion, substitute);
      block.fill(0);
      return preMaster;
    },
  };
}

/**
 * What stands in a block of PKCS#1 v1.5 where padding and version are good and `fits` holds, else a copy of `substitute`:
 * 48 octets. No branch and no index depends on the block. Precondition: a block of 59 octets at least.
 */
export function openBlock(block: Uint8Array, fits: boolean, clientVersion: number, substitute: Uint8Array): Buffer {
  const at = block.length - PRE_MASTER_OCTETS;
  let bad = Number(!fits);
  bad |= block[0];
  bad |= block[1] ^ 2;
  for (let i = 2; i < at - 1; i++) bad |= (block[i] - 1) >> 31; // All bits set for an octet of 0.
  bad |= block[at - 1];
  bad |= block[at] ^ (clientVersion >> 8);
  bad |= block[at + 1] ^ (clientVersion & 0xff);
  // -1 where any bit is set, else 0. Subtracted from 0 and not negated: an engine that is not warm yet branches for -0.
  const reject = (bad | (0 - bad)) >> 31;
  const preMaster = Buffer.alloc(PRE_MASTER_OCTETS);
  for (let i = 0; i < PRE_MASTER_OCTETS; i++) {
    preMaster[i] = (block[at + i] & ~reject) | (substitute[i] & reject);
  }
  return preMaster;
}

/** A ciphertext below every modulus of that length. */
function standIn(length: number, substitute: Uint8Array): Buffer {
  const octets = Buffer.alloc(length);
  octets.set(substitute, length - substitute.length);
  return octets;
}

/** The private operation alone: always as many octets as the modulus has. */
export const decryptionKey = (key: KeyObject) => ({ key, padding: constants.RSA_NO_PADDING });
