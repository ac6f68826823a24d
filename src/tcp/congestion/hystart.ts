/** HyStart++: slow start that ends when the round-trip time grows. RFC 9406. */
import { type Seq, seqGe, toSeq } from "../../base/seq.ts";
import type { CongestionWindow, Delivery } from "./controller.ts";

/** RFC 9406 §4.3. L is infinite there for senders that pace; a super-segment's delivery counts in full here. */
const MIN_RTT_THRESH_US = 4000,
  MAX_RTT_THRESH_US = 16_000,
  MIN_RTT_DIVISOR = 8,
  N_RTT_SAMPLE = 8,
  CSS_GROWTH_DIVISOR = 4,
  CSS_ROUNDS = 5;

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
  /** RFC 9406 §4.3: only the initial slow start is watched. */
  #initial = true;

  reset(): void {
    this.#inRound = false;
    this.#lastRoundMinUs = this.#currentRoundMinUs = this.#cssBaselineUs = NO_RTT;
    this.#samples = 0;
    this.#cssRounds = -1;
    this.#initial = true;
  }

  /** Slow start begins again after a loss: without HyStart++. */
  restart(): void {
    this.reset();
    this.#initial = false;
  }

  /** Grows `cwnd`; sets `ssthresh` where slow start has gone far enough. */
  delivered(window: CongestionWindow, delivery: Delivery): void {
    if (!this.#initial) {
      window.cwnd = Math.min(window.cwnd + delivery.octets, Math.max(window.ssthresh, window.cwnd));
      return;
    }
    if (!this.#inRound || seqGe(toSeq(delivery.sndUna), this.#windowEnd)) this.#beginRound(window, delivery);
    if (delivery.rttUs > 0) this.#sample(delivery.rttUs);
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

  #sample(rttUs: number): void {
    this.#currentRoundMinUs = Math.min(this.#currentRoundMinUs, rttUs);
    if (++this.#samples < N_RTT_SAMPLE) return;
    if (this.#cssRounds >= 0) {
      if (this.#currentRoundMinUs < this.#cssBaselineUs) this.#cssRounds = -1; // The growth was spurious.
      return;
    }
    if (this.#lastRoundMinUs === NO_RTT) return;
    const eighth = Math.floor(this.#lastRoundMinUs / MIN_RTT_DIVISOR);
    const threshold = Math.max(MIN_RTT_THRESH_US, Math.min(eighth, MAX_RTT_THRESH_US));
    if (this.#currentRoundMinUs < this.#lastRoundMinUs + threshold) return;
    this.#cssBaselineUs = this.#currentRoundMinUs;
    this.#cssRounds = 0;
  }
}
