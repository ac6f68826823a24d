import { createCipheriv, createDecipheriv } from "node:crypto";

import type { RecordOpener, RecordSealer } from "./protection.ts";
import { type ContentType, RECORD_HEADER_OCTETS, writeRecordHeader } from "./record.ts";
import { RecordNumber, SEQUENCE_OCTETS } from "./record-number.ts";

const TAG_OCTETS = 16;
const NONCE_OCTETS = 12;

/** One direction's secrets, in memory of their own: wiped by whoever took them. */
export interface AeadKeys {
  readonly key: Buffer;
  /** 4 octets of salt for GCM (RFC 5288 §3), 12 for ChaCha20-Poly1305 (RFC 7905 §2). */
  readonly iv: Buffer;
}

/** The algorithm as Node names it, and how a nonce is made of the sequence number. */
export interface AeadKind {
  readonly algorithm: "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";
  /** Octets of the nonce that each record carries: 8, or 0 where both sides derive it. */
  readonly explicit: number;
}

const OPTIONS = { authTagLength: TAG_OCTETS };

interface AeadCipher {
  setAAD(octets: Uint8Array, options?: { plaintextLength: number }): unknown;
  update(octets: Uint8Array): Buffer;
}
interface Sealing extends AeadCipher {
  final(): Buffer;
  getAuthTag(): Buffer;
}
interface Opening extends AeadCipher {
  setAuthTag(tag: Uint8Array): unknown;
  final(): Buffer;
}

// Node types each algorithm apart, although these three are used alike.
const sealing = (kind: AeadKind, key: Buffer, nonce: Buffer): Sealing =>
  createCipheriv(kind.algorithm as "aes-128-gcm", key, nonce, OPTIONS);
const opening = (kind: AeadKind, key: Buffer, nonce: Buffer): Opening =>
  createDecipheriv(kind.algorithm as "aes-128-gcm", key, nonce, OPTIONS);

/** Makes the nonce of each record. */
class Nonces {
  readonly octets = Buffer.alloc(NONCE_OCTETS);
  readonly #kind: AeadKind;
  readonly #iv: Buffer;

  constructor(kind: AeadKind, iv: Buffer) {
    this.#kind = kind;
    this.#iv = iv;
    this.octets.set(iv);
  }

  /** `sequence` is the explicit part, or what the fixed part is combined with (RFC 7905 §2). */
  set(sequence: Uint8Array): Buffer {
    const { octets } = this;
    const at = NONCE_OCTETS - SEQUENCE_OCTETS;
    if (this.#kind.explicit > 0) octets.set(sequence, at);
    else for (let i = 0; i < SEQUENCE_OCTETS; i++) octets[at + i] = this.#iv[at + i] ^ sequence[i];
    return octets;
  }

  wipe(): void {
    this.octets.fill(0);
    this.#iv.fill(0);
  }
}

/** RFC 5246 §6.2.3.3. The explicit nonce of GCM is the sequence number, which never repeats under a key (RFC 5288 §3). */
export class AeadSealer implements RecordSealer {
  readonly overhead: number;
  readonly #kind: AeadKind;
  readonly #key: Buffer;
  readonly #nonces: Nonces;
  readonly #number: RecordNumber;

  constructor(kind: AeadKind, { key, iv }: AeadKeys, recordsMax: number) {
    this.overhead = RECORD_HEADER_OCTETS + kind.explicit + TAG_OCTETS;
    this.#kind = kind;
    this.#key = key;
    this.#nonces = new Nonces(kind, iv);
    this.#number = new RecordNumber(recordsMax);
  }

  get recordsLeft(): number {
    return this.#number.left;
  }

  seal(type: ContentType, text: Uint8Array, into: Buffer, at: number): number {
    const { explicit } = this.#kind;
    const number = this.#number;
    number.advance(type, text.length);
    let end = writeRecordHeader(into, at, type, explicit + text.length + TAG_OCTETS);
    const cipher = sealing(this.#kind, this.#key, this.#nonces.set(number.sequence));
    cipher.setAAD(number.authenticated);
    if (explicit > 0) into.set(number.sequence, end);
    end += explicit;
    into.set(cipher.update(text), end);
    cipher.final(); // Of a stream cipher nothing is left over.
    end += text.length;
    into.set(cipher.getAuthTag(), end);
    return end + TAG_OCTETS;
  }

  wipe(): void {
    this.#key.fill(0);
    this.#nonces.wipe();
  }
}

export class AeadOpener implements RecordOpener {
  readonly #kind: AeadKind;
  readonly #key: Buffer;
  readonly #nonces: Nonces;
  readonly #number: RecordNumber;

  constructor(kind: AeadKind, { key, iv }: AeadKeys, recordsMax: number) {
    this.#kind = kind;
    this.#key = key;
    this.#nonces = new Nonces(kind, iv);
    this.#number = new RecordNumber(recordsMax);
  }

  get recordsLeft(): number {
    return this.#number.left;
  }

  open(type: ContentType, fragment: Uint8Array): Uint8Array | null {
    const { explicit } = this.#kind;
    const length = fragment.length - explicit - TAG_OCTETS;
    if (length < 0) return null;
    const number = this.#number;
    number.advance(type, length);
    const nonce = this.#nonces.set(explicit > 0 ? fragment.subarray(0, explicit) : number.sequence);
    const cipher = opening(this.#kind, this.#key, nonce);
    cipher.setAAD(number.authenticated);
    cipher.setAuthTag(fragment.subarray(explicit + length));
    const text = cipher.update(fragment.subarray(explicit, explicit + length));
    try {
      cipher.final();
      return text;
    } catch {
      text.fill(0);
      return null;
    }
  }

  wipe(): void {
    this.#key.fill(0);
    this.#nonces.wipe();
  }
}
