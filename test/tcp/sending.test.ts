import { expect, test } from "vitest";
import { type ScriptedPeer, scripted, type Wire } from "../support/scripted-peer.ts";

const peer = { mss: 1000 };
const noDelay = (t: ScriptedPeer): ScriptedPeer =>
  t.call((socket) => {
    socket.setNoDelay(true);
  });
/** The octets of options in a segment that timestamps and SACK blocks add. */
const options = (wire: Wire): number =>
  (wire.ts === undefined ? 0 : 12) + (wire.sack === undefined ? 0 : 4 + 8 * wire.sack.length);

test("RFC 9293 §3.7.4 SHLD-7 (Nagle): a small segment waits while another is outstanding", () => {
  const t = scripted({ peer }).established();
  t.send(10).expect("ACK seq=1 len=10").send(10).silent().send(10).silent();
  t.inject("ACK seq=1 ack=11").expect("ACK seq=11 len=20");
});

test("RFC 9293 §3.7.4 (Nagle): full segments never wait, and a small one may follow them", () => {
  const t = scripted({ peer }).established();
  t.send(2500).expect("ACK seq=1 len=1000", "ACK seq=1001 len=1000", "ACK seq=2001 len=500");
  t.send(10).silent();
  t.send(990).expect("ACK seq=2501 len=1000");
});

test.each([true, false])("Nagle as amended by Minshall: only small ones outstanding count (offload %s)", (offload) => {
  const t = scripted({ peer, offload }).established();
  t.send(3000).take();
  t.send(10).expect("ACK seq=3001 len=10").send(10).silent();
  t.inject("ACK seq=1 ack=3001").silent().inject("ACK seq=1 ack=3011").expect("ACK seq=3011 len=10");
  const s = scripted({ peer, offload }).established();
  s.send(2500).take();
  s.send(10).silent();
});

test("RFC 9293 §3.7.4 MUST-17: the application switches Nagle's algorithm off", () => {
  const t = noDelay(scripted({ peer }).established());
  t.send(10).expect("ACK seq=1 len=10").send(10).expect("ACK seq=11 len=10");
  t.call((socket) => {
    socket.setNoDelay(false);
  });
  t.send(10).silent();
  noDelay(t).expect("ACK seq=21 len=10");
});

test("RFC 9293 §3.10.2: SEND takes a part of a buffer, and refuses one that does not lie in it", () => {
  const t = scripted({ peer, offload: true }).established();
  const octets = Uint8Array.from({ length: 100 }, (_, i) => i);
  t.call((socket) => {
    expect(socket.send(octets, 10, 10)).toBe(false);
    for (const [start, end] of [
      [-1, 5],
      [5, 4],
      [0, 101],
      [Number.NaN, 5],
      [0, Number.NaN],
    ] as const) {
      expect(() => socket.send(octets, start, end)).toThrow(RangeError);
    }
    socket.send(octets, 10, 40);
    socket.send(octets, 90);
  });
  expect(t.take().flatMap(({ text }) => [...text])).toEqual([...octets.subarray(10, 40), ...octets.subarray(90)]);
});

test("RFC 9293 §3.9.1.2 MUST-60: what waits leaves with the FIN", () => {
  const t = scripted({ peer }).established();
  t.send(10).expect("ACK seq=1 len=10").send(10).silent();
  t.close().expect("FIN,ACK seq=11 len=10");
});

test("RFC 9293 §3.9.1.2 MUST-61: PSH stands on the last octet that was buffered, and on no other", () => {
  const t = scripted({ peer }).established();
  t.send(2500);
  expect(t.take().map((wire) => wire.flags)).toEqual(["ACK", "ACK", "PSH,ACK"]);
  const s = scripted({ peer, offload: true }).established();
  s.send(2500).expect("PSH,ACK seq=1 len=2500 gso=1000");
});

test("RFC 9293 §3.9.1.2 SHLD-28: many small writes make full segments", () => {
  const t = scripted({ peer }).established();
  t.call((socket) => {
    for (let i = 0; i < 300; i++) socket.sendCopy(new Uint8Array(10).fill(i));
  });
  t.expectNext("ACK seq=1 len=1000").expectNext("ACK seq=1001 len=1000").expect("ACK seq=2001 len=1000");
});

test("RFC 9293 §3.7.1 MUST-15: without an MSS option segments hold 536 octets", () => {
  const t = scripted({ peer: { mss: 0 } }).established();
  t.send(600).expect("ACK seq=1 len=536", "ACK seq=537 len=64");
});

test.each([
  [9000, 1500, 1460],
  [600, 1500, 600],
  [1460, 1280, 1240],
])("RFC 9293 §3.7.1 MUST-16: peer's MSS %i on an MTU of %i makes %i", (mss, mtu, text) => {
  scripted({ peer: { mss }, mtu })
    .established()
    .send(10_000)
    .expectNext(`ACK seq=1 len=${String(text)}`);
});

test("RFC 9293 §3.7.1 MUST-16: the octets of timestamps and of SACK blocks count", () => {
  const t = scripted({ peer: { mss: 600, ts: true, sackOk: true } }).established();
  t.send(2000);
  for (const wire of t.take()) expect(wire.len + options(wire)).toBeLessThanOrEqual(600);
  t.inject("ACK seq=1 ack=2001 ts=101,0");
  t.inject("ACK seq=101 ack=2001 len=10 ts=101,0").expect("ACK seq=2001 ack=1 sack=101-111");
  t.send(2000);
  const sent = t.take();
  expect(sent.reduce((sum, wire) => sum + wire.len, 0)).toBe(2000);
  for (const wire of sent) expect([wire.sack?.length, wire.len + options(wire) <= 600]).toEqual([1, true]);
});

test.each([false, true])("a peer's hole does not stop our own bulk (offload %s)", (offload) => {
  const t = scripted({ peer: { mss: 1000, sackOk: true }, offload }).established();
  t.inject("ACK seq=101 ack=1 len=10").expect("ACK seq=1 ack=1 sack=101-111");
  t.send(9000);
  const sent = t.take();
  expect(sent.reduce((sum, wire) => sum + wire.len, 0)).toBe(9000);
  const full = 1000 - 12;
  for (const wire of sent.slice(0, -1)) expect(wire.len % full).toBe(0);
  if (offload) expect(sent[0].gso).toBe(full);
});

test("an MSS as small as can be leaves room for text beside SACK blocks", () => {
  for (const mss of [1, 13, 20, 48, 60, 88]) {
    for (const offload of [false, true]) {
      const t = scripted({ peer: { mss, sackOk: true, ts: true }, offload }).established();
      for (let i = 0; i < 5; i++) t.inject(`ACK seq=${String(101 + 20 * i)} ack=1 len=10 ts=100,0`);
      t.take();
      t.send(500);
      const sent = t.take();
      expect(sent.length).toBeGreaterThan(0);
      for (const wire of sent) {
        expect(wire.len).toBeGreaterThan(0);
        expect((wire.gso > 0 ? wire.gso : wire.len) + options(wire)).toBeLessThanOrEqual(Math.max(mss, 88));
      }
    }
  }
});

test("RFC 9293 §3.7.1 MUST-14, MUST-67, SHLD-5: our MSS is the MTU less 40, in SYN and SYN,ACK", () => {
  scripted({ mtu: 1400 }).connecting().expect("SYN seq=0 mss=1360");
  scripted({ mtu: 1400, peer: { mss: 500 } })
    .listening()
    .inject("SYN seq=0")
    .expect("SYN,ACK mss=1360");
});

test("RFC 9293 §3.1 MUST-65: the MSS option is on no other segment", () => {
  const t = scripted({ peer: { mss: 1000, ws: 7, sackOk: true, ts: true } }).established();
  t.send(2000).close().inject("ACK seq=1 ack=2002 ts=101,0 len=10");
  for (const wire of t.take()) expect([wire.mss, wire.ws, wire.sackOk]).toEqual([undefined, undefined, undefined]);
});

test("super-segments hold whole segments, up to what the device takes; the window cuts them at whole segments too", () => {
  const t = scripted({ offload: true, peer: { mss: 1000, ws: 5, win: 60_000 } }).established();
  t.inject("ACK seq=1 ack=1 win=60000").send(500_000).expect("ACK seq=1 len=10000 gso=1000");
  t.inject("ACK seq=1 ack=10001 win=60000").expect("ACK seq=10001 len=20000 gso=1000");
  const s = scripted({ offload: true, peer: { mss: 1000, win: 5500 } }).established();
  s.send(20_000).expect("ACK seq=1 len=5000 gso=1000");
  const u = scripted({ offload: true, peer: { mss: 1000 }, tcp: { initialWindowSegments: 100 } }).established();
  u.tcb.cwnd = 100_000;
  u.send(200_000).expect("ACK seq=1 len=65000 gso=1000");
});

test("FIN and PSH ride on the last octets of a super-segment", () => {
  const t = scripted({ offload: true, peer }).established();
  t.call((socket) => {
    socket.send(new Uint8Array(3500));
    socket.end();
  });
  t.expect("FIN,PSH,ACK seq=1 len=3500 gso=1000");
  t.inject("ACK seq=1 ack=3502").silent().stateIs("FIN-WAIT-2");
});

test("RFC 6928: the initial window is ten segments, or 14,600 octets of larger ones", () => {
  const t = scripted({ peer: { mss: 1460 } }).established();
  t.send(50_000);
  expect(t.take()).toHaveLength(10);
  const s = scripted({ peer: { mss: 5000 }, mtu: 9000 }).established();
  s.send(50_000);
  expect(s.take()).toHaveLength(2);
});

test("drain comes once when the queue is down to half of the high-water mark", () => {
  const t = scripted({ peer, tcp: { sendHighWater: 4000 } }).established();
  let more = true;
  t.call((socket) => {
    more = socket.send(new Uint8Array(3999));
  });
  expect(more).toBe(true);
  t.call((socket) => {
    more = socket.send(new Uint8Array(1));
  });
  expect(more).toBe(false);
  t.inject("ACK seq=1 ack=1001").inject("ACK seq=1 ack=2000").toldIs();
  t.inject("ACK seq=1 ack=2001").toldIs("drain").inject("ACK seq=1 ack=4001").toldIs();
});

test("copied writes are the stack's own; given ones are lent until they are acknowledged", () => {
  const t = scripted({ peer }).established();
  const octets = new Uint8Array(10).fill(1);
  t.call((socket) => socket.sendCopy(octets));
  octets.fill(2);
  expect(t.take()[0].text).toEqual(new Uint8Array(10).fill(1));
  t.pass(t.tcb.rtoMs);
  expect(t.take()[0].text).toEqual(new Uint8Array(10).fill(1));
});

test("nothing is sent after `end`, or on a connection that is gone", () => {
  const t = scripted({ peer }).established();
  t.close().expect("FIN,ACK seq=1");
  expect(t.socket?.send(new Uint8Array(1))).toBe(false);
  t.flush().silent();
  t.abort().expect("RST,ACK seq=2");
  expect(t.socket?.sendCopy(new Uint8Array(1))).toBe(false);
  t.leavesNothing();
});

test("one connection's bulk does not keep another from its turn", () => {
  const t = scripted({ peer: { mss: 1000 }, tcp: { initialWindowSegments: 1000 } }).established();
  const [first] = t.accepted;
  t.inject("SYN seq=0 mss=1000 sport=40001").take();
  t.inject("ACK seq=1 sport=40001").take();
  for (const connection of t.accepted) Object.assign(connection, { cwnd: 1_000_000, sndWnd: 1_000_000 });
  first.send(new Uint8Array(700_000));
  t.accepted[1].send(new Uint8Array(10));
  t.flush();
  const ports = t.take().map((wire) => wire.dport);
  expect(ports.indexOf(40_001)).toBeGreaterThan(0);
  expect(ports.indexOf(40_001)).toBeLessThan(400);
});
