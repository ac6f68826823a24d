import { constants, publicEncrypt, type KeyObject } from "node:crypto";

import { TLS_1_2 } from "../record/record.ts";
import { drawNonZeroOctets, drawOctets, type RandomOctets } from "../random-octets.ts";

/** RFC 5246 §7.4.7.1: two octets of version and 46 of randomness. */
export const PRE_MASTER_OCTETS = 48;

/** Octets of PKCS#1 v1.5 around a message: 0, 2, eight at least that are not 0, and 0 (RFC 8017 §7.2.1). */
const PADDING_OCTETS_MIN = 11;

/** Octets of the modulus: of everything that the key wraps. */
export const modulusOctets = (key: KeyObject): number => Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);

export interface WrappedSecret {
  /** For the caller to wipe. */
  readonly preMaster: Buffer;
  readonly wrapped: Buffer;
}

/**
 * The client makes the pre-master secret and wraps it with the server's public key (RFC 5246 §7.4.7.1, RFC 8017 §7.2.1).
 * The padding is made here and not by OpenSSL, so that the same randomness gives the same octets.
 *
 * Precondition: an RSA key of 59 octets at least. `null` where the key is good for nothing, with an even modulus, say.
 */
export function wrapPreMaster(serverKey: KeyObject, random: RandomOctets): WrappedSecret | null {
  const preMaster = drawOctets(random, PRE_MASTER_OCTETS);
  preMaster.writeUInt16BE(TLS_1_2, 0); // What ClientHello offered: a man in the middle who lowered that is found out.
  const length = modulusOctets(serverKey);
  const block = Buffer.alloc(length);
  const padding = drawNonZeroOctets(random, length - PRE_MASTER_OCTETS - (PADDING_OCTETS_MIN - 8));
  block[1] = 2;
  block.set(padding, 2);
  block.set(preMaster, length - PRE_MASTER_OCTETS);
  try {
    return { preMaster, wrapped: publicEncrypt({ key: serverKey, padding: constants.RSA_NO_PADDING }, block) };
  } catch {
    preMaster.fill(0);
    return null;
  } finally {
    block.fill(0);
    padding.fill(0);
  }
}
