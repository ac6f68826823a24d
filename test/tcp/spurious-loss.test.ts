import { expect, test } from "vitest";
import { Prr } from "../../src/tcp/prr.ts";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const MSS = 1000;
const end = (n: number): string => String(1 + n * MSS);

function flying(peer: { sackOk?: boolean; ts?: boolean }, queued = 10): ScriptedPeer {
  return scripted({ peer: { mss: peer.ts === true ? MSS + 12 : MSS, ...peer } })
    .established()
    .send(queued * MSS);
}

test.each([
  [0, 10, 1],
  [1, 1, 0],
])("RFC 3522 §3.2, RFC 4015 §3: an ACK that echoes the stamp of copy %i after a time-out", (copy, segments, undone) => {
  const t = flying({ ts: true });
  const stamps = [t.take()[0].ts?.[0]];
  stamps.push(t.pass(201).take()[0].ts?.[0]);
  expect(t.tcb.cwnd).toBe(MSS);
  t.inject(`ACK seq=1 ack=${end(1)} ts=101,${String(stamps[copy])}`).take();
  expect(t.core.tcpCounters.spuriousRecoveries).toBe(undone);
  expect(t.tcb.cwnd).toBeGreaterThanOrEqual(segments * MSS);
  if (undone === 0) expect(t.tcb.cwnd).toBeLessThan(10 * MSS);
});

test.each([
  ["all that was sent again", `1-${end(1)}`, 1],
  ["less than was sent again", "1-500", 0],
])("RFC 3708 §3, RFC 2883 §4: a D-SACK of %s", (_, block, undone) => {
  const t = flying({ sackOk: true }, 40);
  t.take();
  t.inject(`ACK seq=1 ack=1 sack=${end(1)}-${end(4)}`).expect(`ACK seq=1 len=${String(MSS)}`);
  t.inject(`ACK seq=1 ack=${end(10)}`).take();
  expect(t.tcb.cwnd).toBe(5 * MSS);
  t.inject(`ACK seq=1 ack=${end(10)} sack=${block}`);
  expect(t.core.tcpCounters.dsacksReceived).toBe(1);
  expect(t.core.tcpCounters.spuriousRecoveries).toBe(undone);
  expect(t.tcb.cwnd).toBe((undone === 1 ? 10 : 5) * MSS);
});

test("RFC 2883 §4: a duplicate is reported once, also while text of our own is in flight", () => {
  const t = flying({ sackOk: true }, 1);
  t.take();
  t.inject("ACK seq=1 ack=1 len=10").inject("ACK seq=1 ack=1 len=10").expect("ACK ack=11 sack=1-11");
  t.inject("ACK seq=21 ack=1 len=10").expect("ACK ack=11 sack=21-31");
});

test("RFC 8985 §7.3: a probe with new text leaves room for the SACK blocks beside it", () => {
  const t = flying({ sackOk: true }, 20);
  t.inject("ACK seq=101 ack=1 len=100").take();
  t.pass(12).expect(`ACK seq=${end(10)} len=${String(MSS - 12)} sack=101-201 gso=0`);
  expect(t.core.tcpCounters.tailLossProbes).toBe(1);
});

/** Measures a round trip, then has two segments wait for their ACK; returns after how many ms the second is sent again. */
function probeAfterMs(t: ScriptedPeer, n: number): number {
  t.tcb.cwnd = 10 * MSS; // Whatever the last loss has left of it.
  t.send(MSS).take();
  t.inject(`ACK seq=1 ack=${end(n + 1)}`);
  t.send(2 * MSS).take();
  for (let ms = 1; ms < 200; ms++) {
    if (t.pass(1).take().length > 0) return ms;
  }
  expect.fail("there is no probe");
}

/** What the peer says of the probe, `n` segments having been sent, one of them after it. */
const SAYS = {
  "that it had both": (n: number) => [`ack=${end(n)} sack=${end(n - 2)}-${end(n - 1)}`],
  "nothing new": (n: number) => [`ack=${end(n - 1)}`, `ack=${end(n - 1)}`, `ack=${end(n)}`],
  "that it lacked one": (n: number) => [`ack=${end(n)}`],
};

test.each([
  ["that it had both", [10, 20, 40, 80, 160, 160]],
  ["nothing new", [10, 20, 40, 80, 160, 160]],
  ["that it lacked one", [10, 10, 10]],
] as const)("RFC 8985 §7.2, §7.4.2: the least wait for a probe when the peer says %s", (said, expected) => {
  const t = scripted({ peer: { mss: MSS, sackOk: true } }).established();
  const waits: number[] = [];
  for (let n = 0; waits.length < expected.length; n += 4) {
    waits.push(probeAfterMs(t, n));
    t.send(MSS).take();
    for (const text of SAYS[said](n + 4)) t.inject(`ACK seq=1 ${text}`);
  }
  expect(waits).toEqual(expected);
});

test("RFC 8985 §7.4.2: a probe that has repaired a loss brings the least wait back", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true } }).established();
  const waits: number[] = [];
  for (const [round, said] of (["that it had both", "that it lacked one", "that it had both"] as const).entries()) {
    waits.push(probeAfterMs(t, 4 * round));
    t.send(MSS).take();
    for (const text of SAYS[said](4 * round + 4)) t.inject(`ACK seq=1 ${text}`);
  }
  expect(waits).toEqual([10, 20, 10]);
});

test("RFC 8985 §7.3, RFC 9293 SHLD-16: no tail loss probe goes beyond a window that has shrunk", () => {
  const t = flying({ sackOk: true }, 3);
  t.take();
  t.inject("ACK seq=1 ack=1 win=1000").pass(100).silent();
});

test("RFC 6937 §3.1: in proportion above ssthresh; below it by what was delivered and one segment", () => {
  const prr = new Prr();
  prr.begin(10 * MSS);
  expect(prr.window(MSS, 9 * MSS, 5 * MSS, MSS)).toBe(10 * MSS); // The fast retransmission.
  prr.sent(MSS);
  expect(prr.window(MSS, 9 * MSS, 5 * MSS, MSS)).toBe(9 * MSS);
  expect(prr.window(2 * MSS, 7 * MSS, 5 * MSS, MSS)).toBe(8 * MSS);
  prr.sent(MSS);
  expect(prr.window(MSS, MSS, 5 * MSS, MSS)).toBe(5 * MSS); // Delivered 5, sent 2: 3 and 1 more.
  prr.sent(4 * MSS);
  expect(prr.window(MSS, 2 * MSS, 5 * MSS, MSS)).toBe(4 * MSS);
});

test("RFC 6675 §5: with more ranges in flight than blocks may cut, a loss is still repaired before the time-out", () => {
  const t = scripted({ peer: { mss: 1460, ws: 0, sackOk: true } }).established();
  t.call((socket) => {
    socket.setNoDelay(true);
  });
  for (let i = 0; i < 8300; i++) t.send(1);
  t.take();
  t.inject("ACK seq=1 ack=1 sack=2-5").expectNext("ACK seq=1 len=1");
});
