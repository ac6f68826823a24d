import { expect, test } from "vitest";
import { WindowUsage } from "../../../src/tcp/congestion/window-usage.ts";
import { toSeq } from "../../../src/base/seq.ts";
import { scripted, type ScriptedPeer } from "../../support/scripted-peer.ts";

const MSS = 1000;
const avoiding = (cwnd: number): { cwnd: number; ssthresh: number; pacingRate: number; sendMss: number } => ({
  cwnd,
  ssthresh: cwnd / 2,
  pacingRate: 0,
  sendMss: MSS,
});

test("RFC 9438 §4.6: a window that was not used up does not grow", () => {
  const usage = new WindowUsage();
  usage.reset(toSeq(1));
  usage.sent(toSeq(1), toSeq(9001), 9000, false);
  expect(usage.mayGrow(avoiding(10_000))).toBe(false);
  usage.sent(toSeq(1), toSeq(10_001), 10_000, true);
  expect(usage.mayGrow(avoiding(10_000))).toBe(true);
  // A pause in the same window of data changes nothing; in the next, it does.
  usage.sent(toSeq(5001), toSeq(10_001), 5000, false);
  expect(usage.mayGrow(avoiding(10_000))).toBe(true);
  usage.sent(toSeq(10_001), toSeq(11_001), 1000, false);
  expect(usage.mayGrow(avoiding(10_000))).toBe(false);
});

test("RFC 7661 §4.1: in slow start a window that was half full may double", () => {
  const usage = new WindowUsage();
  usage.reset(toSeq(1));
  usage.sent(toSeq(1), toSeq(6001), 6000, false);
  expect(usage.mayGrow({ ...avoiding(10_000), ssthresh: 20_000 })).toBe(true);
  expect(usage.mayGrow({ ...avoiding(12_000), ssthresh: 20_000 })).toBe(false);
});

/** `octets` are written and acknowledged, `rounds` times, with a window of 20 segments in congestion avoidance. */
function rounds(octets: number, count: number): ScriptedPeer {
  const t = scripted({ peer: { mss: MSS, ws: 5 } }).established();
  t.tcb.cwnd = t.tcb.ssthresh = 20 * MSS;
  let una = 1;
  for (let round = 0; round < count; round++) {
    t.send(octets).take();
    una += octets;
    t.inject(`ACK seq=1 ack=${String(una)} win=60000`);
  }
  return t;
}

test("RFC 9438 §5.8: who sends less than the window allows does not widen it, however long", () => {
  expect(rounds(15 * MSS, 50).tcb.cwnd).toBe(20 * MSS);
  expect(rounds(20 * MSS, 5).tcb.cwnd).toBeGreaterThan(20 * MSS);
});

test("RFC 5681 §4.1: behind an idle RTO the window restarts, and ssthresh remembers what it was", () => {
  const t = rounds(20 * MSS, 1);
  const { cwnd } = t.tcb;
  t.tcb.ssthresh = 4 * MSS;
  t.pass(2000).send(50 * MSS);
  expect(t.take().length).toBe(10);
  expect(t.tcb.ssthresh).toBe((3 * cwnd) >> 2);
});

test("RFC 5681 §4.1: segments without text are no use of the window", () => {
  const t = rounds(20 * MSS, 1);
  let seq = 1;
  for (let i = 0; i < 20; i++, seq += MSS) t.inject(`ACK seq=${String(seq)} ack=20001 len=1000 win=60000`).pass(100);
  t.take();
  t.send(50 * MSS);
  expect(t.take().length).toBe(10);
});
