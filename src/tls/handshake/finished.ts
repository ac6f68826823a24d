import { timingSafeEqual } from "node:crypto";

import { decodeFault, fault, type Fault } from "../alert.ts";

/** RFC 5246 §7.4.9: the peer has the same secrets, and has seen the same handshake. */
export function checkFinished(body: Uint8Array, expected: Uint8Array): Fault | null {
  if (body.length !== expected.length) return decodeFault("Finished");
  return timingSafeEqual(body, expected) ? null : fault("decrypt_error", "Finished does not match the handshake");
}
