import { expect, test, vi } from "vitest";
import { type Seq, toSeq } from "../../src/base/seq.ts";
import { COPY_IN_FLIGHT, InFlight, LOST, RETRANSMITTED, SACKED } from "../../src/tcp/in-flight.ts";
import { Rack } from "../../src/tcp/rack.ts";
import { takeBack, timeOut } from "../../src/tcp/recovery.ts";
import type { Sender } from "../../src/tcp/sender.ts";
import { OPEN } from "../../src/tcp/sender.ts";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const MSS = 1000;
/** Where segment `n` of the host's begins, from 0. */
const at = (n: number): number => 1 + n * MSS;
const segment = (n: number): string => `ACK seq=${String(at(n))} len=${String(MSS)}`;
const segments = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => segment(from + i));

/** Ten segments are in flight, and as many more are queued. */
function flying(options: { sackOk?: boolean; ts?: boolean; queued?: number } = {}): ScriptedPeer {
  const { queued = 20, ...peer } = options;
  const t = scripted({ peer: { mss: options.ts === true ? MSS + 12 : MSS, ...peer } }).established();
  return t.send(queued * MSS).expect(...segments(0, Math.min(10, queued)));
}
const ack = (n: number, more = ""): string => `ACK seq=1 ack=${String(at(n))} ${more}`;
const sack = (...blocks: readonly (readonly [number, number])[]): string =>
  `sack=${blocks.map(([from, to]) => `${String(at(from))}-${String(at(to))}`).join(",")}`;

test("RFC 5681 §3.2 (1), RFC 3042: the first two duplicate ACKs each let one new segment out; cwnd stays", () => {
  const t = flying();
  t.inject(ack(0)).expect(segment(10)).inject(ack(0)).expect(segment(11));
  expect(t.tcb.cwnd).toBe(10 * MSS);
});

test("RFC 5681 §3.2 (2, 3): the third duplicate ACK sends the first segment again at once and halves the window", () => {
  const t = flying();
  t.inject(ack(0)).inject(ack(0)).take();
  t.inject(ack(0)).expect(segment(0));
  expect(t.tcb.ssthresh).toBe(5 * MSS); // What limited transmit has sent does not count.
  expect(t.core.tcpCounters.fastRetransmits).toBe(1);
});

test("RFC 5681 §3.2 (4): each further duplicate ACK frees one segment's place, and no more", () => {
  const t = flying();
  for (let i = 0; i < 3; i++) t.inject(ack(0));
  t.take();
  // 12 in flight, one of them lost and sent again, 3 left: 9 in the network, and 5 may be.
  for (let i = 0; i < 4; i++) t.inject(ack(0)).silent();
  t.inject(ack(0)).expect(segment(12)).inject(ack(0)).expect(segment(13));
});

test("RFC 6582 §3.2 (3): a partial ACK sends the next hole again at once", () => {
  const t = flying();
  for (let i = 0; i < 3; i++) t.inject(ack(0));
  t.take();
  t.inject(ack(4)).expectNext(segment(4));
  expect(t.take().every((wire) => wire.seq >= at(12))).toBe(true);
  t.inject(ack(6)).expectNext(segment(6));
  expect(t.core.tcpCounters.fastRetransmits).toBe(1);
});

test("RFC 6582 §3.2 (3): a full ACK ends the recovery with cwnd at ssthresh", () => {
  const t = flying({ queued: 10 });
  for (let i = 0; i < 3; i++) t.inject(ack(0));
  t.take();
  t.inject(ack(10)).silent();
  expect([t.tcb.ssthresh, t.tcb.cwnd]).toEqual([5 * MSS, 5 * MSS]);
  const s = flying();
  for (let i = 0; i < 3; i++) s.inject(ack(0));
  s.inject(ack(12)).take();
  expect(s.tcb.sender?.phase).toBe(OPEN);
});

test("RFC 6582 §3.2 (1): duplicates that the recovery itself has caused start no new one", () => {
  const t = flying();
  for (let i = 0; i < 3; i++) t.inject(ack(0));
  t.take();
  t.inject(ack(12)).take();
  for (let i = 0; i < 5; i++) t.inject(ack(12));
  expect(t.core.tcpCounters.fastRetransmits).toBe(1);
  expect(t.take().every((wire) => wire.seq > at(12))).toBe(true);
});

test.each([
  ["has text", "ACK seq=1 ack=1 len=1"],
  ["moves the window", "ACK seq=1 ack=1 win=60000"],
])("RFC 5681 §2: an ACK that %s is no duplicate", (_, text) => {
  const t = flying({ queued: 10 });
  for (let i = 0; i < 4; i++) t.inject(text.replace("seq=1 ack=1 len=1", `seq=${String(1 + i)} ack=1 len=1`));
  expect(t.core.tcpCounters.fastRetransmits).toBe(text.includes("win") ? 1 : 0);
});

test("RFC 5681 §3.2: small segments are sent again after three duplicate ACKs too", () => {
  const t = scripted({ peer: { mss: MSS } }).established();
  t.call((socket) => {
    socket.setNoDelay(true);
  });
  for (let i = 0; i < 5; i++) t.send(10).expect(`ACK seq=${String(1 + 10 * i)} len=10`);
  t.inject("ACK ack=1 seq=1").inject("ACK ack=1 seq=1").silent().inject("ACK ack=1 seq=1").expect("ACK seq=1 len=10");
});

test("a peer cannot push the sending on without end by duplicate ACKs", () => {
  const t = flying({ queued: 500 });
  for (let i = 0; i < 100; i++) t.inject(ack(0));
  t.take();
  expect(t.tcb.flightSize).toBeLessThanOrEqual(65 * MSS);
  const { sndNxt } = t.tcb;
  for (let i = 0; i < 100; i++) t.inject(ack(0));
  expect(t.tcb.sndNxt - sndNxt).toBeLessThanOrEqual(20 * MSS);
});

test("RFC 6675 §5: three segments SACKed above the first send it again at once, and never what was SACKed", () => {
  const t = flying({ sackOk: true });
  t.inject(ack(0, sack([1, 2]))).expect(segment(10));
  t.inject(ack(0, sack([1, 3]))).expect(segment(11));
  t.inject(ack(0, sack([1, 4]))).expect(segment(0));
  expect(t.tcb.ssthresh).toBe(5 * MSS); // What limited transmit has sent does not count.
});

test("RFC 6675 §5 (1): small segments count as duplicates each", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true } }).established();
  t.call((socket) => {
    socket.setNoDelay(true);
  });
  for (let i = 0; i < 5; i++) t.send(10).take();
  t.inject("ACK seq=1 ack=1 sack=11-21").inject("ACK seq=1 ack=1 sack=11-31").silent();
  t.inject("ACK seq=1 ack=1 sack=11-41").expect("ACK seq=1 len=10");
});

test("RFC 8985 §6.2: with three segments SACKed, all that was sent before the last of them is lost", () => {
  const t = flying({ sackOk: true, queued: 10 });
  t.inject(ack(0, sack([8, 9], [5, 6], [2, 3])));
  t.expectNext(segment(0)).expectNext(segment(1)).take();
  t.pass(1)
    .inject(ack(8, sack([8, 9])))
    .silent();
  expect(t.tcb.flightSize).toBe(2 * MSS);
});

test("RFC 6675 §5 (C): the pipe bounds what recovery sends", () => {
  const t = flying({ sackOk: true });
  t.inject(ack(0, sack([6, 10]))); // Lost: 0 to 5. In the network: nothing else. cwnd 5.
  t.expect(...segments(0, 5));
  expect(t.tcb.cwnd).toBe(5 * MSS);
  t.inject(ack(1, sack([6, 10]))).expect(segment(5));
  t.inject(ack(2, sack([6, 10]))).expect(segment(10));
});

test("RFC 6675 §5: an ACK lost on the way changes nothing: what is SACKed is all that counts", () => {
  const t = flying({ sackOk: true, queued: 10 });
  t.inject(ack(0, sack([3, 10]))).expect(...segments(0, 3));
  t.inject(ack(10)).silent();
  expect(t.tcb.flightSize).toBe(0);
});

test("RFC 6675 §5: what was sent during a recovery and lost in it is a congestion event of its own", () => {
  const t = flying({ sackOk: true });
  t.inject(ack(0, sack([1, 4]))).take(); // 0 is lost; some of 10, 11, … went out.
  const sent = (t.tcb.sndNxt - t.tcb.iss - 1) / MSS;
  for (let n = 4; n < sent; n++) t.inject(ack(0, sack([1, n + 1])));
  const all = (t.tcb.sndNxt - t.tcb.iss - 1) / MSS;
  expect(all).toBeGreaterThanOrEqual(sent + 4);
  t.take();
  t.inject(ack(0, sack([sent + 1, all], [1, sent]))).take();
  const before = t.core.tcpCounters.fastRetransmits;
  const wasThreshold = t.tcb.ssthresh;
  t.inject(ack(sent, sack([sent + 1, all])));
  expect(t.core.tcpCounters.fastRetransmits).toBe(before + 1);
  expect(t.tcb.ssthresh).toBeLessThan(wasThreshold);
});

test("RFC 2018 §5, RFC 2883: blocks below SND.UNA, beyond SND.NXT, empty and turned around are ignored", () => {
  const t = flying({ sackOk: true, queued: 10 });
  t.inject(ack(2)).silent();
  t.inject(ack(2, sack([0, 2])))
    .inject(ack(2, sack([5, 20])))
    .inject(ack(2, sack([5, 5])))
    .inject(ack(2, sack([7, 4])));
  t.silent();
  expect(t.tcb.sender?.inFlight.sackedOctets).toBe(0);
});

test("RFC 2018 §8: after a time-out SACKed octets are sent again, since the peer may have dropped them", () => {
  const t = flying({ sackOk: true, queued: 3 });
  t.inject(ack(0, sack([1, 3]))).take();
  t.pass(1000).take(); // RACK's copy of the first, then the time-out's.
  expect(t.core.tcpCounters.rtoExpirations).toBeGreaterThan(0);
  t.inject(ack(1)).expect(...segments(1, 3));
});

test("RFC 5681 §3.1 (4): a time-out sets ssthresh to half the flight once, and cwnd to one segment", () => {
  const t = flying({ queued: 10 });
  t.pass(201).expect(segment(0));
  expect([t.tcb.ssthresh, t.tcb.cwnd]).toEqual([5 * MSS, MSS]);
  t.pass(402).expect(segment(0));
  expect([t.tcb.ssthresh, t.tcb.cwnd]).toEqual([5 * MSS, MSS]);
});

test("RFC 5681 §3.1: after a time-out slow start sends the rest again, each segment once", () => {
  const t = flying({ queued: 10 });
  t.pass(201).expect(segment(0));
  t.inject(ack(1)).expect(...segments(1, 3));
  t.inject(ack(3)).expect(...segments(3, 7));
  t.inject(ack(7)).expect(...segments(7, 10));
  t.inject(ack(10)).silent();
  expect(t.tcb.totalRetrans).toBe(10);
});

test("RFC 6582 §4: duplicate ACKs after a time-out start no fast retransmit", () => {
  const t = flying({ queued: 10 });
  t.pass(201).expect(segment(0));
  for (let i = 0; i < 5; i++) t.inject(ack(0)).silent();
  t.inject(ack(1)).take();
  for (let i = 0; i < 5; i++) t.inject(ack(1));
  expect(t.core.tcpCounters.fastRetransmits).toBe(0);
  expect(t.tcb.ssthresh).toBe(5 * MSS);
});

test("RFC 9293 §3.8.2 MUST-19, RFC 5681 §3.1: in slow start cwnd grows by what is delivered; from ssthresh on by one segment per window", () => {
  const t = flying({ queued: 60 });
  t.inject(ack(10));
  expect(t.tcb.cwnd).toBe(20 * MSS);
  const s = flying({ queued: 60 });
  for (let i = 0; i < 3; i++) s.inject(ack(0));
  s.inject(ack(12)).take();
  const before = s.tcb.cwnd;
  for (let n = 13; n <= 12 + 2 * (before / MSS); n++) s.inject(ack(n));
  expect(s.tcb.cwnd).toBeGreaterThanOrEqual(before + MSS);
  expect(s.tcb.cwnd).toBeLessThanOrEqual(before + 2 * MSS);
});

test("RFC 5681 §3.1: a window that is not used does not grow", () => {
  const t = scripted({ peer: { mss: MSS } }).established();
  for (let i = 0; i < 50; i++) t.send(MSS).inject(ack(i + 1));
  expect(t.tcb.cwnd).toBe(10 * MSS);
});

test("RFC 5681 §4.1: after an idle RTO sending begins with the initial window again", () => {
  const t = flying({ queued: 30 });
  t.inject(ack(10)).inject(ack(30)).take();
  expect(t.tcb.cwnd).toBeGreaterThan(20 * MSS);
  t.pass(60_000).send(40 * MSS);
  expect(t.take()).toHaveLength(10);
});

test("a super-segment that is lost in part is sent again in part, in whole segments", () => {
  const t = scripted({ offload: true, peer: { mss: MSS, sackOk: true } }).established();
  t.send(10 * MSS).expect(`ACK seq=1 len=${String(10 * MSS)} gso=${String(MSS)}`);
  t.inject(ack(2, sack([5, 10]))).expect(`ACK seq=${String(at(2))} len=${String(3 * MSS)} gso=${String(MSS)}`);
  t.inject(ack(10)).silent();
  const s = scripted({ offload: true, peer: { mss: MSS } }).established();
  s.send(10 * MSS).take();
  for (let i = 0; i < 3; i++) s.inject(ack(0));
  s.expect(`ACK seq=1 len=${String(MSS)} gso=0`);
});

test.each([
  ["that mend nothing", 1],
  ["that all have holes", 2],
])("design.md §4: thousands of ranges in flight do not make an ACK cost thousands of steps: SACKs %s", (_, step) => {
  const ranges = 4000;
  const t = scripted({ peer: { mss: 1000, sackOk: true, ws: 14 } }).established();
  t.inject("ACK seq=1 ack=1 win=65535");
  t.tcb.cwnd = ranges * 1000;
  t.send(ranges * 1000).take();
  const { inFlight } = t.tcb.sender as Sender;
  expect(inFlight.count).toBe(ranges);
  let most = 0;
  const steps = vi.spyOn(inFlight, "flags");
  for (let i = 1; i + step < ranges; i += step) {
    steps.mockClear();
    const left = 1 + 1000 * i;
    t.inject(`ACK seq=1 ack=1 win=65535 sack=${String(left)}-${String(left + 1000)}`);
    most = Math.max(most, steps.mock.calls.length);
    t.take();
  }
  expect(most).toBeLessThan(700);
  t.pass(500).take();
  expect(inFlight.lostOctets + inFlight.sackedOctets).toBeGreaterThan(0);
});

test("RFC 8985 §6.3: what a long search has passed by is found when its reordering window ends, without another ACK", () => {
  const inFlight = new InFlight();
  inFlight.reset();
  const at = (i: number): Seq => toSeq(1 + 1000 * i);
  const ranges = 900;
  for (let i = 0; i < ranges; i++) inFlight.push(at(i), at(i + 1), i, 0);
  const rack = new Rack();
  rack.reset(at(0));
  let nowUs = 100_000;
  for (let i = ranges - 44; i < ranges; i++) rack.delivered(at(i + 1), i, 0, nowUs, false);
  for (let i = 0; i < 44; i++) inFlight.sack(inFlight.firstEndingAfter(at(ranges - 44 + i)));
  for (let calls = 0; calls === 0 || rack.waitUs > 0; calls++) {
    expect(calls).toBeLessThan(50);
    rack.detectLoss(inFlight, nowUs, 25_000);
    nowUs += Math.max(1000, rack.waitUs);
  }
  expect(inFlight.lostOctets).toBe(1000 * (ranges - 44));
});

/** Longer than an int32 of microseconds holds. */
const LONG_US = 40 * 60_000_000;

test("RFC 8985 §6.2: what was sent longer ago than an int32 holds was sent before what has arrived, and is lost", () => {
  const inFlight = new InFlight();
  const rack = new Rack();
  rack.reset(toSeq(1));
  inFlight.push(toSeq(1), toSeq(2), 0, 0);
  inFlight.push(toSeq(2), toSeq(3), LONG_US | 0, 0);
  rack.delivered(toSeq(3), LONG_US | 0, 0, LONG_US + 10_000, false);
  inFlight.sack(1);
  expect(rack.detectLoss(inFlight, LONG_US + 10_000, 2500)).toBe(0);
  expect(rack.waitUs).toBe(0);
});

test("RFC 8985 §6.2 step 2: what was delivered longer ago than an int32 holds is forgotten for what is delivered now", () => {
  const inFlight = new InFlight();
  const rack = new Rack();
  rack.reset(toSeq(1));
  rack.delivered(toSeq(1), 0, 0, 10_000, false);
  inFlight.push(toSeq(1), toSeq(2), LONG_US | 0, 0);
  inFlight.push(toSeq(2), toSeq(3), LONG_US | 0, 0);
  expect(rack.detectLoss(inFlight, LONG_US + 100_000, 0)).toBe(-1); // Nothing tells that it is lost.
  rack.delivered(toSeq(3), LONG_US | 0, 0, LONG_US + 100_000, false);
  inFlight.sack(1);
  expect(rack.xmitUs).toBe(LONG_US | 0);
  expect(rack.detectLoss(inFlight, LONG_US + 100_000, 0)).toBe(0);
});

test("RFC 8985 §6.2 step 1: what was sent longer ago than an int32 holds says nothing of what was sent since", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true }, tcp: { r2Ms: LONG_US } }).established();
  t.send(4 * MSS).take();
  t.pass(LONG_US / 1000);
  expect(t.take().at(-1)?.seq).toBe(at(0)); // Again and again.
  t.pass(5).inject(ack(1)).take();
  const { xmitUs, rttUs } = t.tcb.sender?.rack ?? new Rack();
  t.pass(5)
    .inject(`${ack(1)} ${sack([3, 4])}`)
    .take(); // It was never sent again.
  expect(t.tcb.sender?.rack).toMatchObject({ xmitUs, rttUs });
});

test.each([
  ["a time-out", timeOut],
  ["a recovery that was taken back", takeBack],
] as const)(
  "RFC 8985 §6.2 step 5: after %s a long search begins anew, and does not go on behind the first copy",
  (_, happens) => {
    const t = scripted({ peer: { mss: MSS, sackOk: true } }).established();
    t.call((socket) => {
      socket.setNoDelay(true);
    });
    for (let i = 0; i < 600; i++) t.send(10);
    t.take();
    const { tcb } = t;
    const { sender } = tcb;
    if (sender === null) throw new Error("something is in flight");
    const { inFlight, rack } = sender;
    const nowUs = (): number => t.core.clock.nowUs;
    t.pass(1).inject("ACK seq=1 ack=1 sack=5901-6001");
    expect(inFlight.lostOctets).toBeGreaterThan(0);
    expect(inFlight.flags(inFlight.count - 2) & LOST).toBe(0); // The search has not come so far.
    happens(tcb, sender);
    inFlight.resent(0, nowUs() | 0);
    inFlight.resent(1, (nowUs() + 1) | 0);
    rack.delivered(inFlight.end(1), inFlight.sentUs(1), RETRANSMITTED, nowUs() + 100_000, false);
    expect(rack.detectLoss(inFlight, nowUs() + 100_000, 0)).toBe(0);
    expect(inFlight.flags(0) & (LOST | COPY_IN_FLIGHT)).toBe(LOST);
  },
);

test("RFC 8985 §6.2 step 5: a search that had no end is forgotten once nothing is missing: numbers come round again", () => {
  const t = flying({ sackOk: true });
  const { sender } = t.tcb;
  if (sender === null) throw new Error("something is in flight");
  const before = new InFlight(); // What was in flight three gibioctets ago.
  const first = (i: number): Seq => toSeq(t.tcb.sndUna - 3 * 2 ** 30 + i);
  for (let i = 0; i < 300; i++)
    before.push(first(i), first(i + 1), (t.core.clock.nowUs - 5000) | 0, i === 299 ? SACKED : 0);
  const { nowUs } = t.core.clock;
  sender.rack.reset(first(0));
  sender.rack.delivered(first(300), (nowUs - 5000) | 0, 0, nowUs, false);
  sender.rack.detectLoss(before, nowUs, 10_000);
  for (let gibioctets = 1; gibioctets <= 3; gibioctets++)
    sender.rack.delivered(first(gibioctets * 2 ** 30), (nowUs - 5000) | 0, 0, nowUs, false);
  t.pass(1).inject(ack(1)).take();
  t.pass(1)
    .inject(`${ack(1)} ${sack([2, 5])}`)
    .expectNext(segment(1));
});
