import type { Session } from "./session.ts";

/** Sessions that a server keeps under their IDs, for clients that take no tickets. */
export const SESSIONS_MAX = 1024;

interface Entry {
  readonly session: Session;
  readonly madeAtMs: number;
}

/** The oldest gives way to the newest. Master secrets are wiped when they leave. */
export class SessionCache {
  readonly #wallClockMs: () => number;
  readonly #lifetimeMs: number;
  /** By the ID in hexadecimal; in the order in which they were made. */
  readonly #entries = new Map<string, Entry>();

  constructor(wallClockMs: () => number, lifetimeMs: number) {
    this.#wallClockMs = wallClockMs;
    this.#lifetimeMs = lifetimeMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Lent. Null where there is none, or it is too old. */
  find(id: Uint8Array): Session | null {
    const key = hex(id);
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (this.#wallClockMs() - entry.madeAtMs < this.#lifetimeMs) return entry.session;
    this.#drop(key, entry);
    return null;
  }

  /** Takes `session` over. */
  keep(id: Uint8Array, session: Session): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size < SESSIONS_MAX) break;
      this.#drop(key, entry);
    }
    this.#entries.set(hex(id), { session, madeAtMs: this.#wallClockMs() });
  }

  #drop(key: string, { session }: Entry): void {
    session.masterSecret.fill(0);
    this.#entries.delete(key);
  }
}

const hex = (id: Uint8Array): string => Buffer.from(id).toString("hex");
