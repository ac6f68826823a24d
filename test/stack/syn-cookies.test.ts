import { expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { seqAdd, toSeq } from "../../src/base/seq.ts";
import { newSipKey } from "../../src/base/siphash.ts";
import { SynCookies } from "../../src/stack/syn-cookies.ts";
import { Segment } from "../../src/wire/segment.ts";
import { ECN_OK } from "../../src/tcp/ecn.ts";
import { newReno } from "../../src/tcp/congestion/new-reno.ts";
import { HOST, PEER, scripted, type ScriptedPeer } from "../support/scripted-peer.ts";

/** A listener whose SYN queue of one is taken by somebody who never answers. */
const flooded = (options: Parameters<typeof scripted>[0] = {}): ScriptedPeer => {
  const t = scripted({ backlog: 1, ...options }).listening();
  t.inject("SYN seq=0 sport=50001 mss=1460").take();
  return t;
};

test("RFC 4987 §3.6: beyond the SYN queue a SYN is answered without keeping anything, and its ACK opens the connection", () => {
  const t = flooded();
  t.inject("SYN seq=0 mss=1400").expect("SYN,ACK seq=0 ack=1 mss=1460");
  expect(t.core.tcp.size).toBe(1);
  t.inject("ACK seq=1 ack=1").silent();
  expect(t.accepted).toHaveLength(1);
  t.stateIs("ESTABLISHED");
  expect(t.socket?.info()).toMatchObject({
    sndMss: 1400,
    options: { timestamps: false, sack: false, windowScale: false },
  });
  t.send(10).expect("PSH,ACK seq=1 ack=1 len=10");
  t.inject("ACK seq=1 ack=11 len=5").toldIs("data 5");
});

test("RFC 4987 §3.6, RFC 7323: window scale and SACK come back in the timestamp", () => {
  const t = flooded();
  t.inject("SYN seq=0 mss=1460 sackOk ws=9 ts=100,0");
  const [synAck] = t.take();
  expect(synAck).toMatchObject({ flags: "SYN,ACK", sackOk: true, ws: 5 });
  expect(synAck.ts?.[1]).toBe(100);
  t.inject(`ACK seq=1 ack=1 win=100 ts=101,${String(synAck.ts?.[0])}`).silent();
  expect(t.socket?.info()).toMatchObject({
    sndWscale: 9,
    sndWnd: 100 << 9,
    options: { timestamps: true, sack: true, windowScale: true },
  });
  const before = synAck.ts?.[0] ?? 0;
  t.pass(1).send(10);
  const [data] = t.take();
  expect(((data.ts?.[0] ?? 0) - before) | 0).toBeGreaterThan(0);
});

test("RFC 3168 §6.1.1: a cookie agrees to ECN only where the timestamp will remember it", () => {
  const t = flooded();
  t.inject("SYN,ECE,CWR seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1");
  t.inject("ACK seq=1 ack=1").silent();
  expect(t.tcb.ecn).toBe(0);
  const s = flooded();
  s.inject("SYN,ECE,CWR seq=0 mss=1460 ts=100,0");
  const [synAck] = s.take();
  expect(synAck.flags).toBe("SYN,ACK,ECE");
  s.inject(`ACK seq=1 ack=1 ts=101,${String(synAck.ts?.[0])}`).silent();
  expect(s.tcb.ecn).toBe(ECN_OK);
});

test("RFC 4987 §3.6: text that comes with the ACK is taken", () => {
  const t = flooded();
  t.inject("SYN seq=0 mss=1460").take();
  t.inject("ACK seq=1 ack=1 len=7").toldIs("data 7");
});

test("RFC 4987 §3.6: a guessed or changed cookie opens nothing and is answered with RST", () => {
  const t = flooded();
  t.inject("SYN seq=0 mss=1460").take();
  t.inject("ACK seq=1 ack=2").expect("RST seq=2");
  t.inject("ACK seq=2 ack=1").expect("RST seq=1");
  t.inject("ACK seq=1 ack=1 sport=40001").expect("RST seq=1");
  expect(t.accepted).toHaveLength(0);
  expect(t.core.tcpCounters.synCookiesFailed).toBe(3);
});

test("RFC 4987 Appendix A: a cookie is good for one to two periods of 64 s", () => {
  const clock = new Clock();
  const cookies = new SynCookies(clock, newSipKey(new SeededRandom(3)));
  const tuple = { local: HOST, localPort: 80, remote: PEER, remotePort: 40_000 };
  const [syn, ack, restored] = [new Segment(), new Segment(), new Segment()];
  syn.seq = toSeq(1000);
  syn.mss = 1300;
  for (const startS of [0, 63, 64, 1_000_000]) {
    clock.nowUs = startS * 1e6;
    ack.seq = toSeq(1001);
    ack.ack = seqAdd(cookies.issFor(tuple, syn), 1);
    clock.nowUs += 64e6;
    expect(cookies.restore(tuple, ack, restored)).toBe(true);
    expect(restored).toMatchObject({ seq: 1000, mss: 1300 });
    clock.nowUs += 64e6;
    expect(cookies.restore(tuple, ack, restored)).toBe(false);
  }
});

test("a listener that has sent no cookies believes none, and one that judges SYNs sends none", () => {
  const calm = scripted().listening();
  calm.inject("ACK seq=1 ack=1").take();
  expect(calm.core.tcpCounters.synCookiesFailed).toBe(0);
  const judge = flooded({ listen: { syn: () => "accept" } });
  judge.inject("SYN seq=0 mss=1460").silent();
  const off = flooded({ tcp: { synCookies: false, congestion: newReno } });
  off.inject("SYN seq=0 mss=1460").silent();
  expect(off.core.tcpCounters.synQueueOverflows).toBe(1);
});

test("issue 3, defence: a cookie has no more octets than the SYN that it answers, whatever options that has", () => {
  const options = [
    "",
    "mss=1460",
    "ts=100,0",
    "mss=1460 ts=100,0",
    "mss=1460 sackOk ws=9 ts=100,0",
    "sackOk ws=9",
    "ws=9",
  ];
  const size = (wire: { mss?: number; ts?: unknown; sackOk?: boolean; ws?: number }): number => {
    const octets = (wire.mss === undefined ? 0 : 4) + (wire.ts === undefined ? 0 : 10);
    return (octets + (wire.sackOk === true ? 2 : 0) + (wire.ws === undefined ? 0 : 3) + 3) & ~3;
  };
  for (const text of options) {
    const t = flooded();
    t.inject(`SYN seq=0 ${text}`);
    const [cookie] = t.take();
    const syn = {
      ...(text.includes("mss") ? { mss: 1460 } : {}),
      ...(text.includes("ts=") ? { ts: [] } : {}),
      ...(text.includes("sackOk") ? { sackOk: true } : {}),
      ...(text.includes("ws") ? { ws: 9 } : {}),
    };
    expect(size(cookie)).toBeLessThanOrEqual(size(syn));
    t.inject(`ACK seq=1 ack=1 ${cookie.ts === undefined ? "" : `ts=101,${String(cookie.ts[0])}`}`);
    expect(t.accepted).toHaveLength(1);
  }
});
