import { expect, test } from "vitest";
import { windowScaleFor } from "../../src/tcp/window.ts";
import { type ScriptedPeer, scripted, type Wire } from "../support/scripted-peer.ts";

const peer = { mss: 1000 };
const paused = (t: ScriptedPeer): ScriptedPeer =>
  t.call((socket) => {
    socket.pause();
  });
const edge = (wire: Wire, scale: number): number => (wire.ack ?? 0) + (wire.win << scale);

test("RFC 9293 §3.1 MUST-1: the window field is unsigned", () => {
  const t = scripted({ peer: { mss: 1000, win: 65_535 }, tcp: { initialWindowSegments: 100 } }).established();
  t.tcb.cwnd = 100_000;
  t.send(100_000);
  expect(t.take().reduce((sum, wire) => sum + wire.len, 0)).toBe(65_000);
});

test("RFC 9293 §3.1 REC-1, RFC 7323 §2.2: with a scale of 14 the window has 30 bits", () => {
  const t = scripted({ peer: { ...peer, ws: 14 } }).established();
  t.inject("ACK seq=1 ack=1 win=65535");
  expect(t.tcb.sndWnd).toBe(65_535 * 2 ** 14);
});

test("RFC 7323 §2.2: the window of a SYN and of a SYN,ACK is never scaled", () => {
  const t = scripted({ peer: { ...peer, ws: 7, win: 1000 } }).listening();
  t.inject(`SYN seq=0 ${t.peerOptions}`).expect("SYN,ACK seq=0 win=65535 ws=5").inject("ACK seq=1 ack=1 win=1000");
  expect(t.tcb.sndWnd).toBe(128_000);
  const s = scripted({ peer: { ...peer, ws: 7, win: 1000 } }).connected();
  expect([s.tcb.sndWnd, s.tcb.sndWscale, s.tcb.rcvWscale]).toEqual([1000, 7, 5]);
});

test("RFC 7323 §2.2: without the peer's option nothing is scaled, and the SYN,ACK has none", () => {
  const t = scripted({ peer }).listening();
  t.inject(`SYN seq=0 ${t.peerOptions}`).expect("SYN,ACK ws=none").inject("ACK seq=1 ack=1 win=1000");
  expect([t.tcb.sndWnd, t.tcb.sndWscale, t.tcb.rcvWscale]).toEqual([1000, 0, 0]);
  const s = scripted({ peer }).connecting();
  s.expect("SYN ws=5").inject("SYN,ACK seq=0 ack=1 win=1000 mss=1000").expect("ACK win=65535");
  expect(s.tcb.sndWnd).toBe(1000);
});

test("RFC 7323 §2.3: the scale is the smallest that shows the whole buffer, 14 at most", () => {
  expect([65_535, 65_536, 1 << 20, 2 ** 30, 2 ** 31].map(windowScaleFor)).toEqual([0, 1, 5, 14, 14]);
});

test("RFC 9293 §3.8.6.2.1 MUST-38: a window that opens by little draws no small segment", () => {
  const t = scripted({ peer: { ...peer, win: 4000 } }).established();
  t.send(10_000).take();
  t.inject("ACK seq=1 ack=4001 win=100").silent();
  t.inject("ACK seq=1 ack=4001 win=999").silent();
  t.inject("ACK seq=1 ack=4001 win=1999").expect("ACK seq=4001 len=1000");
});

test("RFC 9293 §3.8.6.2.1: half of the largest window seen is enough where no full segment fits", () => {
  const t = scripted({ peer: { ...peer, win: 800 } }).established();
  t.send(5000).expect("ACK seq=1 len=800").inject("ACK seq=1 ack=801 win=399").silent();
  t.inject("ACK seq=1 ack=801 win=400").expect("ACK seq=801 len=400");
});

test("RFC 9293 §3.8.6.2.1 (override): a narrow window is used after a while", () => {
  const t = scripted({ peer: { ...peer, win: 4000 } }).established();
  t.send(10_000).take();
  t.inject("ACK seq=1 ack=4001 win=100").silent();
  t.pass(t.tcb.rtoMs).expect("ACK seq=4001 len=100");
});

test("RFC 9293 §3.8.6.1 MUST-36, SHLD-29, SHLD-30: probes after one RTO, then at doubled distances", () => {
  const t = scripted({ peer: { ...peer, win: 1000 } }).established();
  t.send(3000).expect("ACK seq=1 len=1000");
  t.inject("ACK seq=1 ack=1001 win=0").silent();
  let wait = t.tcb.rtoMs;
  for (let i = 0; i < 6; i++, wait *= 2) {
    t.pass(wait - 1)
      .silent()
      .pass(1)
      .expect("ACK seq=1001 len=1");
    t.inject("ACK seq=1 ack=1001 win=0").silent();
  }
  expect(t.core.tcpCounters.zeroWindowProbes).toBe(6);
});

test("RFC 9293 §3.8.6.1: when the window opens sending goes on at once, and the probe's octet with it", () => {
  const t = scripted({ peer: { ...peer, win: 1000 } }).established();
  t.send(3000).take();
  t.inject("ACK seq=1 ack=1001 win=0").pass(5000).take();
  t.inject("ACK seq=1 ack=1001 win=1001");
  const sent = t.take();
  expect(sent[0].seq).toBe(1001);
  expect(sent.at(-1)).toMatchObject({ seq: 1002, len: 1000 });
  t.inject("ACK seq=1 ack=2002 win=5000").expect("ACK seq=2002 len=999");
});

test("RFC 9293 §3.8.6.1: a peer that takes the probe's octet is sent the next", () => {
  const t = scripted({ peer: { ...peer, win: 1000 } }).established();
  t.send(3000).take();
  t.inject("ACK seq=1 ack=1001 win=0").pass(t.tcb.rtoMs).expect("ACK seq=1001 len=1");
  t.inject("ACK seq=1 ack=1002 win=0").silent();
  t.pass(t.tcb.rtoMs).expect("ACK seq=1002 len=1");
});

test("RFC 9293 §3.8.6.1 MUST-37: hours of a closed window end nothing while the probes are answered", () => {
  const t = scripted({ peer: { ...peer, win: 1000 } }).established();
  t.send(3000).take();
  t.inject("ACK seq=1 ack=1001 win=0");
  for (let hour = 0; hour < 4 * 30; hour++) {
    t.pass(120_000);
    if (t.take().length > 0) t.inject("ACK seq=1 ack=1001 win=0");
  }
  t.stateIs("ESTABLISHED");
  t.inject("ACK seq=1 ack=1001 win=5000");
  expect(t.take().length).toBeGreaterThan(0);
  expect(t.tcb.ssthresh).toBe(0x7fff_ffff);
});

test("RFC 9293 §3.8.6.1, §3.8.3: a closed window whose probes nobody answers is a dead peer's", () => {
  const t = scripted({ peer: { ...peer, win: 1000 } }).established();
  t.send(3000).take();
  t.inject("ACK seq=1 ack=1001 win=0").pass(400_000).stateIs("CLOSED").toldIs("soft ETIMEDOUT", "close ETIMEDOUT");
});

test("answers to probes are no duplicate ACKs: no window is halved for them", () => {
  const t = scripted({ peer: { ...peer, win: 1000 } }).established();
  t.send(3000).take();
  t.inject("ACK seq=1 ack=1001 win=0").pass(t.tcb.rtoMs).take();
  for (let i = 0; i < 6; i++) t.inject("ACK seq=1 ack=1001 win=0");
  expect([t.core.tcpCounters.fastRetransmits, t.tcb.cwnd]).toEqual([0, 10_000]);
});

test("RFC 9293 §3.8.6 MUST-34, SHLD-15, SHLD-16: a window that shrinks stops new text; old is sent again inside it", () => {
  const t = scripted({ peer: { ...peer, win: 5000 } }).established();
  t.send(9000).take();
  t.inject("ACK seq=1 ack=1001 win=1500").silent();
  t.pass(t.tcb.rtoMs).expect("ACK seq=1001 len=1000");
  t.inject("ACK seq=1 ack=2001 win=5000");
  expect(t.take()[0]).toMatchObject({ seq: 2001 });
});

test("RFC 9293 §3.8.6 MUST-34, SHLD-16: of a segment that the shrunk window cuts, only what lies inside is sent again", () => {
  const t = scripted({ peer: { ...peer, win: 5000 } }).established();
  t.send(5000).take();
  t.inject("ACK seq=1 ack=1001 win=500").silent();
  t.pass(t.tcb.rtoMs).expect("ACK seq=1001 len=500");
});

test("RFC 9293 §3.8.6 MUST-35, SHLD-17: a window that shrinks to nothing is probed, and nothing times out", () => {
  const t = scripted({ peer: { ...peer, win: 5000 } }).established();
  t.send(9000).take();
  t.inject("ACK seq=1 ack=1001 win=0").silent();
  for (let i = 0; i < 30; i++) {
    t.pass(30_000);
    const probes = t.take();
    for (const wire of probes) expect([wire.seq, wire.len]).toEqual([1001, 1]);
    if (i === 0) expect(probes.length).toBeGreaterThan(0);
    t.inject("ACK seq=1 ack=1001 win=0");
  }
  t.stateIs("ESTABLISHED").inject("ACK seq=1 ack=1001 win=9000");
  t.inject("ACK seq=1 ack=9001 win=9000");
  expect(t.tcb.queuedOctets).toBe(0);
});

test("RFC 9293 §3.10.7.4: a window update from an older segment is not used", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1 ack=1 len=10 win=4000").inject("ACK seq=11 ack=1 len=10 win=5000");
  t.inject("ACK seq=6 ack=1 len=20 win=9000");
  expect(t.tcb.sndWnd).toBe(5000);
  t.send(10).inject("ACK seq=26 ack=11 win=7000").inject("ACK seq=26 ack=1 win=6000");
  expect(t.tcb.sndWnd).toBe(7000);
});

test.each([0, 5])("RFC 9293 §3.8.6 SHLD-14: our right edge never moves left (scale %i)", (scale) => {
  const receiveBuffer = scale === 0 ? 20_000 : 1 << 20;
  const t = paused(
    scripted({ peer: { ...peer, ...(scale > 0 ? { ws: 7 } : {}) }, tcp: { receiveBuffer } }).established(),
  );
  let right = 0;
  let next = 1;
  for (let i = 0; i < 400; i++) {
    const length = 1 + ((i * 37) % 997);
    t.inject(`ACK seq=${String(next)} ack=1 len=${String(length)}`);
    next = (t.tcb.rcvNxt - t.tcb.irs) | 0;
    if (i % 50 === 49) t.call((socket) => socket.read());
    t.pass(50);
    for (const wire of t.take()) {
      expect(edge(wire, scale)).toBeGreaterThanOrEqual(right);
      right = edge(wire, scale);
    }
  }
});

test("a peer of many small segments cannot push the window's edge on for ever (RFC 7323 §2.4)", () => {
  const receiveBuffer = 100_000;
  const t = paused(scripted({ peer: { ...peer, ws: 7 }, tcp: { receiveBuffer } }).established());
  let next = 1;
  for (; next + 1000 < receiveBuffer; next += 1000) t.inject(`ACK seq=${String(next)} ack=1 len=1000`);
  for (let i = 0; i < 10_000; i++) {
    next = (t.tcb.rcvNxt - t.tcb.irs) | 0;
    t.inject(`ACK seq=${String(next)} ack=1 len=1`).pass(50);
    t.take();
  }
  expect(t.tcb.receiveQueue?.octets).toBeLessThanOrEqual(receiveBuffer * 1.07);
});

test("RFC 9293 §3.8.6.2.2 MUST-39: a closed window opens again by a segment or half the buffer, and is told", () => {
  const t = paused(scripted({ peer, tcp: { receiveBuffer: 8000 } }).established());
  for (let i = 0; i < 8; i++) t.inject(`ACK seq=${String(1 + 1000 * i)} ack=1 len=1000`).pass(50);
  expect(t.take().at(-1)?.win).toBe(0);
  t.inject("ACK seq=8001 ack=1 len=1").expect("ACK seq=1 ack=8001 win=0");
  t.call((socket) => {
    socket.resume();
  }).expect("ACK seq=1 ack=8001 win=8000");
  const s = scripted({
    peer,
    tcp: { receiveBuffer: 8000 },
    handler: { data: undefined, readable: () => undefined } as never,
  });
  s.established();
  for (let i = 0; i < 8; i++) s.inject(`ACK seq=${String(1 + 1000 * i)} ack=1 len=1000`).pass(50);
  s.take();
  let freed = 0;
  while (s.take().length === 0) {
    const before = s.tcb.receiveQueue?.octets ?? 0;
    s.call((socket) => socket.read());
    freed += before - (s.tcb.receiveQueue?.octets ?? 0);
  }
  expect(freed).toBeGreaterThanOrEqual(1000);
});

test("RFC 9293 §3.8.6.2.2 MUST-39: a window that is worth less than a segment is offered to nobody, whoever asks", () => {
  const t = paused(scripted({ peer, tcp: { receiveBuffer: 4000 } }).established());
  for (let i = 0; i < 40; i++) t.inject(`ACK seq=${String(1 + 100 * i)} ack=1 len=100`).pass(50);
  expect(t.take().at(-1)?.win).toBe(0);
  t.call((socket) => {
    expect(socket.read()).toHaveLength(100);
  }).silent();
  t.inject("ACK seq=4001 ack=1 len=1").expect("ACK ack=4001 win=0");
});

test("RFC 9293 §3.8.6.2.2 MUST-39: small segments that are read at once do not creep the right edge along", () => {
  const t = scripted({ peer, tcp: { receiveBuffer: 4000 } }).established();
  for (let i = 1; i <= 10; i++) {
    t.inject(`ACK seq=${String(10 * i - 9)} ack=1 len=10`).pass(50);
    t.expect(`ACK ack=${String(10 * i + 1)} win=${String(4000 - 10 * i)}`);
  }
});

test("RFC 9293 §3.4 MUST-66: RST and ACK count although our window is closed", () => {
  const t = paused(scripted({ peer, tcp: { receiveBuffer: 2000 } }).established());
  t.send(10);
  t.inject("ACK seq=1 ack=1 len=1000").inject("ACK seq=1001 ack=1 len=1000").take();
  expect(t.tcb.rcvWnd).toBe(0);
  t.inject("ACK seq=2001 ack=11 len=1").expect("ACK ack=2001 win=0");
  expect(t.tcb.queuedOctets).toBe(0);
  t.inject("RST seq=2001").toldIs("close ECONNRESET").leavesNothing();
});

test("a peer that has filled our window and waits for a hole still acknowledges what we send", () => {
  const t = scripted({ peer, tcp: { receiveBuffer: 4000 } }).established();
  t.send(10).take();
  for (let i = 1; i < 4; i++) t.inject(`ACK seq=${String(1 + 1000 * i)} ack=1 len=1000`);
  t.take();
  t.inject("ACK seq=4001 ack=11").silent();
  expect(t.tcb.queuedOctets).toBe(0);
});

test("without a scale, reading a large buffer tells the peer nothing before the field can say it", () => {
  const t = paused(scripted({ peer }).established());
  for (let i = 0; i < 4; i++) t.inject(`ACK seq=${String(1 + 10 * i)} ack=1 len=10`);
  t.pass(50).take();
  t.call((socket) => {
    socket.resume();
  }).silent();
});
