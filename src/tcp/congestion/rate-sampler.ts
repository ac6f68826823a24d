/** How fast the path delivers: draft-cheng-iccrg-delivery-rate-estimation §3. Begin with `Record` there; P and C are its names. */
import { ageUs } from "../in-flight.ts";
import type { RateSample } from "./controller.ts";

/** Moments of sending that are remembered: what was sent before gives no sample. */
const MOMENTS_MAX = 8192;
const MOMENTS_INITIAL = 64;
/** Of one moment: P.sent_time, P.first_sent_time, P.delivered_time (us), P.delivered (octets), P.is_app_limited. */
const FIELDS = 5,
  SENT_US = 0,
  FIRST_SENT_US = 1,
  DELIVERED_US = 2,
  DELIVERED = 3,
  APP_LIMITED = 4;

/**
 * Makes the samples of one connection whose controller wants them. What the draft keeps per packet is the same for all
 * that leaves at one moment of the clock, so it is kept per moment, and a range in flight is found by when it was sent.
 */
export class RateSampler implements RateSample {
  ackedOctets = 0;
  lostOctets = 0;
  delivered = 0;
  intervalUs = 0;
  isAppLimited = false;
  deliveredTotal = 0;
  priorDelivered = 0;
  rttUs = 0;
  minRttUs = 0;
  priorInFlight = 0;
  inFlight = 0;
  inRecovery = false;
  nowUs = 0;

  /** A ring, oldest first; its size is a power of two. */
  #moments = new Float64Array(MOMENTS_INITIAL * FIELDS);
  #head = 0;
  #count = 0;
  #firstSentUs = 0;
  #deliveredUs = 0;
  /** C.app_limited: what is delivered up to here says nothing about the path; 0 where all does. */
  #appLimitedUntil = 0;
  /** When the newest segment that the running ACK reports was sent; -Infinity where it reports none. */
  #newestUs = -Infinity;
  /** `InFlight.lostTotal` at the last sample. */
  #lostBefore = 0;

  /** Something leaves at `nowUs`. `inFlight`: octets in the network before it. §3.2. */
  sends(nowUs: number, inFlight: number): void {
    if (inFlight === 0) this.#firstSentUs = this.#deliveredUs = nowUs;
    let at = this.#at(this.#count - 1);
    if (this.#count === 0 || this.#moments[at + SENT_US] !== nowUs) {
      at = this.#append();
      this.#moments[at + SENT_US] = nowUs;
    }
    this.#moments[at + FIRST_SENT_US] = this.#firstSentUs;
    this.#moments[at + DELIVERED_US] = this.#deliveredUs;
    this.#moments[at + DELIVERED] = this.deliveredTotal;
    this.#moments[at + APP_LIMITED] = this.#appLimitedUntil > 0 ? 1 : 0;
  }

  /** There is nothing more to send, although the window would take it. §3.4. */
  appLimited(inFlight: number): void {
    this.#appLimitedUntil = Math.max(1, this.deliveredTotal + inFlight);
  }

  /** The ACK in work reports what was sent at `sentUs`, int32 as `InFlight` keeps it. */
  reports(sentUs: number, nowUs: number): void {
    const exactUs = nowUs - ageUs(nowUs, sentUs);
    if (exactUs > this.#newestUs) this.#newestUs = exactUs;
  }

  /** The ACK has been taken in: it has reported `octets` in all. Fills the sample's own fields. §3.3. */
  acknowledged(nowUs: number, octets: number, minRttUs: number, lostTotal: number): void {
    this.nowUs = nowUs;
    this.ackedOctets = octets;
    this.lostOctets = (lostTotal - this.#lostBefore) | 0;
    this.#lostBefore = lostTotal;
    this.minRttUs = minRttUs;
    this.delivered = this.intervalUs = 0;
    this.isAppLimited = false;
    if (octets > 0) {
      this.deliveredTotal += octets;
      this.#deliveredUs = nowUs;
    }
    if (this.#appLimitedUntil > 0 && this.deliveredTotal > this.#appLimitedUntil) this.#appLimitedUntil = 0;
    this.#sample(nowUs, minRttUs);
    this.#newestUs = -Infinity;
  }

  #sample(nowUs: number, minRttUs: number): void {
    const at = this.#find(this.#newestUs);
    if (at < 0) return;
    const moments = this.#moments;
    const sentUs = moments[at + SENT_US];
    this.priorDelivered = moments[at + DELIVERED];
    this.isAppLimited = moments[at + APP_LIMITED] === 1;
    const sendUs = sentUs - moments[at + FIRST_SENT_US];
    const ackUs = nowUs - moments[at + DELIVERED_US];
    this.#firstSentUs = sentUs;
    const intervalUs = Math.max(sendUs, ackUs);
    if (intervalUs <= 0 || intervalUs < minRttUs) return; // A copy was reported in place of its original, perhaps.
    this.intervalUs = intervalUs;
    this.delivered = this.deliveredTotal - this.priorDelivered;
  }

  /** Where the moment `sentUs` lies, -1 where it is not remembered. Forgets those before it: newer ones have arrived. */
  #find(sentUs: number): number {
    while (this.#count > 0 && this.#moments[this.#at(0) + SENT_US] < sentUs) this.#dropOldest();
    const at = this.#at(0);
    return this.#count > 0 && this.#moments[at + SENT_US] === sentUs ? at : -1;
  }

  #at(i: number): number {
    return ((this.#head + i) & (this.#moments.length / FIELDS - 1)) * FIELDS;
  }

  #dropOldest(): void {
    this.#head = (this.#head + 1) & (this.#moments.length / FIELDS - 1);
    this.#count--;
  }

  #append(): number {
    const size = this.#moments.length / FIELDS;
    if (this.#count === size) {
      if (size >= MOMENTS_MAX) this.#dropOldest();
      else this.#grow();
    }
    return this.#at(this.#count++);
  }

  #grow(): void {
    const larger = new Float64Array(this.#moments.length * 2);
    for (let i = 0; i < this.#count; i++) {
      const at = this.#at(i);
      larger.set(this.#moments.subarray(at, at + FIELDS), i * FIELDS);
    }
    this.#moments = larger;
    this.#head = 0;
  }
}
