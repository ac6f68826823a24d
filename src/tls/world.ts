import type { Timebase } from "../base/timebase.ts";
import type { TrustStore } from "./certificates/trust-store.ts";
import type { PrivateKeys } from "./private-key-workers.ts";
import type { RandomOctets } from "./random-octets.ts";

/** What all TLS connections of one stack share. */
export interface TlsWorld {
  readonly random: RandomOctets;
  /** For time-outs. */
  readonly timebase: Timebase;
  /** Milliseconds since 1970, for certificates and tickets. */
  readonly wallClockMs: () => number;
  /** Whom to trust where a context does not say. */
  readonly defaultRoots: TrustStore;
  /** Who does private operations. */
  readonly privateKeys: PrivateKeys;
}
