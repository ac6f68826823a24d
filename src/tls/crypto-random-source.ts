import { randomFillSync } from "node:crypto";

import type { RandomOctets } from "./random-octets.ts";

/** The operating system's randomness, by way of OpenSSL's generator. */
export const CRYPTO_RANDOM: RandomOctets = { fill: (octets) => void randomFillSync(octets) };
