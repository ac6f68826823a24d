import { createHmac } from "node:crypto";

import type { HashName } from "../suites.ts";

/**
 * RFC 5246 §5: `length` octets of P_hash(secret, label + seed).
 *
 * Shape: the seed's pieces count one behind the other. The result is memory of its own, for the caller to wipe.
 */
export function prf(
  hash: HashName,
  secret: Uint8Array,
  label: string,
  seed: readonly Uint8Array[],
  length: number,
): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, "latin1"), ...seed]);
  const out = Buffer.alloc(length);
  let a: Buffer = hmac(hash, secret, labelled); // A(1)
  for (let at = 0; at < length;) {
    const block = createHmac(hash, secret).update(a).update(labelled).digest();
    at += block.copy(out, at);
    block.fill(0);
    const next = at < length ? hmac(hash, secret, a) : a;
    if (next !== a) a.fill(0);
    a = next;
  }
  a.fill(0);
  return out;
}

const hmac = (hash: HashName, key: Uint8Array, octets: Uint8Array): Buffer =>
  createHmac(hash, key).update(octets).digest();
