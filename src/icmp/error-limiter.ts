import type { Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";

export interface ErrorLimits {
  /** Errors to all destinations together. RFC 1812 §4.3.2.8 asks for a limit and leaves the figure to us. */
  readonly errorsPerSecond: number;
  readonly errorBurst: number;
  /** Errors to one destination: one each so many ms, after a burst. */
  readonly destinationIntervalMs: number;
  readonly destinationBurst: number;
}

export const ERROR_LIMITS: ErrorLimits = {
  errorsPerSecond: 1_000,
  errorBurst: 50,
  destinationIntervalMs: 1_000,
  destinationBurst: 6,
};

/** Destinations are spread over this many buckets. Two that share one share its rate: the table cannot grow. */
export const LIMITER_BUCKETS = 1_024;

/** Token buckets, in errors: one for the host and one for each destination (up to sharing). */
export class ErrorLimiter {
  readonly #clock: Clock;
  readonly #limits: ErrorLimits;
  readonly #seed: number;
  #tokens: number;
  #sinceUs: number;
  readonly #bucketTokens: Float64Array;
  readonly #bucketSinceUs = new Float64Array(LIMITER_BUCKETS);

  constructor(clock: Clock, random: Random, limits: ErrorLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#seed = random.nextInt32();
    this.#tokens = limits.errorBurst;
    this.#sinceUs = clock.nowUs;
    this.#bucketTokens = new Float64Array(LIMITER_BUCKETS).fill(limits.destinationBurst);
  }

  /** Whether one error may go to `destination` now; if so it is taken off both buckets. */
  take(destination: Address): boolean {
    const { errorsPerSecond, errorBurst, destinationIntervalMs, destinationBurst } = this.#limits;
    const nowUs = this.#clock.nowUs;
    const earned = ((nowUs - this.#sinceUs) / 1e6) * errorsPerSecond;
    this.#tokens = Math.min(errorBurst, this.#tokens + earned);
    this.#sinceUs = nowUs;
    const bucket = this.#bucketOf(destination);
    const bucketEarned = (nowUs - this.#bucketSinceUs[bucket]) / 1000 / destinationIntervalMs;
    const tokens = Math.min(destinationBurst, this.#bucketTokens[bucket] + bucketEarned);
    this.#bucketSinceUs[bucket] = nowUs;
    const allowed = tokens >= 1 && this.#tokens >= 1;
    this.#bucketTokens[bucket] = allowed ? tokens - 1 : tokens;
    if (allowed) this.#tokens--;
    return allowed;
  }

  #bucketOf(destination: Address): number {
    const hash = Math.imul(destination ^ this.#seed, 0x9e37_79b1);
    return (Math.imul((hash >>> 15) ^ hash, 0x9e37_79b1) >>> 16) % LIMITER_BUCKETS;
  }
}
