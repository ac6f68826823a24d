import type { CongestionController } from "./controller.ts";

/** RFC 5681 §3.1 and §3.2 with RFC 6582; RFC 3465's octet counting with L unbounded in slow start, as Linux grows. */
export const newReno: CongestionController = {
  name: "newreno",
  delivered(window, octets) {
    let left = octets;
    if (window.cwnd < window.ssthresh) {
      const grown = Math.min(window.cwnd + left, window.ssthresh);
      left -= grown - window.cwnd;
      window.cwnd = grown;
    }
    if (left === 0) return;
    window.growth += left;
    if (window.growth >= window.cwnd) {
      window.growth -= window.cwnd;
      window.cwnd += window.sendMss;
    }
  },
  lost(window, flightSize) {
    window.ssthresh = Math.max(flightSize >> 1, 2 * window.sendMss); // RFC 5681 (4).
    window.cwnd = window.ssthresh;
    window.growth = 0;
  },
  timedOut(window, flightSize, first) {
    if (first) window.ssthresh = Math.max(flightSize >> 1, 2 * window.sendMss);
    window.cwnd = window.sendMss; // RFC 5681 §3.1: the loss window.
    window.growth = 0;
  },
};
