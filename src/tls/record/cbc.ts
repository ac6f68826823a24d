import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from "node:crypto";

import type { RandomOctets } from "../random-octets.ts";
import { copyMac, readPadding } from "./cbc-padding.ts";
import type { RecordOpener, RecordSealer } from "./protection.ts";
import { type ContentType, RECORD_HEADER_OCTETS, writeRecordHeader } from "./record.ts";
import { RecordNumber } from "./record-number.ts";

const BLOCK_OCTETS = 16;
const MAC_OCTETS = { sha1: 20, sha256: 32 } as const;
const AUTHENTICATED_OCTETS = 13;
/** SHA-1 and SHA-256 alike: octets of a block, and what a message ends with at least (0x80 and its length). */
const HASH_BLOCK_OCTETS = 64,
  HASH_TAIL_OCTETS = 9;
const NOTHING = Buffer.alloc(HASH_BLOCK_OCTETS * 8);

export interface CbcKind {
  readonly keyLength: 16 | 32;
  readonly mac: "sha1" | "sha256";
  /** RFC 7366 instead of RFC 5246's order. */
  readonly encryptThenMac: boolean;
  /** For the IVs. */
  readonly random: RandomOctets;
}

/** Memory of their own, wiped by whoever took them. */
export interface CbcKeys {
  readonly key: Buffer;
  readonly mac: Buffer;
}

const algorithm = ({ keyLength }: CbcKind): string => (keyLength === 16 ? "aes-128-cbc" : "aes-256-cbc");

/** RFC 5246 §6.2.3.2 with the shortest padding, a random IV in front of each record; with RFC 7366 the MAC stands outside. */
export class CbcSealer implements RecordSealer {
  readonly overhead: number;
  readonly #kind: CbcKind;
  readonly #keys: CbcKeys;
  readonly #number: RecordNumber;
  readonly #iv = Buffer.alloc(BLOCK_OCTETS);

  constructor(kind: CbcKind, keys: CbcKeys, recordsMax: number) {
    this.overhead = RECORD_HEADER_OCTETS + BLOCK_OCTETS + MAC_OCTETS[kind.mac] + BLOCK_OCTETS;
    this.#kind = kind;
    this.#keys = keys;
    this.#number = new RecordNumber(recordsMax);
  }

  get recordsLeft(): number {
    return this.#number.left;
  }

  seal(type: ContentType, text: Uint8Array, into: Buffer, at: number): number {
    this.#kind.random.fill(this.#iv);
    return this.#kind.encryptThenMac
      ? this.#encryptThenMac(type, text, into, at)
      : this.#macThenEncrypt(type, text, into, at);
  }

  wipe(): void {
    this.#keys.key.fill(0);
    this.#keys.mac.fill(0);
  }

  #macThenEncrypt(type: ContentType, text: Uint8Array, into: Buffer, at: number): number {
    const number = this.#number;
    number.advance(type, text.length);
    const mac = this.#hmac().update(number.authenticated).update(text).digest();
    const length = text.length + mac.length;
    const padding = paddingFor(length);
    const start = writeRecordHeader(into, at, type, BLOCK_OCTETS + length + padding.length);
    return this.#encrypt([text, mac, padding], into, start);
  }

  #encryptThenMac(type: ContentType, text: Uint8Array, into: Buffer, at: number): number {
    const number = this.#number;
    const padding = paddingFor(text.length);
    const encrypted = BLOCK_OCTETS + text.length + padding.length;
    const start = writeRecordHeader(into, at, type, encrypted + MAC_OCTETS[this.#kind.mac]);
    const end = this.#encrypt([text, padding], into, start);
    number.advance(type, encrypted);
    const mac = this.#hmac().update(number.authenticated).update(into.subarray(start, end)).digest();
    into.set(mac, end);
    return end + mac.length;
  }

  /** Writes the IV and the pieces, encrypted. */
  #encrypt(pieces: readonly Uint8Array[], into: Buffer, at: number): number {
    into.set(this.#iv, at);
    let end = at + BLOCK_OCTETS;
    const cipher = createCipheriv(algorithm(this.#kind), this.#keys.key, this.#iv).setAutoPadding(false);
    for (const piece of pieces) {
      const octets = cipher.update(piece);
      into.set(octets, end);
      end += octets.length;
    }
    cipher.final(); // The pieces fill whole blocks: nothing is left over.
    return end;
  }

  #hmac(): ReturnType<typeof createHmac> {
    return createHmac(this.#kind.mac, this.#keys.mac);
  }
}

/** The shortest padding that fills the last block, RFC 5246 §6.2.3.2: each octet is the count of those in front of it. */
function paddingFor(length: number): Buffer {
  const octets = BLOCK_OCTETS - (length % BLOCK_OCTETS);
  return Buffer.alloc(octets, octets - 1);
}

export class CbcOpener implements RecordOpener {
  readonly #kind: CbcKind;
  readonly #keys: CbcKeys;
  readonly #macLength: number;
  readonly #number: RecordNumber;

  constructor(kind: CbcKind, keys: CbcKeys, recordsMax: number) {
    this.#kind = kind;
    this.#keys = keys;
    this.#macLength = MAC_OCTETS[kind.mac];
    this.#number = new RecordNumber(recordsMax);
  }

  get recordsLeft(): number {
    return this.#number.left;
  }

  open(type: ContentType, fragment: Uint8Array): Uint8Array | null {
    return this.#kind.encryptThenMac ? this.#openOutside(type, fragment) : this.#openInside(type, fragment);
  }

  wipe(): void {
    this.#keys.key.fill(0);
    this.#keys.mac.fill(0);
  }

  /** RFC 7366 §3: what fails the MAC is never decrypted. */
  #openOutside(type: ContentType, fragment: Uint8Array): Uint8Array | null {
    const length = fragment.length - this.#macLength;
    if (length < 2 * BLOCK_OCTETS || length % BLOCK_OCTETS !== 0) return null;
    const encrypted = fragment.subarray(0, length);
    this.#number.advance(type, length);
    const mac = this.#hmac().update(this.#number.authenticated).update(encrypted).digest();
    if (!timingSafeEqual(mac, fragment.subarray(length))) return null;
    const text = this.#decrypt(encrypted);
    const { good, dataLength } = readPadding(text, 0);
    return good === 0 ? null : text.subarray(0, dataLength);
  }

  /** Padding and MAC are judged together, in the same time whatever is wrong (RFC 5246 §6.2.3.2, implementation note). */
  #openInside(type: ContentType, fragment: Uint8Array): Uint8Array | null {
    const macLength = this.#macLength;
    const length = fragment.length - BLOCK_OCTETS;
    if (length < macLength + 1 || length % BLOCK_OCTETS !== 0) return null;
    const text = this.#decrypt(fragment);
    const { dataLength, good } = readPadding(text, macLength);
    this.#number.advance(type, dataLength);
    const mac = this.#hmac().update(this.#number.authenticated).update(text.subarray(0, dataLength)).digest();
    this.#evenOut(dataLength, length - macLength);
    const same = timingSafeEqual(mac, copyMac(text, dataLength, macLength));
    if ((Number(same) & good) !== 0) return text.subarray(0, dataLength);
    text.fill(0);
    return null;
  }

  /** Hashes as many blocks as the MAC over `most` octets would have taken beyond those that `length` octets took. */
  #evenOut(length: number, most: number): void {
    const blocks = hashBlocks(most) - hashBlocks(length);
    createHash(this.#kind.mac)
      .update(NOTHING.subarray(0, blocks * HASH_BLOCK_OCTETS))
      .digest();
  }

  #decrypt(encrypted: Uint8Array): Buffer {
    const iv = encrypted.subarray(0, BLOCK_OCTETS);
    const decipher = createDecipheriv(algorithm(this.#kind), this.#keys.key, iv).setAutoPadding(false);
    const text = decipher.update(encrypted.subarray(BLOCK_OCTETS));
    decipher.final();
    return text;
  }

  #hmac(): ReturnType<typeof createHmac> {
    return createHmac(this.#kind.mac, this.#keys.mac);
  }
}

/** Blocks that the inner hash of the MAC takes over `length` octets of data. */
const hashBlocks = (length: number): number =>
  Math.ceil((AUTHENTICATED_OCTETS + length + HASH_TAIL_OCTETS) / HASH_BLOCK_OCTETS);
