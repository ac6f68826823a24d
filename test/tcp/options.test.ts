import { expect, test } from "vitest";
import { MemoryBudget } from "../../src/base/memory-budget.ts";
import { toAddress } from "../../src/base/address.ts";
import { Clock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { newSipKey } from "../../src/base/siphash.ts";
import { TcpContext } from "../../src/tcp/context.ts";
import type { CongestionWindow } from "../../src/tcp/congestion/controller.ts";
import { HOST, PEER, scripted } from "../support/scripted-peer.ts";

const peer = { mss: 1000 };

test("RFC 7323 §2.2: a Window Scale option without SYN is ignored", () => {
  const t = scripted({ peer: { ...peer, ws: 2 } }).established();
  t.inject("ACK seq=1 ack=1 win=1000 ws=7");
  expect([t.tcb.sndWscale, t.tcb.sndWnd]).toEqual([2, 4000]);
});

test("RFC 7323 §2.3: windows that we offer are shifted right by our own scale", () => {
  const t = scripted({ peer: { ...peer, ws: 7 }, tcp: { receiveBuffer: 1 << 20 } }).established();
  expect(t.tcb.rcvWscale).toBe(5);
  t.inject("ACK seq=1 ack=1 len=1000").inject("ACK seq=1001 ack=1 len=1000").expect("ACK ack=2001 win=32768");
});

test("RFC 7323 §3.2: timestamps that were not agreed on are ignored, and the segment is taken", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1 ack=1 len=5 ts=500,0").inject("ACK seq=6 ack=1 len=1000 ts=400,0");
  t.expect("ACK ack=1006 ts=none").toldIs("data 5", "data 1000");
});

test("RFC 7323 §3.2: a SYN, which acknowledges nothing, echoes 0", () => {
  const t = scripted({ peer }).connecting();
  expect(t.take()[0].ts?.[1]).toBe(0);
});

test("RFC 7323 §5.3: PAWS looks before the window does", () => {
  const t = scripted({ peer: { ...peer, ts: true } }).established();
  t.inject("ACK seq=1 ack=1 len=5 ts=500,0").pass(50).take();
  const { tcpCounters } = t.core;
  t.inject("ACK seq=5000000 ack=1 len=5 ts=499,0").expect("ACK ack=6");
  expect([tcpCounters.pawsDropped, tcpCounters.outsideWindow]).toEqual([1, 0]);
});

test("RFC 5961 §4.2: a SYN draws a challenge ACK wherever its number is", () => {
  const t = scripted({ peer }).established();
  for (const seq of [-5000, 0, 1, 60_000, 5_000_000]) t.inject(`SYN seq=${String(seq)}`).expect("ACK seq=1 ack=1");
  t.stateIs("ESTABLISHED").toldIs();
  expect(t.core.tcpCounters.challengeAcks).toBe(5);
});

test("RFC 6528 §3: the hash covers both addresses and both ports", () => {
  const context = new TcpContext({
    clock: new Clock(),
    config: {} as never,
    memory: new MemoryBudget(1 << 20),
    counters: {} as never,
    network: {} as never,
    host: {} as never,
    secret: newSipKey(new SeededRandom(1)),
  });
  const base = { local: HOST, localPort: 80, remote: PEER, remotePort: 40_000 };
  const iss = (change: Partial<typeof base>): number => {
    const chosen = { ...base, ...change, iss: 0 as never, tsOffset: 0 };
    context.chooseOrigins(chosen);
    return chosen.iss;
  };
  const other = toAddress(0xc612_0009);
  const all = [{}, { local: other }, { remote: other }, { localPort: 81 }, { remotePort: 40_001 }].map(iss);
  expect(new Set(all).size).toBe(all.length);
});

test("RFC 9293 §3.7.1 MAY-3: the MSS option is sent although it is the default", () => {
  scripted({ mtu: 576 }).connecting().expect("SYN seq=0 mss=536");
});

test("RFC 9293 §3.9.1.2 MAY-16, SHLD-27: writes that wait leave as one segment with one PSH", () => {
  const t = scripted({ peer }).established();
  t.send(10).expect("PSH,ACK seq=1 len=10").send(10).send(10).send(10).silent();
  t.inject("ACK seq=1 ack=11").expect("PSH,ACK seq=11 len=30");
  const s = scripted({ peer }).established();
  s.call((socket) => {
    for (let i = 0; i < 4; i++) socket.send(new Uint8Array(500));
  });
  expect(s.take().map((wire) => [wire.flags, wire.len])).toEqual([
    ["ACK", 1000],
    ["PSH,ACK", 1000],
  ]);
});

test("RFC 9293 §3.8.6.1 MAY-8: an owner that does not read keeps the window closed for hours, and probes are answered", () => {
  const t = scripted({ peer, tcp: { receiveBuffer: 2000 } }).established();
  t.call((socket) => {
    socket.pause();
  });
  t.inject("ACK seq=1 ack=1 len=1000").inject("ACK seq=1001 ack=1 len=1000").take();
  for (let hour = 0; hour < 24; hour++) t.pass(3_600_000).inject("ACK seq=2001 len=1").expect("ACK ack=2001 win=0");
  t.stateIs("ESTABLISHED");
});

test("RFC 9293 §3.8.2 MAY-18: an application's own congestion control is asked instead of the stack's", () => {
  const heard: string[] = [];
  const fixed = {
    name: "fixed",
    create: () => ({
      reset: () => void heard.push("reset"),
      delivered: (window: CongestionWindow) => {
        heard.push("delivered");
        window.cwnd = 3000;
      },
      lost: () => void heard.push("lost"),
      timedOut: () => void heard.push("timedOut"),
    }),
  };
  const t = scripted({ peer }).established();
  t.call((socket) => {
    socket.configure({ congestion: fixed });
  });
  t.send(30_000).take();
  t.inject("ACK seq=1 ack=10001");
  expect(t.take()).toHaveLength(3);
  expect(heard).toContain("delivered");
});
