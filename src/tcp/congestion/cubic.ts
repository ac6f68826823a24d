/** CUBIC: RFC 9438, with HyStart++ (RFC 9406) in slow start. Windows are octets here, segments in the RFC's formulas. */
import type { CongestionAlgorithm, CongestionController, CongestionWindow, Delivery } from "./controller.ts";
import { HyStart } from "./hystart.ts";

/** RFC 9438 §4.1, in segments per second cubed, and §4.6. */
const C = 0.4,
  BETA = 0.7;
/** RFC 9438 §4.3: makes the Reno-friendly window grow as Reno would that halves its own. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
/** RFC 9438 §4.4: the target is at most this many windows away. */
const TARGET_MAX = 1.5;

class Cubic implements CongestionController {
  readonly #hyStart = new HyStart();
  /** W_max and cwnd_prior of RFC 9438 §4.1.2, in octets; 0 before the first congestion event. */
  #wMax = 0;
  #cwndPrior = 0;
  /** W_est. */
  #wEst = 0;
  /** When the running stage of congestion avoidance began; -1 where none runs. */
  #epochUs = -1;
  /** K, in seconds. */
  #k = 0;
  /** When the window last grew in it. */
  #grownUs = -1;
  /** After a time-out the curve starts at its plateau: RFC 9438 §4.8. */
  #afterTimeout = false;
  /** All of that before the last congestion event, for `undone`. */
  readonly #before = { wMax: 0, cwndPrior: 0, wEst: 0, epochUs: -1, k: 0 };
  /** Fractions of an octet that the window has grown by. */
  #rest = 0;

  reset(): void {
    this.#hyStart.reset();
    this.#wMax = this.#cwndPrior = this.#wEst = 0;
    this.#epochUs = this.#grownUs = -1;
    this.#k = this.#rest = 0;
    this.#afterTimeout = false;
    this.#remember();
  }

  delivered(window: CongestionWindow, delivery: Delivery): void {
    if (window.cwnd < window.ssthresh) this.#hyStart.delivered(window, delivery);
    else this.#avoidCongestion(window, delivery);
  }

  /** RFC 9438 §4.2 to §4.5. */
  #avoidCongestion(window: CongestionWindow, delivery: Delivery): void {
    const mss = window.sendMss;
    if (this.#epochUs < 0) this.#beginEpoch(window, delivery.nowUs);
    else this.#leaveOutPause(delivery);
    this.#grownUs = delivery.nowUs;
    const seconds = (delivery.nowUs - this.#epochUs) / 1e6;
    const alpha = this.#wEst < this.#cwndPrior ? ALPHA : 1;
    this.#wEst += alpha * mss * (delivery.octets / window.cwnd);
    if (this.#curve(seconds, mss) < this.#wEst) {
      if (this.#wEst > window.cwnd) window.cwnd = Math.floor(this.#wEst);
      return;
    }
    const ahead = this.#curve(seconds + delivery.srttUs / 1e6, mss);
    const target = Math.min(Math.max(ahead, window.cwnd), TARGET_MAX * window.cwnd);
    this.#rest += ((target - window.cwnd) * delivery.octets) / window.cwnd;
    const whole = Math.floor(this.#rest);
    this.#rest -= whole;
    window.cwnd += whole;
  }

  /** RFC 9438 §4.2 and §5.8: time in which the application, and not the window, was the limit does not count for t. */
  #leaveOutPause({ nowUs, srttUs }: Delivery): void {
    const pauseUs = nowUs - this.#grownUs;
    if (pauseUs > srttUs) this.#epochUs += pauseUs - srttUs;
  }

  /** W_cubic(t) of RFC 9438 (1), in octets. */
  #curve(seconds: number, mss: number): number {
    return C * (seconds - this.#k) ** 3 * mss + this.#wMax;
  }

  #beginEpoch(window: CongestionWindow, nowUs: number): void {
    this.#epochUs = nowUs;
    this.#wEst = window.cwnd;
    this.#rest = 0;
    if (this.#wMax <= window.cwnd || this.#afterTimeout) {
      this.#wMax = window.cwnd;
      this.#k = 0;
    } else {
      this.#k = Math.cbrt((this.#wMax - window.cwnd) / window.sendMss / C); // RFC 9438 (2).
    }
    this.#afterTimeout = false;
  }

  lost(window: CongestionWindow): void {
    this.#reduce(window);
    this.#afterTimeout = false;
    window.cwnd = window.ssthresh;
  }

  timedOut(window: CongestionWindow, _flightSize: number, first: boolean): void {
    if (first) this.#reduce(window);
    this.#afterTimeout = true;
    this.#epochUs = -1;
    window.cwnd = window.sendMss;
    this.#hyStart.reset();
  }

  /** RFC 9438 §4.9.1 and §4.9.2: the curve and its stage are as before. */
  undone(): void {
    const before = this.#before;
    this.#wMax = before.wMax;
    this.#cwndPrior = before.cwndPrior;
    this.#wEst = before.wEst;
    this.#epochUs = before.epochUs;
    this.#k = before.k;
    this.#afterTimeout = false;
  }

  #remember(): void {
    const before = this.#before;
    before.wMax = this.#wMax;
    before.cwndPrior = this.#cwndPrior;
    before.wEst = this.#wEst;
    before.epochUs = this.#epochUs;
    before.k = this.#k;
  }

  /** RFC 9438 §4.6 and §4.7 (fast convergence). */
  #reduce(window: CongestionWindow): void {
    this.#remember();
    this.#epochUs = -1;
    this.#cwndPrior = window.cwnd;
    this.#wMax = window.cwnd < this.#wMax ? (window.cwnd * (1 + BETA)) / 2 : window.cwnd;
    window.ssthresh = Math.max(Math.floor(window.cwnd * BETA), 2 * window.sendMss);
  }
}

export const cubic: CongestionAlgorithm = { name: "cubic", create: () => new Cubic() };
