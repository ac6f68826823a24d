import { createHash } from "node:crypto";

import type { HashName } from "../suites.ts";

/**
 * All handshake messages of both sides in order, for what is derived from their hash. They are kept whole: which hash it
 * is depends on the suite, and CertificateVerify signs by another one (RFC 5246 §7.4.8).
 * Bound: the state machines take each message at most once.
 */
export class Transcript {
  #messages: Uint8Array[] = [];

  /** Owns `message` from now on. */
  add(message: Uint8Array): void {
    this.#messages.push(message);
  }

  digest(hash: HashName): Buffer {
    const digest = createHash(hash);
    for (const message of this.#messages) digest.update(message);
    return digest.digest();
  }

  /** The messages themselves: what CertificateVerify signs. */
  octets(): Buffer {
    return Buffer.concat(this.#messages);
  }

  clear(): void {
    this.#messages = [];
  }
}
