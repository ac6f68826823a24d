import type { KeyObject } from "node:crypto";

import { wrapPreMaster, type WrappedSecret } from "../../../src/tls/keys/rsa-wrapping.ts";
import { seededOctets } from "./endpoint.ts";

/** A pre-master secret under a key that can wrap one. */
export function wrap(key: KeyObject, seed: number): WrappedSecret {
  const secret = wrapPreMaster(key, seededOctets(seed));
  if (secret === null) throw new Error("the key cannot encrypt");
  return secret;
}
