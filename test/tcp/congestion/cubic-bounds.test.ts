import { expect, test } from "vitest";
import type { CongestionWindow, Delivery } from "../../../src/tcp/congestion/controller.ts";
import { cubic } from "../../../src/tcp/congestion/cubic.ts";

const MSS = 1000;
const delivery = (octets: number, nowUs: number, srttUs: number): Delivery => ({
  octets,
  rttUs: srttUs,
  srttUs,
  nowUs,
  sndUna: 0,
  sndNxt: 0,
});

test("RFC 9438 §4.2: the target is at most one and a half windows a round trip away", () => {
  const controller = cubic.create();
  const window: CongestionWindow = { cwnd: 100 * MSS, ssthresh: 50 * MSS, pacingRate: 0, sendMss: MSS };
  controller.lost(window, 100 * MSS);
  controller.delivered?.(window, delivery(1, 0, 30_000_000));
  const before = window.cwnd;
  // One round trip on so long a path takes the curve far beyond what the network was ever asked for.
  controller.delivered?.(window, delivery(before, 20_000_000, 30_000_000));
  expect(window.cwnd).toBeGreaterThan(1.4 * before);
  expect(window.cwnd).toBeLessThanOrEqual(1.5 * before);
});

test("RFC 9438 §4.9: a reduction that was for nothing leaves the curve as it was", () => {
  const rounds = (undo: boolean): number => {
    const controller = cubic.create();
    const window: CongestionWindow = { cwnd: 1000 * MSS, ssthresh: 500 * MSS, pacingRate: 0, sendMss: MSS };
    controller.lost(window, 1000 * MSS);
    const { cwnd, ssthresh } = window;
    if (undo) {
      controller.lost(window, cwnd);
      Object.assign(window, { cwnd, ssthresh });
      controller.undone?.(window);
    }
    let count = 0;
    for (let us = 0; window.cwnd < 950 * MSS && count < 1000; us += 100_000, count++)
      controller.delivered?.(window, delivery(window.cwnd, us, 100_000));
    return count;
  };
  expect(rounds(true)).toBe(rounds(false));
});
