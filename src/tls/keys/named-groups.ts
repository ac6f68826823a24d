import { createECDH, createPrivateKey, createPublicKey, diffieHellman, type ECDH, type KeyObject } from "node:crypto";

import { drawOctets, type RandomOctets } from "../random-octets.ts";

/** RFC 8422 §5.1.1. */
export interface NamedGroup {
  readonly id: number;
  /** As `node:tls` names it. */
  readonly name: "X25519" | "prime256v1" | "secp384r1";
  /** Draws a secret, and gives the point that belongs to it. */
  readonly makeShare: (random: RandomOctets) => KeyShare;
}

/** One side's ephemeral secret. */
export interface KeyShare {
  /** What goes to the peer. */
  readonly point: Buffer;
  /** The secret that both share, for the caller to wipe; null where the peer's point is not one of the group (RFC 8422 §5.11). */
  readonly agree: (peerPoint: Uint8Array) => Buffer | null;
}

const X25519_OCTETS = 32;

/** RFC 7748. Keys are imported as JWK: in DER it takes Node ten times as long. */
function x25519Share(random: RandomOctets): KeyShare {
  const scalar = drawOctets(random, X25519_OCTETS);
  const d = scalar.toString("base64url");
  scalar.fill(0);
  // Node derives x from d, but wants the field to be there.
  const privateKey = createPrivateKey({ key: { kty: "OKP", crv: "X25519", x: "", d }, format: "jwk" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return { point: Buffer.from(x, "base64url"), agree: (peer) => agreeX25519(privateKey, peer) };
}

function agreeX25519(privateKey: KeyObject, peer: Uint8Array): Buffer | null {
  if (peer.length !== X25519_OCTETS) return null;
  const x = Buffer.from(peer).toString("base64url");
  try {
    const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
    return diffieHellman({ privateKey, publicKey });
  } catch {
    return null; // A point of small order, whose secret would be 0: RFC 8422 §5.11.
  }
}

/** SEC 1 §2.3.3: the point as 4, x, y; the only form that RFC 8422 §5.1.2 leaves. */
const UNCOMPRESSED = 4;

const P256_ORDER = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");
const P384_ORDER = Buffer.from(
  "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  "hex",
);

/** A scalar in [1, order), by rejection: the orders begin with 32 bits of 1, so that one draw is nearly always enough. */
function drawScalar(random: RandomOctets, order: Buffer): Buffer {
  const scalar = Buffer.alloc(order.length);
  do random.fill(scalar);
  while (Buffer.compare(scalar, order) >= 0 || scalar.every((octet) => octet === 0));
  return scalar;
}

function curveShare(random: RandomOctets, curve: string, order: Buffer): KeyShare {
  const ecdh = createECDH(curve);
  const scalar = drawScalar(random, order);
  ecdh.setPrivateKey(scalar);
  scalar.fill(0);
  return { point: ecdh.getPublicKey(), agree: (peer) => agreeOnCurve(ecdh, peer, 1 + 2 * order.length) };
}

function agreeOnCurve(ecdh: ECDH, peer: Uint8Array, length: number): Buffer | null {
  if (peer.length !== length || peer[0] !== UNCOMPRESSED) return null;
  try {
    return ecdh.computeSecret(peer);
  } catch {
    return null; // Not on the curve.
  }
}

/** In the order of preference. */
export const NAMED_GROUPS: readonly NamedGroup[] = [
  { id: 29, name: "X25519", makeShare: x25519Share },
  { id: 23, name: "prime256v1", makeShare: (random) => curveShare(random, "prime256v1", P256_ORDER) },
  { id: 24, name: "secp384r1", makeShare: (random) => curveShare(random, "secp384r1", P384_ORDER) },
];
