/** RFC 5681 §3.1 and §3.2 with RFC 6582; RFC 3465's octet counting, in slow start with no limit per ACK, as Linux grows. */
import type { CongestionAlgorithm, CongestionController, CongestionWindow, Delivery } from "./controller.ts";

class NewReno implements CongestionController {
  /** Octets acknowledged in congestion avoidance and not yet turned into growth. */
  #growth = 0;

  reset(): void {
    this.#growth = 0;
  }

  delivered(window: CongestionWindow, { octets }: Delivery): void {
    let left = octets;
    if (window.cwnd < window.ssthresh) {
      const grown = Math.min(window.cwnd + left, window.ssthresh);
      left -= grown - window.cwnd;
      window.cwnd = grown;
    }
    this.#growth += left;
    if (left === 0 || this.#growth < window.cwnd) return;
    this.#growth -= window.cwnd;
    window.cwnd += window.sendMss;
  }

  lost(window: CongestionWindow, flightSize: number): void {
    window.ssthresh = Math.max(flightSize >> 1, 2 * window.sendMss); // RFC 5681 (4).
    window.cwnd = window.ssthresh;
    this.#growth = 0;
  }

  timedOut(window: CongestionWindow, flightSize: number, first: boolean): void {
    if (first) window.ssthresh = Math.max(flightSize >> 1, 2 * window.sendMss);
    window.cwnd = window.sendMss; // RFC 5681 §3.1: the loss window.
    this.#growth = 0;
  }
}

export const newReno: CongestionAlgorithm = { name: "newreno", create: () => new NewReno() };
