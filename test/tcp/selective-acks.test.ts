import { expect, test } from "vitest";
import { toSeq } from "../../src/base/seq.ts";
import { Rack } from "../../src/tcp/rack.ts";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const MSS = 1000;
/** Where segment `n` of the host's begins, from 0. */
const at = (n: number): number => 1 + n * MSS;
const segment = (n: number): string => `ACK seq=${String(at(n))} len=${String(MSS)}`;
const segments = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => segment(from + i));
const ack = (n: number, ...blocks: readonly (readonly [number, number])[]): string => {
  const sack = blocks.map(([from, to]) => `${String(at(from))}-${String(at(to))}`).join(",");
  return `ACK seq=1 ack=${String(at(n))}${sack === "" ? "" : ` sack=${sack}`}`;
};

/** `queued` segments are written to a peer that takes SACK; the first ten of them are in flight. */
function flying(queued: number, more: { win?: number; rttMs?: number } = {}): ScriptedPeer {
  const { win = 65_535, rttMs = 0 } = more;
  const t = scripted({ peer: { mss: MSS, sackOk: true, win } });
  t.listening().inject(`SYN seq=0 ${t.peerOptions}`).expect("SYN,ACK").pass(rttMs);
  t.inject(`ACK seq=1 ack=1 win=${String(win)}`).silent();
  return t.send(queued * MSS).expect(...segments(0, Math.min(10, queued)));
}

test("RFC 2018 §5: after a time-out the segment at the left edge is sent again, SACKed or not", () => {
  const t = flying(3);
  t.inject(ack(0, [0, 3])).silent();
  t.pass(2 * t.tcb.rtoMs).expect(segment(0));
});

test("RFC 2018 §8, RFC 6675 §4: what was SACKed is kept until it is acknowledged", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true } }).established();
  const octets = Uint8Array.from({ length: 4 * MSS }, (_, i) => i % 251);
  t.call((socket) => socket.send(octets)).take();
  t.inject(ack(1, [2, 4])).take();
  t.pass(60_000).take();
  // The peer has dropped what it had reported.
  t.inject(ack(2)).take();
  t.pass(60_000);
  const again = t.take().find((wire) => wire.seq === at(2));
  expect(again?.len).toBeGreaterThan(0);
  expect(again?.text).toEqual(octets.slice(2 * MSS, 2 * MSS + (again?.len ?? 0)));
});

test("RFC 2018 §8: what was dropped for want of room is not reported", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true }, tcp: { outOfOrderSegmentsMax: 2 } }).established();
  t.inject("ACK seq=1001 ack=1 len=10").expect("ACK ack=1 sack=1001-1011");
  t.inject("ACK seq=2001 ack=1 len=10").expect("ACK ack=1 sack=2001-2011,1001-1011");
  t.inject("ACK seq=3001 ack=1 len=10").expectNext("ACK ack=1 sack=2001-2011,1001-1011");
});

test("RFC 2883 §4.2: the part of a segment that was taken before is reported", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true } }).established();
  t.inject("ACK seq=1 ack=1 len=1000").pass(50).expect("ACK ack=1001 sack=none");
  t.inject("ACK seq=501 ack=1 len=1000").expect("ACK ack=1501 sack=501-1001");
});

test("RFC 2883 §4.3: an ACK that was overtaken reports no duplicate, although SND.UNA is beyond its block", () => {
  const t = flying(10);
  t.inject(ack(5)).silent();
  t.inject(ack(2, [3, 4])).silent();
  expect(t.core.tcpCounters.dsacksReceived).toBe(0);
});

test("RFC 3042 §2: with SACK, duplicate ACKs that report nothing new let nothing out", () => {
  const t = flying(20);
  t.inject(ack(0)).silent().inject(ack(0)).silent();
  t.inject(ack(0, [1, 2]))
    .expect(segment(10))
    .inject(ack(0, [1, 2]))
    .silent();
});

test.each([true, false])("RFC 3042 §2: duplicate ACKs let nothing out beyond the peer's window (SACK %s)", (sackOk) => {
  const t = scripted({ peer: { mss: MSS, sackOk, win: 5 * MSS } }).established();
  t.send(20 * MSS).expect(...segments(0, 5));
  const text = sackOk ? ack(0, [1, 2]) : ack(0);
  t.inject(`${text} win=5000`).silent();
});

test("RFC 6675 §5: blocks count in an ACK of new octets too", () => {
  flying(10)
    .inject(ack(2, [3, 6]))
    .expect(segment(2));
});

test("RFC 6675 §5.1: after a time-out no recovery begins before all that was outstanding is acknowledged", () => {
  const t = flying(10);
  t.pass(5000).take();
  expect(t.core.tcpCounters.rtoExpirations).toBeGreaterThan(0);
  const { ssthresh } = t.tcb;
  for (let n = 2; n < 8; n++) t.inject(ack(1, [2, n + 1])).pass(1);
  expect([t.core.tcpCounters.fastRetransmits, t.tcb.ssthresh]).toEqual([0, ssthresh]);
});

test("RFC 8985 §6.2 step 4: the reordering window grows with D-SACKs, and never beyond SRTT", () => {
  const rack = new Rack();
  rack.reset(toSeq(0));
  const windowUs = (): number => rack.reorderingWindowUs(40_000, 50_000, false, 0);
  expect(windowUs()).toBe(10_000);
  rack.duplicateReported(toSeq(0), toSeq(10));
  expect(windowUs()).toBe(20_000);
  for (let round = 1; round < 20; round++) rack.duplicateReported(toSeq(10 * round + 1), toSeq(10 * round + 10));
  expect(windowUs()).toBe(50_000);
});

test("RFC 8985 §6.2: a retransmission that is lost as well is sent again once later segments arrive", () => {
  const t = flying(30, { rttMs: 40 });
  t.pass(40)
    .inject(ack(0, [1, 4]))
    .expectNext(segment(0));
  t.take();
  t.pass(40);
  t.inject(ack(0, [1, 10])).take(); // Sent before the copy: it says nothing of it.
  expect(t.tcb.totalRetrans).toBe(1);
  const sent = (t.tcb.sndNxt - t.tcb.iss - 1) / MSS;
  t.pass(40).inject(ack(0, [1, sent]));
  expect(t.take().some((wire) => wire.seq === at(0))).toBe(true);
});

test("RFC 8985 §6.2: what was sent before the copy says nothing of the copy", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true } });
  t.listening().inject(`SYN seq=0 ${t.peerOptions}`).expect("SYN,ACK").pass(40);
  t.inject("ACK seq=1 ack=1")
    .send(5 * MSS)
    .take();
  t.pass(20)
    .send(5 * MSS)
    .take();
  t.pass(20)
    .inject(ack(0, [1, 4]))
    .expectNext(segment(0));
  t.pass(20)
    .inject(ack(0, [1, 10]))
    .silent();
  expect(t.tcb.totalRetrans).toBe(1);
});

test("RFC 8985 §6.3: what the reordering window protected is lost when the window ends", () => {
  const t = flying(10, { rttMs: 40 });
  t.pass(40)
    .inject(ack(0, [1, 2]))
    .silent();
  t.pass(9).silent().pass(2).expect(segment(0));
});

test("RFC 8985 §7.2: the probe leaves after two round trips", () => {
  const t = flying(3, { rttMs: 40 });
  t.pass(79).silent().pass(1).expect(segment(2));
});

test("RFC 8985 §7.2: for a lone segment it waits 200 ms longer, since the peer may hold that ACK back", () => {
  const t = flying(1, { rttMs: 400 });
  t.pass(999).silent().pass(1).expect(segment(0));
  expect([t.core.tcpCounters.tailLossProbes, t.core.tcpCounters.rtoExpirations]).toEqual([1, 0]);
});

test("RFC 8985 §7.3: one probe at a time, and the RTO runs behind it", () => {
  const t = flying(3, { rttMs: 40 });
  t.pass(80).expect(segment(2));
  t.pass(t.tcb.rtoMs - 1)
    .silent()
    .pass(1)
    .expect(segment(0));
  expect([t.core.tcpCounters.tailLossProbes, t.core.tcpCounters.rtoExpirations]).toEqual([1, 1]);
});

test("RFC 8985 §7.3: no second probe while the fate of the first is open, although an ACK has measured", () => {
  const t = flying(5, { rttMs: 40 });
  t.pass(80).expect(segment(4));
  t.pass(10).inject(ack(2)).silent();
  t.pass(180).silent();
  expect(t.core.tcpCounters.tailLossProbes).toBe(1);
});

test("RFC 8985 §7.3: no second probe before the round trip was measured anew", () => {
  const t = flying(2, { rttMs: 40 });
  t.pass(80).expect(segment(1));
  t.inject(ack(2)).silent(); // The ACK of a copy measures nothing.
  t.send(3 * MSS).expect(...segments(2, 5));
  t.pass(80).silent();
  t.inject(ack(5))
    .send(3 * MSS)
    .take();
  t.pass(200);
  expect(t.core.tcpCounters.tailLossProbes).toBe(2);
});

test("RFC 8985 §7.3, RFC 6675 §5: a probe asks for the highest segment that is not SACKed", () => {
  const t = flying(4, { rttMs: 40 });
  t.pass(75)
    .inject(ack(1, [3, 4]))
    .silent();
  t.pass(40);
  for (const wire of t.take()) expect(wire.seq).toBeLessThan(at(3));
});

test("RFC 8985 §7.4.2: a probe that has repaired a loss by itself reduces the window", () => {
  const t = flying(3, { rttMs: 40 });
  t.pass(80).expect(segment(2));
  t.send(2 * MSS).take();
  const { cwnd } = t.tcb;
  t.pass(40).inject(ack(5)).silent();
  expect(t.tcb.cwnd).toBeLessThan(cwnd);
});

test("RFC 8985 §7.4.2: a probe that was in vain, as its D-SACK tells, reduces nothing", () => {
  const t = flying(3, { rttMs: 40 });
  t.pass(80).expect(segment(2));
  const { cwnd } = t.tcb;
  t.inject(ack(3)).inject(`ACK seq=1 ack=${String(at(3))} sack=${String(at(2))}-${String(at(3))}`);
  t.send(2 * MSS).take();
  t.inject(ack(5));
  expect(t.tcb.cwnd).toBeGreaterThanOrEqual(cwnd);
});
