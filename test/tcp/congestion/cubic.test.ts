import { expect, test } from "vitest";
import { type CongestionWindow, SSTHRESH_INFINITE } from "../../../src/tcp/congestion/controller.ts";
import { cubic } from "../../../src/tcp/congestion/cubic.ts";

const MSS = 1000;
const RTT_US = 100_000;

/** A sender that always fills its window: one call a round trip, `cwnd` octets delivered. */
class Path {
  readonly window: CongestionWindow;
  readonly controller = cubic.create();
  nowUs = 0;
  sent = 0;

  constructor(cwnd: number, ssthresh = SSTHRESH_INFINITE) {
    this.window = { cwnd, ssthresh, pacingRate: 0, sendMss: MSS };
  }

  /** A round: `acks` ACKs share the window and come evenly within `trainUs`; `rttUs` is what they measure, each by its number. */
  round(rttUs: number | ((ack: number) => number) = RTT_US, acks = 10, trainUs = rttOf(rttUs, 0) / 2): this {
    this.nowUs += rttOf(rttUs, 0) - trainUs;
    const octets = Math.floor(this.window.cwnd / acks);
    const end = this.sent + this.window.cwnd;
    for (let ack = 0; ack < acks; ack++) {
      this.nowUs += trainUs / acks;
      this.sent += octets;
      this.controller.delivered?.(this.window, {
        octets,
        rttUs: rttOf(rttUs, ack),
        srttUs: rttOf(rttUs, 0),
        nowUs: this.nowUs,
        sndUna: this.sent,
        sndNxt: end + octets * (ack + 1),
      });
    }
    return this;
  }
}

const rttOf = (rttUs: number | ((ack: number) => number), ack: number): number =>
  typeof rttUs === "number" ? rttUs : rttUs(ack);

/** RFC 9438 (1) in segments. */
const curve = (seconds: number, wMax: number, k: number): number => 0.4 * (seconds - k) ** 3 + wMax;

test("RFC 9438 §4.6: a loss takes the window to 0.7 of itself, and never below two segments", () => {
  const path = new Path(100 * MSS, 50 * MSS);
  path.controller.lost(path.window, 100 * MSS);
  expect(path.window).toMatchObject({ cwnd: 70 * MSS, ssthresh: 70 * MSS });
  const small = new Path(2 * MSS, MSS);
  small.controller.lost(small.window, 2 * MSS);
  expect(small.window.cwnd).toBe(2 * MSS);
});

test("RFC 9438 §4.2, §4.4, §4.5: the window follows the cubic curve back to W_max and beyond it", () => {
  const path = new Path(1000 * MSS, 500 * MSS);
  path.controller.lost(path.window, 1000 * MSS);
  const k = Math.cbrt((1000 - 700) / 0.4);
  const start = path.nowUs;
  for (let round = 0; round < 150; round++) path.round();
  const seconds = (path.nowUs - start) / 1e6;
  expect(seconds).toBeGreaterThan(k);
  expect(path.window.cwnd / MSS / curve(seconds, 1000, k)).toBeCloseTo(1, 1);
  // Half-way up it is slower than at either end: concave, then convex.
  const probe = new Path(1000 * MSS, 500 * MSS);
  probe.controller.lost(probe.window, 1000 * MSS);
  const growth = Array.from({ length: 170 }, () => {
    const before = probe.window.cwnd;
    return probe.round().window.cwnd - before;
  });
  const plateau = growth[Math.round(k * 10)];
  expect(growth[5]).toBeGreaterThan(plateau);
  expect(growth[165]).toBeGreaterThan(plateau);
});

test("RFC 9438 §4.3: on a short path it grows as Reno would, about half a segment a round at first", () => {
  const path = new Path(20 * MSS, 10 * MSS);
  path.controller.lost(path.window, 20 * MSS);
  const before = path.window.cwnd;
  for (let round = 0; round < 10; round++) path.round(1000);
  const perRound = (path.window.cwnd - before) / MSS / 10;
  expect(perRound).toBeGreaterThan(0.4);
  expect(perRound).toBeLessThan(0.7);
});

test("RFC 9438 §4.7: a loss below the last W_max lowers the next one further (fast convergence)", () => {
  const twice = new Path(1000 * MSS, 500 * MSS);
  twice.controller.lost(twice.window, 1000 * MSS);
  twice.round();
  const second = twice.window.cwnd;
  twice.controller.lost(twice.window, second);
  const wMax = (second * 1.7) / 2 / MSS;
  const k = Math.cbrt((wMax - (second * 0.7) / MSS) / 0.4);
  for (let round = 0; round < Math.round(k * 10); round++) twice.round();
  expect(twice.window.cwnd / MSS / wMax).toBeCloseTo(1, 1);
});

test("RFC 9438 §4.8, RFC 5681 §3.1: a time-out leaves one segment, and ssthresh falls once a loss", () => {
  const path = new Path(100 * MSS, 50 * MSS);
  path.controller.timedOut(path.window, 100 * MSS, true);
  expect(path.window).toMatchObject({ cwnd: MSS, ssthresh: 70 * MSS });
  path.controller.timedOut(path.window, MSS, false);
  expect(path.window.ssthresh).toBe(70 * MSS);
});

test("RFC 9406 §4.2: slow start doubles while the round-trip time stands still", () => {
  const path = new Path(10 * MSS);
  for (let round = 0; round < 5; round++) path.round();
  expect(path.window.cwnd).toBe(320 * MSS);
  expect(path.window.ssthresh).toBe(SSTHRESH_INFINITE);
});

test("RFC 9406 §4.2: when the round-trip time grows, five conservative rounds follow, then congestion avoidance", () => {
  const path = new Path(10 * MSS);
  path.round().round().round();
  const before = path.window.cwnd;
  path.round(RTT_US + 20_000, 10, 30_000);
  expect(path.window.cwnd).toBeLessThan(before * 2);
  expect(path.window.ssthresh).toBe(SSTHRESH_INFINITE);
  for (let round = 0; round < 6; round++) path.round(RTT_US + 20_000, 10, 30_000);
  expect(path.window.ssthresh).toBeLessThan(SSTHRESH_INFINITE);
  expect(path.window.cwnd).toBeLessThan(before * 2 * 1.25 ** 7);
});

test("RFC 9406 §4.2: a growth that goes away again ends conservative slow start", () => {
  const path = new Path(10 * MSS);
  path.round().round().round();
  path.round(RTT_US + 20_000, 10, 30_000);
  path.round(RTT_US).round(RTT_US).round(RTT_US);
  for (let round = 0; round < 6; round++) path.round(RTT_US);
  expect(path.window.ssthresh).toBe(SSTHRESH_INFINITE);
});

test("RFC 9438 §4.2, §5.8: time in which the application was the limit does not count for the curve", () => {
  const path = new Path(1000 * MSS, 500 * MSS);
  path.controller.lost(path.window, 1000 * MSS);
  path.round().round();
  const before = path.window.cwnd;
  path.nowUs += 3600e6;
  path.round();
  expect(path.window.cwnd / before).toBeGreaterThan(1);
  expect(path.window.cwnd / before).toBeLessThan(1.05);
});

test("RFC 9438 §4.9.1: after a reduction that was for nothing, the curve and its stage go on as before", () => {
  const [undone, untouched] = [new Path(1000 * MSS, 500 * MSS), new Path(1000 * MSS, 500 * MSS)];
  for (const path of [undone, untouched]) {
    path.controller.lost(path.window, 1000 * MSS);
    for (let round = 0; round < 20; round++) path.round();
  }
  const { cwnd, ssthresh } = undone.window;
  undone.controller.timedOut(undone.window, cwnd, true);
  Object.assign(undone.window, { cwnd, ssthresh }); // As the sender does it.
  undone.controller.undone?.(undone.window);
  for (const path of [undone, untouched]) for (let round = 0; round < 20; round++) path.round();
  expect(undone.window.cwnd).toBe(untouched.window.cwnd);
});

test("RFC 9438 §4.8: a loss behind a time-out has a curve of its own again", () => {
  const path = new Path(1000 * MSS, 500 * MSS);
  path.controller.timedOut(path.window, 1000 * MSS, true);
  path.window.cwnd = path.window.ssthresh;
  path.controller.lost(path.window, path.window.cwnd);
  const start = path.window.cwnd;
  for (let round = 0; round < 10; round++) path.round();
  // Concave: it hurries back to W_max, instead of resting on a plateau at the bottom.
  expect(path.window.cwnd / start).toBeGreaterThan(1.05);
});

/** Three rounds of slow start on 40 ms, the ACKs of each within `trainUs`. */
function started(trainUs = 20_000, acks = 20): Path {
  const path = new Path(20 * MSS);
  for (let round = 0; round < 3; round++) path.round(40_000, acks, trainUs);
  return path;
}

test("an ACK train of three quarters of a round trip begins conservative slow start before the queue overflows", () => {
  expect(started(36_000).window.cwnd).toBeLessThan(160 * MSS);
  expect(started(28_000).window).toMatchObject({ cwnd: 160 * MSS, ssthresh: SSTHRESH_INFINITE }); // A burst of ours.
  expect(started(36_000, 5).window.cwnd).toBe(160 * MSS); // No train: an ACK each 7 ms.
});

test("an ACK train goes on across rounds, and across the late wake-ups of a busy process", () => {
  const path = started();
  expect(path.round(40_000, 20, 20_000).window.cwnd).toBe(320 * MSS);
  path.nowUs -= 20_000; // The next round's ACKs follow at once.
  expect(path.round(40_000, 20, 20_000).window.cwnd).toBeLessThan(640 * MSS);
  expect(started(36_000, 9).window.cwnd).toBeLessThan(160 * MSS); // An ACK each 4 ms.
});

test("slow start is over at once where, half a round trip into an ACK train, eight round-trip times in a row have grown", () => {
  const grown = (from: number) => (ack: number) => 40_000 + (ack < from ? 0 : 6_000);
  const { window } = started().round(grown(5), 20, 24_000);
  expect(window.ssthresh).toBeLessThan(SSTHRESH_INFINITE);
  expect(window.cwnd / window.ssthresh).toBeCloseTo(1, 2);
  const brief = started().round(grown(5), 20, 12_000);
  const late = started().round(grown(13), 20, 24_000);
  const odd = started().round((ack) => grown(5)(ack % 6), 20, 24_000);
  for (const path of [brief, late, odd]) expect(path.window.ssthresh).toBe(SSTHRESH_INFINITE);
});
