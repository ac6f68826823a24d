import type { RecordOpener, RecordSealer } from "../record/protection.ts";
import type { RandomOctets } from "../random-octets.ts";
import type { CipherSuite } from "../suites.ts";
import {
  deriveKeys,
  exportKeyingMaterial,
  makeOpener,
  makeSealer,
  type HelloRandoms,
  verifyData,
} from "./key-schedule.ts";

export type Side = "client" | "server";

export const otherSide = (side: Side): Side => (side === "client" ? "server" : "client");

export interface SecretsOptions {
  readonly suite: CipherSuite;
  readonly randoms: HelloRandoms;
  /** Owned from now on. */
  readonly master: Buffer;
  readonly encryptThenMac: boolean;
  /** For the IVs of CBC. */
  readonly random: RandomOctets;
}

/** Everything that both sides derive from one master secret. */
export class SessionSecrets {
  readonly suite: CipherSuite;
  readonly randoms: HelloRandoms;
  /** 48 octets; lent. */
  readonly master: Buffer;
  readonly #options: SecretsOptions;

  constructor(options: SecretsOptions) {
    this.suite = options.suite;
    this.randoms = options.randoms;
    this.master = options.master;
    this.#options = options;
  }

  /** The keys of both directions, as `side` uses them. */
  protection(side: Side): { readonly sealer: RecordSealer; readonly opener: RecordOpener } {
    const keys = deriveKeys(this.suite, this.master, this.randoms);
    return {
      sealer: makeSealer(this.suite, keys[side], this.#options),
      opener: makeOpener(this.suite, keys[otherSide(side)], this.#options),
    };
  }

  /** What `sender`'s Finished holds, RFC 5246 §7.4.9. */
  verifyData(sender: Side, transcriptHash: Uint8Array): Buffer {
    return verifyData(this.suite.prf, this.master, sender, transcriptHash);
  }

  /** RFC 5705. */
  exportKeyingMaterial(label: string, length: number, context: Uint8Array | null): Buffer {
    return exportKeyingMaterial(this.suite.prf, this.master, this.randoms, label, length, context);
  }

  /** A line of NSS's key log, which Wireshark reads. */
  keyLogLine(): string {
    return `CLIENT_RANDOM ${hex(this.randoms.client)} ${hex(this.master)}\n`;
  }

  wipe(): void {
    this.master.fill(0);
  }
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");
