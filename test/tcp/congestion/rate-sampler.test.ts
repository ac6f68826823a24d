import { expect, test } from "vitest";
import type { CongestionAlgorithm } from "../../../src/tcp/congestion/controller.ts";
import { RateSampler } from "../../../src/tcp/congestion/rate-sampler.ts";
import { scripted } from "../../support/scripted-peer.ts";

const MSS = 1000;
const RTT_US = 40_000;

test("draft-cheng-iccrg-delivery-rate-estimation §3.3: a steady path shows its rate", () => {
  const sampler = new RateSampler();
  // A segment each millisecond, acknowledged 40 ms later: 1,000,000 octets a second.
  for (let ms = 0; ms < 200; ms++) {
    const nowUs = ms * 1000;
    if (ms >= 40) {
      sampler.reports(nowUs - RTT_US, nowUs);
      sampler.acknowledged(nowUs, MSS, RTT_US, 0);
      if (ms >= 81) expect((sampler.delivered * 1e6) / sampler.intervalUs).toBeCloseTo(1e6, -3);
      expect(sampler.deliveredTotal).toBe((ms - 39) * MSS);
    }
    sampler.sends(nowUs, ms === 0 ? 0 : MSS);
  }
  expect(sampler.intervalUs).toBe(RTT_US);
  expect(sampler.isAppLimited).toBe(false);
});

test("§3.3: ACKs that come all at once do not make the path faster than it was sent to", () => {
  const sampler = new RateSampler();
  for (let ms = 0; ms < 20; ms++) sampler.sends(ms * 1000, ms === 0 ? 0 : MSS);
  sampler.reports(0, RTT_US);
  sampler.acknowledged(RTT_US, MSS, RTT_US, 0);
  // The rest at 60 ms, the last of it sent at 19 ms: 19 segments took the 19 ms of sending at least, and 40 to come.
  sampler.reports(19_000, 60_000);
  sampler.acknowledged(60_000, 19 * MSS, RTT_US, 0);
  expect(sampler).toMatchObject({ delivered: 20 * MSS, intervalUs: 60_000, priorDelivered: 0 });
});

test("§3.4: a sample from a time in which the application had nothing to send says so, and the next does not", () => {
  const sampler = new RateSampler();
  sampler.sends(0, 0);
  sampler.appLimited(MSS);
  sampler.sends(10_000, MSS);
  sampler.reports(0, RTT_US);
  sampler.acknowledged(RTT_US, MSS, RTT_US, 0);
  expect(sampler.isAppLimited).toBe(false);
  sampler.sends(RTT_US, MSS);
  sampler.reports(10_000, 50_000);
  sampler.acknowledged(50_000, MSS, RTT_US, 0);
  expect(sampler.isAppLimited).toBe(true);
  sampler.sends(50_000, MSS);
  sampler.reports(50_000, 90_000);
  sampler.acknowledged(90_000, MSS, RTT_US, 0);
  expect(sampler.isAppLimited).toBe(false);
});

test("§3.3: an interval shorter than any round trip is no sample; losses are counted between samples", () => {
  const sampler = new RateSampler();
  sampler.sends(0, 0);
  sampler.reports(0, 1000);
  sampler.acknowledged(1000, MSS, RTT_US, 3000);
  expect(sampler).toMatchObject({ ackedOctets: MSS, intervalUs: 0, delivered: 0, lostOctets: 3000 });
  sampler.acknowledged(2000, 0, RTT_US, 4000);
  expect(sampler).toMatchObject({ ackedOctets: 0, intervalUs: 0, lostOctets: 1000 });
});

test("more moments than are remembered: the oldest give no sample, and nothing grows", () => {
  const sampler = new RateSampler();
  for (let us = 0; us < 20_000; us++) sampler.sends(us, 1);
  sampler.reports(0, 30_000);
  sampler.acknowledged(30_000, MSS, 1, 0);
  expect(sampler.intervalUs).toBe(0);
  sampler.reports(19_999, 40_000);
  sampler.acknowledged(40_000, MSS, 1, 0);
  expect(sampler.intervalUs).toBeGreaterThan(0);
});

test("§3.4: what is sent after a pause of the application's is no measure of the path, until a whole flight was more than that", () => {
  const limited: boolean[] = [];
  const congestion: CongestionAlgorithm = {
    name: "watching",
    create: () => ({
      reset: () => undefined,
      acknowledged: (_, sample) => void limited.push(sample.isAppLimited),
      lost: () => undefined,
      timedOut: () => undefined,
    }),
  };
  const t = scripted({ peer: { mss: MSS }, tcp: { congestion } }).established();
  let una = 1;
  const exchange = (segments: number): void => {
    t.send(segments * MSS).pass(40);
    una += Math.min(segments, 10) * MSS;
    t.inject(`ACK seq=1 ack=${String(una)}`);
  };
  exchange(1);
  exchange(1); // The window would have taken more: what follows is held against it.
  exchange(30); // The first ten are sent while that still holds, the next ten are not.
  una += 10 * MSS;
  t.pass(40).inject(`ACK seq=1 ack=${String(una)}`);
  expect(limited).toEqual([false, true, true, false]);
});

test("§3.3: a report of what was sent longer ago than an int32 of microseconds holds forgets nothing that was sent since", () => {
  const longUs = 40 * 60_000_000;
  const sampler = new RateSampler();
  sampler.sends(0, 0);
  sampler.sends(longUs, MSS);
  sampler.reports(0, longUs + RTT_US);
  sampler.acknowledged(longUs + RTT_US, MSS, RTT_US, 0);
  sampler.reports(longUs | 0, longUs + RTT_US);
  sampler.acknowledged(longUs + RTT_US, MSS, RTT_US, 0);
  expect(sampler.delivered).toBe(2 * MSS);
});
