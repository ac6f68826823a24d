import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Identity, ServerIdentities } from "../../../src/tls/identity.ts";
import { rsaUnwrapKey } from "../../../src/tls/keys/rsa-unwrapping.ts";

/** The certificates that `fixtures/make.sh` made. */
export type FixtureName = "root" | "rsa" | "ecdsa" | "client";

export const fixturePath = (file: string): string => fileURLToPath(new URL(`../fixtures/${file}`, import.meta.url));

export const certificatePem = (name: FixtureName): string => readFileSync(fixturePath(`${name}.pem`), "latin1");
export const keyPem = (name: FixtureName): string => readFileSync(fixturePath(`${name}.key`), "latin1");

export function identity(name: "rsa" | "ecdsa" | "client"): Identity {
  const key = createPrivateKey(keyPem(name));
  const kind = name === "rsa" ? "rsa" : "ecdsa";
  const chain = [new X509Certificate(certificatePem(name)).raw];
  return { chain, key, kind, unwrapKey: kind === "rsa" ? rsaUnwrapKey(key) : null };
}

export const serverIdentities = (): ServerIdentities => ({ rsa: identity("rsa"), ecdsa: identity("ecdsa") });
