import { expect, test } from "vitest";
import { TIMER_IS_REORDERING } from "../../src/tcp/tcb.ts";
import { scripted } from "../support/scripted-peer.ts";

const peer = { mss: 1000 };

test("RFC 6298 (2.1): before a measurement the RTO is 1 s", () => {
  const t = scripted({ peer }).connecting();
  t.expect("SYN").pass(999).silent().pass(1).expect("SYN");
});

test("RFC 6298 (2.2), (2.3): SRTT and RTTVAR follow the measurements", () => {
  const t = scripted({ peer, tcp: { rtoMsMin: 1 } }).connecting();
  t.expect("SYN").pass(100).inject("SYN,ACK seq=0 ack=1").expect("ACK");
  expect([t.tcb.srttUs, t.tcb.rttvarUs, t.tcb.rtoMs]).toEqual([100_000, 50_000, 300]);
  t.send(10).pass(180).inject("ACK seq=1 ack=11").take();
  expect([t.tcb.srttUs, t.tcb.rttvarUs, t.tcb.rtoMs]).toEqual([110_000, 57_500, 340]);
});

test("RFC 6298 (2.4), (2.5): the RTO has a lower and an upper bound", () => {
  const t = scripted({ peer, tcp: { rtoMsMin: 250, rtoMsMax: 60_000, r2Ms: 200_000 } }).connected();
  expect(t.tcb.rtoMs).toBe(251); // SRTT of 1 ms, and the bound.
  t.send(10).take();
  for (let expiry = 0; expiry < 8; expiry++) t.pass(251 * 2 ** expiry);
  t.take();
  t.pass(59_999).silent().pass(1).expect("ACK seq=1 len=10");
});

test.each(["", " sackOk"])(
  "RFC 6298 (5.1), RFC 8985 §7.2: text that leaves later does not put off the timer of what left first%s",
  (sackOk) => {
    const t = scripted({ tcp: { rtoMsMin: 1000 } }).connecting();
    t.expect("SYN").pass(400).inject(`SYN,ACK seq=0 ack=1 mss=1000${sackOk}`).expect("ACK");
    t.call((socket) => {
      socket.setNoDelay(true);
    });
    const rto = t.tcb.rtoMs;
    expect(rto % 100).toBe(0);
    for (let ms = 0; ms < rto; ms += 100)
      t.send(10)
        .expect(`ACK seq=${String(1 + ms / 10)} len=10`)
        .pass(99)
        .silent()
        .pass(1);
    t.expectNext("ACK seq=1 len=10").take(); // And all that is as small behind it.
    expect(t.core.tcpCounters.rtoExpirations).toBe(1);
  },
);

test("RFC 6298 (5.1), (5.4) to (5.6): the timer runs from the first segment; then doubles with each expiry", () => {
  const t = scripted({ peer }).established();
  t.send(10).expect("ACK seq=1 len=10");
  const rto = t.tcb.rtoMs;
  t.pass(rto - 1)
    .silent()
    .pass(1)
    .expect("ACK seq=1 len=10");
  t.pass(2 * rto - 1)
    .silent()
    .pass(1)
    .expect("ACK seq=1 len=10");
  t.pass(4 * rto - 1)
    .silent()
    .pass(1)
    .expect("ACK seq=1 len=10");
  expect(t.tcb.info().retransmits).toBe(3);
});

test("RFC 6298 (5.2): when all is acknowledged the timer is off", () => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  t.inject("ACK seq=1 ack=11").pass(600_000).silent().stateIs("ESTABLISHED");
  expect(t.core.nextDelayMs()).toBe(Infinity);
});

test("RFC 6298 (5.3): an ACK of new octets starts the timer anew", () => {
  const t = scripted({ peer }).established();
  t.send(2000).take();
  t.pass(150).inject("ACK seq=1 ack=1001").silent();
  const { rtoMs } = t.tcb;
  t.pass(rtoMs - 1)
    .silent()
    .pass(1)
    .expect("ACK seq=1001 len=1000");
});

test("RFC 6298 §3 MUST-18 (Karn): the ACK of a segment that was sent twice is no measurement, and the back-off stays", () => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  const { rtoMs, srttUs } = t.tcb;
  t.pass(rtoMs).expect("ACK seq=1 len=10").pass(50).inject("ACK seq=1 ack=11").silent();
  expect([t.tcb.rtoMs, t.tcb.srttUs]).toEqual([rtoMs, srttUs]);
  t.send(10)
    .expect("ACK seq=11 len=10")
    .pass(2 * rtoMs - 1)
    .silent();
  t.pass(1).expect("ACK seq=11 len=10");
});

test("RFC 6298 §5 (last note): a measurement collapses the back-off", () => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  t.pass(t.tcb.rtoMs).take();
  t.inject("ACK seq=1 ack=11").send(10).inject("ACK seq=1 ack=21").take();
  t.send(10).take();
  t.pass(t.tcb.rtoMs - 1)
    .silent()
    .pass(1)
    .expect("ACK seq=21 len=10");
});

test("RFC 6298 §3: what waited behind a hole measures the hole, and not the path", () => {
  const t = scripted({ peer }).established();
  t.send(3000).take();
  const { srttUs } = t.tcb;
  t.pass(t.tcb.rtoMs).expect("ACK seq=1 len=1000").pass(20).inject("ACK seq=1 ack=3001").silent();
  expect(t.tcb.srttUs).toBe(srttUs);
});

test("RFC 7323 §4: with timestamps a retransmission is measured too", () => {
  const t = scripted({ peer: { ...peer, ts: true } }).established();
  t.send(10).take();
  t.pass(t.tcb.rtoMs);
  const [again] = t.take();
  t.pass(100).inject(`ACK seq=1 ack=11 ts=100,${String(again.ts?.[0])}`);
  expect(t.tcb.srttUs).toBeGreaterThan(12_000);
  expect(t.tcb.srttUs).toBeLessThan(14_000);
});

test("RFC 7323 §4: an echo as old as can be does not break the arithmetic", () => {
  const t = scripted({ peer: { ...peer, ts: true } }).established();
  for (let i = 0; i < 40; i++) {
    t.send(10);
    t.pass(t.tcb.rtoMs);
    const last = t.take().at(-1)?.ts?.[0] ?? 0;
    t.inject(`ACK seq=1 ack=${String(11 + 10 * i)} ts=100,${String((last - 0x7000_0000) | 0)}`);
    for (const value of [t.tcb.srttUs, t.tcb.rttvarUs]) expect(value).toBe(value | 0);
    expect(t.tcb.rttvarUs).toBeGreaterThanOrEqual(0);
    expect(t.tcb.rtoMs).toBeGreaterThanOrEqual(200);
  }
});

test("RFC 9293 §3.8.3 MUST-20, SHLD-9, SHLD-10, SHLD-11: after R1 the owner is told, after R2 the connection ends", () => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  t.pass(201).pass(402).toldIs().pass(804).toldIs("soft ETIMEDOUT");
  t.pass(100_000).stateIs("ESTABLISHED").toldIs();
  t.take();
  t.pass(200_000).stateIs("CLOSED").toldIs("close ETIMEDOUT");
  t.take();
  t.leavesNothing();
});

test("RFC 9293 §3.8.3: R2 counts from the last progress, not from the beginning", () => {
  const t = scripted({ peer }).established();
  t.send(3000).take();
  for (let i = 1; i <= 3; i++) t.pass(100_000).inject(`ACK seq=1 ack=${String(1 + 1000 * i)}`);
  t.stateIs("ESTABLISHED");
});

test("RFC 9293 §3.8.3: what was idle for long has all of R2 still when it sends", () => {
  for (const window of [0, 10, 65_535]) {
    const t = scripted({ peer }).established();
    t.inject(`ACK seq=1 ack=1 win=${String(window)}`).pass(500_000);
    t.send(100).pass(50_000).stateIs("ESTABLISHED");
  }
});

test("a FIN is sent again like text, and with the text before it", () => {
  const t = scripted({ peer }).established();
  t.send(10).close();
  t.expect("ACK seq=1 len=10", "FIN,ACK seq=11 len=0");
  t.pass(t.tcb.rtoMs).expect("ACK seq=1 len=10", "FIN,ACK seq=11 len=0");
  t.inject("ACK seq=1 ack=11").silent().inject("ACK seq=1 ack=12").silent().stateIs("FIN-WAIT-2");
});

test("a device that takes nothing for long loses nothing, and the timer goes on", () => {
  const t = scripted({ peer }).established();
  t.send(5000).expect(...[0, 1, 2, 3, 4].map((n) => `ACK seq=${String(1 + n * 1000)} len=1000`));
  t.pass(5000).take();
  t.inject("ACK seq=1 ack=5001").silent();
  expect(t.tcb.queuedOctets).toBe(0);
});

/** An hour or so in which nothing happens: a peer is gone, or the host stands still. Beyond what an int32 of microseconds holds. */
const LONG_MS = 40 * 60_000;

test("RFC 6298 (5.1), (5.3), RFC 8985 §6.3: what RACK's timer stood in for goes on, and the RTO comes when it is due", () => {
  const t = scripted().connecting();
  t.expect("SYN").pass(400).inject("SYN,ACK seq=0 ack=1 mss=1000 sackOk").expect("ACK");
  t.send(10_000).take();
  const { rtoMs } = t.tcb;
  t.pass(400).inject("ACK seq=1 ack=1 sack=3001-4001").inject("ACK seq=1 ack=1 sack=2001-4001"); // Reordering was seen.
  t.pass(99).silent().pass(1).expect("ACK seq=1 len=1000");
  t.pass(10).inject("ACK seq=1 ack=1 sack=5001-6001,2001-4001").take();
  expect(t.tcb.has(TIMER_IS_REORDERING)).toBe(true);
  t.pass(100).take();
  expect(t.tcb.has(TIMER_IS_REORDERING)).toBe(false);
  // The copy of the first segment has its round trip: 400 ms more, and not the rest of the first RTO.
  t.pass(rtoMs - 110 - 1).silent();
  expect(t.core.tcpCounters.rtoExpirations).toBe(0);
  t.pass(1).expect("ACK seq=1 len=1000");
  expect(t.core.tcpCounters.rtoExpirations).toBe(1);
});

test("RFC 8985 §7.2: the copy of what is oldest has a whole RTO, although its loss was found late in the first", () => {
  const t = scripted().connecting();
  t.expect("SYN").pass(400).inject("SYN,ACK seq=0 ack=1 mss=1000 sackOk").expect("ACK");
  t.send(10_000).take();
  const { rtoMs } = t.tcb;
  t.pass(800).expect("ACK seq=9001 len=1000"); // The tail loss probe, from which the RTO runs.
  t.pass(rtoMs - 1)
    .inject("ACK seq=1 ack=1 sack=1001-4001")
    .expectNext("ACK seq=1 len=1000");
  t.take();
  t.pass(rtoMs - 1);
  expect(t.core.tcpCounters.rtoExpirations).toBe(0);
  t.pass(1);
  expect(t.core.tcpCounters.rtoExpirations).toBe(1);
});

test("RFC 6298 (5.1): the RTO of what has been outstanding for longer than an int32 holds is over, whatever is sent behind it", () => {
  const t = scripted({ peer: { ...peer, sackOk: true }, tcp: { r2Ms: 2 * LONG_MS } }).established();
  t.send(500).take();
  t.core.clock.nowUs += LONG_MS * 1000; // The host stood still.
  t.send(1000).take();
  t.pass(1);
  expect(t.core.tcpCounters.rtoExpirations).toBe(1);
});

test("RFC 6298 (2.3): an answer that took longer than an int32 holds is no quick one", () => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  const { srttUs } = t.tcb;
  t.core.clock.nowUs += LONG_MS * 1000;
  t.inject("ACK seq=1 ack=11").silent();
  expect(t.tcb.srttUs).toBeGreaterThan(srttUs);
});
