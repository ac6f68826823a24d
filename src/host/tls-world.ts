import type { Random } from "../base/random.ts";
import type { Timebase } from "../base/timebase.ts";
import { CRYPTO_RANDOM } from "../tls/crypto-random-source.ts";
import type { PrivateKeys } from "../tls/private-key-workers.ts";
import type { RandomOctets } from "../tls/random-octets.ts";
import { defaultRoots } from "../tls/secure-context.ts";
import type { TlsWorld } from "../tls/world.ts";

export interface TlsWorldOptions {
  readonly timebase: Timebase;
  readonly wallClockMs: () => number;
  /** A simulator's; without, the operating system's. */
  readonly random: Random | undefined;
  readonly privateKeys: PrivateKeys;
}

/** What the TLS connections of one stack share. */
export const tlsWorld = ({ timebase, wallClockMs, random, privateKeys }: TlsWorldOptions): TlsWorld => ({
  timebase,
  wallClockMs,
  random: random === undefined ? CRYPTO_RANDOM : octetsOf(random),
  defaultRoots: defaultRoots(),
  privateKeys,
});

/** So that a simulated handshake repeats with its seed. */
const octetsOf = (random: Random): RandomOctets => ({
  fill: (octets) => {
    for (let at = 0; at < octets.length; at++) octets[at] = random.nextInt32();
  },
});
