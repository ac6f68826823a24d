import { createCipheriv, createDecipheriv } from "node:crypto";

import { drawOctets, type RandomOctets } from "../random-octets.ts";
import type { OpenedTicket } from "./session.ts";
import { readSession } from "./session-codec.ts";

/*  A ticket, RFC 5077 §4 with an AEAD:
 *   0 | name of the key |
 *  16 | nonce |
 *  28 | made at (milliseconds since 1970, 64 bits) and session, encrypted |
 *  -16 | tag | */
const NAME_OCTETS = 16,
  NONCE_OCTETS = 12,
  TAG_OCTETS = 16,
  TIME_OCTETS = 8;
const KEY_OCTETS = 32;
const OVERHEAD = NAME_OCTETS + NONCE_OCTETS + TIME_OCTETS + TAG_OCTETS;
const ALGORITHM = "aes-256-gcm";

/** Octets of a ticket: with a client's chain it can be long, and comes back with every hello. */
export const TICKET_OCTETS_MAX = 8192;

interface TicketKey {
  readonly name: Buffer;
  readonly key: Buffer;
  readonly madeAtMs: number;
}

/**
 * Seals tickets under a key that nobody but this process has. It is replaced when it is as old as a ticket may get, and
 * kept as long again: who steals the keys reads connections of two lifetimes at most (RFC 5077 §5.5).
 */
export class TicketKeys {
  readonly #random: RandomOctets;
  readonly #wallClockMs: () => number;
  readonly #lifetimeMs: number;
  #current: TicketKey;
  #previous: TicketKey | null = null;

  constructor(random: RandomOctets, wallClockMs: () => number, lifetimeMs: number) {
    this.#random = random;
    this.#wallClockMs = wallClockMs;
    this.#lifetimeMs = lifetimeMs;
    this.#current = this.#make();
  }

  /** Null where it would be longer than `TICKET_OCTETS_MAX`. Wipes `session`, the octets of one. */
  seal(session: Buffer): Buffer | null {
    this.#rotate();
    if (session.length + OVERHEAD > TICKET_OCTETS_MAX) {
      session.fill(0);
      return null;
    }
    const { name, key } = this.#current;
    const nonce = drawOctets(this.#random, NONCE_OCTETS);
    const time = Buffer.alloc(TIME_OCTETS);
    time.writeBigUInt64BE(BigInt(Math.floor(this.#wallClockMs())));
    const cipher = createCipheriv(ALGORITHM, key, nonce);
    cipher.setAAD(name);
    const sealed = Buffer.concat([name, nonce, cipher.update(time), cipher.update(session), cipher.final()]);
    session.fill(0);
    return Buffer.concat([sealed, cipher.getAuthTag()]);
  }

  open(ticket: Uint8Array): OpenedTicket | null {
    this.#rotate();
    if (ticket.length < OVERHEAD || ticket.length > TICKET_OCTETS_MAX) return null;
    const name = ticket.subarray(0, NAME_OCTETS);
    const from = [this.#current, this.#previous].find((key) => key?.name.equals(name) === true);
    const text = from === undefined || from === null ? null : decrypt(ticket, from);
    if (text === null) return null;
    const ageMs = this.#wallClockMs() - Number(text.readBigUInt64BE(0));
    const session = ageMs >= 0 && ageMs < this.#lifetimeMs ? readSession(text.subarray(TIME_OCTETS)) : null;
    text.fill(0);
    return session === null ? null : { session, renew: from !== this.#current };
  }

  #rotate(): void {
    const nowMs = this.#wallClockMs();
    if (this.#previous !== null && nowMs - this.#previous.madeAtMs >= 2 * this.#lifetimeMs) {
      this.#previous.key.fill(0);
      this.#previous = null;
    }
    if (nowMs - this.#current.madeAtMs < this.#lifetimeMs) return;
    this.#previous?.key.fill(0);
    this.#previous = this.#current;
    this.#current = this.#make();
  }

  #make(): TicketKey {
    return {
      name: drawOctets(this.#random, NAME_OCTETS),
      key: drawOctets(this.#random, KEY_OCTETS),
      madeAtMs: this.#wallClockMs(),
    };
  }
}

function decrypt(ticket: Uint8Array, { name, key }: TicketKey): Buffer | null {
  const nonce = ticket.subarray(NAME_OCTETS, NAME_OCTETS + NONCE_OCTETS);
  const tagAt = ticket.length - TAG_OCTETS;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_OCTETS });
  decipher.setAAD(name);
  decipher.setAuthTag(ticket.subarray(tagAt));
  const text = decipher.update(ticket.subarray(NAME_OCTETS + NONCE_OCTETS, tagAt));
  try {
    decipher.final();
    return text;
  } catch {
    return null; // Forged, or cut.
  }
}
