/** HyStart++: slow start that ends when the round-trip time grows. RFC 9406. */
import { type Seq, seqGe, toSeq } from "../../base/seq.ts";
import { type CongestionWindow, type Delivery, SSTHRESH_INFINITE } from "./controller.ts";

/** RFC 9406 §4.3. L is infinite there for senders that pace; a super-segment's delivery counts in full here. */
const MIN_RTT_THRESH_US = 4000,
  MAX_RTT_THRESH_US = 16_000,
  MIN_RTT_DIVISOR = 8,
  N_RTT_SAMPLE = 8,
  CSS_GROWTH_DIVISOR = 4,
  CSS_ROUNDS = 5;

/**
 * An ACK train: ACKs that follow each other within the gap, which is an eighth of a round trip within these bounds. Pacing spreads a window over
 * half of one; ACKs that are spread further were by the bottleneck, and its pipe is nearly full. From the first HyStart (Ha
 * and Rhee 2011), as Linux has it.
 */
const MIN_TRAIN_GAP_US = 2000,
  MAX_TRAIN_GAP_US = 16_000,
  TRAIN_PART = 0.75;
/** A train of this part of a round trip is long enough where its last round-trip times have grown, too. */
const GROWN_TRAIN_PART = 0.5;

/** The longest round-trip time that is told apart: 2^31 us. */
const NO_RTT = 0x7fff_ffff;

export class HyStart {
  #windowEnd = 0 as Seq;
  #inRound = false;
  #lastRoundMinUs = NO_RTT;
  #currentRoundMinUs = NO_RTT;
  #samples = 0;
  /** Conservative slow start: rounds spent in it, -1 outside of it. */
  #cssRounds = -1;
  #cssBaselineUs = NO_RTT;
  /** The running ACK train's first ACK, and its last one so far. */
  #trainBeganUs = 0;
  #ackedUs = -Infinity;
  /** How many of the last samples, all behind the last that had not, have grown. */
  #grownInRow = 0;

  reset(): void {
    this.#inRound = false;
    this.#lastRoundMinUs = this.#currentRoundMinUs = this.#cssBaselineUs = NO_RTT;
    this.#samples = 0;
    this.#cssRounds = -1;
    this.#ackedUs = -Infinity;
    this.#grownInRow = 0;
  }

  /** Grows `cwnd`; sets `ssthresh` where slow start has gone far enough. */
  delivered(window: CongestionWindow, delivery: Delivery): void {
    if (window.ssthresh < SSTHRESH_INFINITE) {
      // RFC 9406 §4.3: only the initial slow start is watched.
      window.cwnd = Math.min(window.cwnd + delivery.octets, Math.max(window.ssthresh, window.cwnd));
      return;
    }
    if (!this.#inRound || seqGe(toSeq(delivery.sndUna), this.#windowEnd)) this.#beginRound(window, delivery);
    const hasGrownAgain = delivery.rttUs > 0 && this.#sample(delivery.rttUs);
    if (this.#watchTrain(delivery.nowUs) || hasGrownAgain) window.ssthresh = window.cwnd;
    const grown = this.#cssRounds < 0 ? delivery.octets : Math.floor(delivery.octets / CSS_GROWTH_DIVISOR);
    window.cwnd = Math.min(window.cwnd + grown, Math.max(window.ssthresh, window.cwnd));
  }

  #beginRound(window: CongestionWindow, delivery: Delivery): void {
    if (this.#inRound && this.#cssRounds >= 0 && ++this.#cssRounds >= CSS_ROUNDS) window.ssthresh = window.cwnd;
    this.#inRound = true;
    this.#windowEnd = toSeq(delivery.sndNxt);
    this.#lastRoundMinUs = this.#currentRoundMinUs;
    this.#currentRoundMinUs = NO_RTT;
    this.#samples = 0;
  }

  /**
   * True where slow start is over at once. Departs from RFC 9406, which has no trains: the least round-trip time of a round is
   * its first ones', and by the time that those have grown a shallow queue has overflowed.
   */
  #watchTrain(nowUs: number): boolean {
    const rttUs = this.#leastRttUs;
    if (nowUs - this.#ackedUs > eighthOf(rttUs, MIN_TRAIN_GAP_US, MAX_TRAIN_GAP_US)) this.#trainBeganUs = nowUs;
    this.#ackedUs = nowUs;
    const trainUs = nowUs - this.#trainBeganUs;
    if (this.#grownInRow >= N_RTT_SAMPLE && trainUs >= GROWN_TRAIN_PART * rttUs) return true;
    if (this.#cssRounds >= 0 || trainUs < TRAIN_PART * rttUs) return false;
    this.#cssBaselineUs = rttUs;
    this.#cssRounds = 0;
    return false;
  }

  /** Of this round and the last one. */
  get #leastRttUs(): number {
    return Math.min(this.#lastRoundMinUs, this.#currentRoundMinUs);
  }

  /** True where slow start is over at once: in its conservative part, too, the round-trip time has grown. Departs from RFC 9406. */
  #sample(rttUs: number): boolean {
    this.#currentRoundMinUs = Math.min(this.#currentRoundMinUs, rttUs);
    this.#grownInRow = hasGrown(rttUs, this.#leastRttUs) ? this.#grownInRow + 1 : 0;
    if (++this.#samples < N_RTT_SAMPLE) return false;
    if (this.#cssRounds >= 0) {
      if (this.#currentRoundMinUs < this.#cssBaselineUs) this.#cssRounds = -1; // The growth was spurious.
      return this.#cssRounds > 0 && hasGrown(this.#currentRoundMinUs, this.#cssBaselineUs);
    }
    if (this.#lastRoundMinUs === NO_RTT || !hasGrown(this.#currentRoundMinUs, this.#lastRoundMinUs)) return false;
    this.#cssBaselineUs = this.#currentRoundMinUs;
    this.#cssRounds = 0;
    return false;
  }
}

/** RFC 9406 §4.2: by more than jitter makes. */
function hasGrown(rttUs: number, beforeUs: number): boolean {
  return rttUs >= beforeUs + eighthOf(beforeUs, MIN_RTT_THRESH_US, MAX_RTT_THRESH_US);
}

const eighthOf = (rttUs: number, leastUs: number, mostUs: number): number =>
  Math.max(leastUs, Math.min(Math.floor(rttUs / MIN_RTT_DIVISOR), mostUs));
