import { expect, test } from "vitest";
import { QUEUE_MIN } from "../../src/base/memory-budget.ts";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const peer = { mss: 1000, sackOk: true };
const paused = (t: ScriptedPeer): ScriptedPeer =>
  t.call((socket) => {
    socket.pause();
  });

/** Memory is tight because of somebody else: `held` of `max` octets. */
const tight = (max: number, held: number, options: Parameters<typeof scripted>[0] = {}): ScriptedPeer => {
  const t = scripted({ peer, memoryMax: max, ...options });
  t.core.memory.receive = held;
  t.core.memory.queues = 1000;
  return t;
};

test("design.md §7: text that nobody takes never exceeds the stack's memory, whatever windows were offered before", () => {
  const t = paused(scripted({ peer, memoryMax: 20_000 }).established());
  for (let i = 0; i < 60; i++) {
    const next = (t.tcb.rcvNxt - t.tcb.irs) | 0;
    t.inject(`ACK seq=${String(next)} ack=1 len=1000`).pass(50);
    expect(t.core.memory.used).toBeLessThanOrEqual(20_000);
  }
  expect(t.core.tcpCounters.receiveQueueDropped).toBeGreaterThan(0);
  expect(t.tcb.info().unread).toBeGreaterThan(QUEUE_MIN / 2);
  t.abort().take();
  t.leavesNothing();
});

test("RFC 9293 §3.8.6 SHLD-14: tight memory narrows the window by what is taken, and never moves its edge to the left", () => {
  const t = paused(scripted({ peer: { ...peer, ws: 7 }, memoryMax: 1 << 20 }).established());
  t.inject("ACK seq=1 ack=1 len=1000").pass(50).take();
  const edge = t.tcb.rcvAdv;
  t.core.memory.receive += 900_000;
  t.inject("ACK seq=1001 ack=1 len=1000").pass(50);
  expect(t.take().at(-1)?.ack).toBe(2001);
  expect((t.tcb.rcvAdv - edge) | 0).toBe(0);
  t.core.memory.receive -= 900_000;
});

test("whoever holds nothing gets on, in order and without a probe, however tight memory is", () => {
  const t = tight(1 << 20, (1 << 20) - 10_000, { tcp: { receiveBuffer: 100_000 } }).listening();
  t.inject(`SYN seq=0 ${t.peerOptions}`).take();
  t.inject("ACK seq=1 ack=1");
  for (let i = 0, next = 1; i < 300; i++) {
    const length = Math.min(1000, t.tcb.rcvWnd);
    expect(length).toBeGreaterThanOrEqual(QUEUE_MIN / 4);
    t.inject(`ACK seq=${String(next)} ack=1 len=${String(length)}`).pass(50);
    expect(t.received).toHaveLength((next += length) - 1);
  }
});

test("an owner who reads at once has its text although memory is used up: what is lent costs none", () => {
  const t = tight(1 << 20, 1 << 20).listening();
  t.inject(`SYN seq=0 ${t.peerOptions}`).take();
  t.inject("ACK seq=1 ack=1").inject("ACK seq=1 ack=1 len=1000");
  expect(t.received).toHaveLength(1000);
});

test("an owner who takes what it gets earns a window as wide as what it takes", () => {
  const max = 64 << 20;
  const t = tight(max, max / 2, {
    peer: { ...peer, ws: 7 },
    tcp: { receiveBuffer: 1 << 17, receiveBufferMax: 1 << 20 },
    handler: { data: () => undefined },
  });
  t.established();
  let next = 1;
  for (let trip = 0; trip < 40; trip++) {
    const until = next + t.tcb.rcvWnd;
    for (; next + 1000 <= until; next += 1000) t.inject(`ACK seq=${String(next)} ack=1 len=1000`);
    t.pass(45).take();
  }
  expect(t.tcb.rcvBuffer).toBe(1 << 20);
  expect(t.tcb.rcvWnd).toBeGreaterThan(1 << 19);
});

test("RFC 2018 §8: text beyond a hole makes way for text before it when memory is used up, the furthest first", () => {
  const t = scripted({ peer, memoryMax: 12_000 }).established();
  for (const seq of [5001, 3001, 1001]) t.inject(`ACK seq=${String(seq)} ack=1 len=1000`);
  expect(t.take().at(-1)?.sack?.[0]).toEqual([1001, 2001]);
  expect(t.core.tcpCounters.outOfOrderPruned).toBe(0);
  t.inject("ACK seq=2001 ack=1 len=1000");
  expect(t.take().at(-1)?.sack).toEqual([[1001, 4001]]);
  expect(t.core.tcpCounters.outOfOrderPruned).toBe(1);
  expect(t.core.memory.used).toBeLessThanOrEqual(12_000);
  t.inject("ACK seq=8001 ack=1 len=1000");
  expect(t.core.tcpCounters.outOfOrderDropped).toBe(1);
  paused(t).inject("ACK seq=1 ack=1 len=1000");
  expect(t.tcb.info().unread).toBe(4000);
  t.abort().take();
  t.leavesNothing();
});

test("a FIN that came ahead of a hole is remembered although the text before it was given up", () => {
  const t = scripted({ peer, memoryMax: 3000 }).established();
  t.inject("FIN,ACK seq=1001 ack=1 len=1000").inject("ACK seq=501 ack=1 len=500").inject("ACK seq=251 ack=1 len=250");
  t.inject("ACK seq=1 ack=1 len=1500").inject("ACK seq=1501 ack=1 len=500").stateIs("CLOSE-WAIT");
  expect(t.received).toHaveLength(2000);
});

test("design.md §7: `send` asks to wait sooner where memory is tight, and never sooner than QUEUE_MIN octets", () => {
  const t = scripted({ peer: { ...peer, win: 2000 }, memoryMax: 1 << 20 }).established();
  t.call((socket) => expect(socket.sendRoom).toBe(1 << 18));
  t.core.memory.send = 1 << 19;
  t.call((socket) => {
    expect(socket.sendRoom).toBeGreaterThanOrEqual(QUEUE_MIN);
    expect(socket.sendRoom).toBeLessThanOrEqual(1 << 17);
    expect(socket.send(new Uint8Array(socket.sendRoom - 1))).toBe(true);
    expect(socket.send(new Uint8Array(1))).toBe(false);
  });
  t.core.memory.send -= 1 << 19;
});

test("design.md §7: an owner who sends on and on although `send` returned false loses its connection, and nothing else", () => {
  const t = scripted({
    peer: { ...peer, win: 0 },
    tcp: { sendQueueMax: 100_000, sendHighWater: 10_000 },
  }).established();
  const write = new Uint8Array(9000);
  t.call((socket) => {
    for (let i = 0; i < 10; i++) expect(socket.send(write)).toBe(i === 0);
  });
  t.stateIs("ESTABLISHED").toldIs();
  t.call((socket) => expect(socket.send(write)).toBe(false));
  t.stateIs("CLOSED").toldIs("close ENOBUFS").expect("RST,ACK seq=1");
  expect(t.core.tcpCounters.sendQueueOverflows).toBe(1);
  t.leavesNothing();
});

test("one write of any size is taken: it is the application's own memory, and what is received still finds room", () => {
  const t = scripted({ peer: { ...peer, win: 0 }, memoryMax: 1 << 20 }).established();
  t.call((socket) => expect(socket.send(new Uint8Array(10 << 20))).toBe(false));
  expect(t.core.memory.used).toBe(1 << 19);
  paused(t).inject("ACK seq=1 ack=1 len=1000 win=0");
  expect(t.tcb.info().unread).toBe(1000);
  t.call((socket) => expect(socket.send(new Uint8Array(QUEUE_MIN + 1))).toBe(false))
    .stateIs("CLOSED")
    .take();
  t.leavesNothing();
});

test("octets that an owner retains count until it says otherwise, or the connection ends", () => {
  const t = scripted({ peer }).established();
  t.call((socket) => socket.retain(5000));
  expect(t.core.memory.receive).toBe(5000);
  t.call((socket) => socket.retain(200));
  expect(t.core.memory.receive).toBe(200);
  t.abort().take();
  t.leavesNothing();
});
