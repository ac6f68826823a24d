import { expect, test } from "vitest";
import type { CongestionAlgorithm } from "../../src/tcp/congestion/controller.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const MSS = 1000;
const RTT_MS = 40;
/** 1.2 windows of 100 segments in a round trip of 40 ms: three segments a millisecond. */
const WINDOW = 100 * MSS;
const QUANTUM = 3 * MSS;

/** An active open over a path of `rttMs`; `cwnd` is what it may have in flight, in congestion avoidance. */
function path(rttMs: number, tcp: Partial<TcpConfig> = {}, offload = false, cwnd = WINDOW): ScriptedPeer {
  const peer = { mss: MSS, sackOk: true, ws: 7 };
  const t = scripted({ peer, offload, tcp }).connecting().expectNext("SYN seq=0").pass(rttMs);
  t.inject(`SYN,ACK seq=0 ack=1 ${t.peerOptions}`).expect("ACK seq=1 ack=1").stateIs("ESTABLISHED");
  t.inject("ACK seq=1 ack=1 win=60000").silent();
  t.tcb.cwnd = t.tcb.ssthresh = cwnd;
  return t;
}

const octetsOf = (t: ScriptedPeer): number => t.take().reduce((sum, { len }) => sum + len, 0);

/** What leaves now and in each of the next `ms` milliseconds. */
function bursts(t: ScriptedPeer, ms: number): number[] {
  const sent = [octetsOf(t)];
  for (let i = 0; i < ms; i++) sent.push(octetsOf(t.pass(1)));
  return sent;
}

test.each([false, true])(
  "design.md §4 (pacing): no more than a quantum leaves within a tick (offload %s)",
  (offload) => {
    const [first, ...rest] = bursts(path(RTT_MS, {}, offload).send(500_000), 60);
    expect(first).toBe(10 * MSS); // RFC 6928: nothing was on its way.
    expect(Math.max(...rest)).toBe(QUANTUM);
    expect(first + rest.reduce((sum, octets) => sum + octets, 0)).toBe(WINDOW);
    const last = rest.findLastIndex((octets) => octets > 0);
    expect(last).toBeGreaterThan(25);
    expect(last).toBeLessThan(40);
  },
);

test("design.md §4 (pacing): a window that is acknowledged at once leaves in quanta all the same", () => {
  const t = path(RTT_MS).send(500_000).pass(RTT_MS);
  expect(octetsOf(t)).toBe(WINDOW);
  t.inject(`ACK seq=1 ack=${String(1 + WINDOW / 2)} win=60000`);
  const sent = bursts(t, 40);
  expect(Math.max(...sent)).toBeLessThanOrEqual(QUANTUM + MSS);
  expect(sent.reduce((sum, octets) => sum + octets, 0)).toBeGreaterThanOrEqual(WINDOW / 2);
});

test("design.md §4 (pacing): what a timer that comes late has missed is made up for", () => {
  const t = path(RTT_MS).send(500_000);
  t.take();
  t.pass(5).take();
  t.core.clock.nowUs += 10_000;
  t.pass(0);
  const octets = octetsOf(t);
  expect(octets).toBeGreaterThanOrEqual(9 * QUANTUM);
  expect(octets).toBeLessThanOrEqual(10 * QUANTUM + MSS);
});

test("design.md §4 (pacing): who was silent gains no more than a quantum by it", () => {
  const t = path(RTT_MS);
  t.send(1000).pass(20);
  expect(octetsOf(t)).toBe(1000);
  t.send(500_000);
  expect(octetsOf(t)).toBeLessThanOrEqual(QUANTUM + MSS);
});

test.each<[string, number, Partial<TcpConfig>]>([
  ["where a round trip takes a millisecond", 1, {}],
  ["where it is switched off", RTT_MS, { pacing: false }],
])("design.md §4 (pacing): %s all leaves at once, and no timer is set for it", (_, rttMs, tcp) => {
  const t = path(rttMs, tcp).send(500_000);
  expect(octetsOf(t)).toBe(WINDOW);
  expect(t.core.nextDelayMs()).toBeGreaterThanOrEqual(10);
});

test("design.md §4 (pacing): one connection switches it off for itself", () => {
  const t = path(RTT_MS).call((socket) => {
    socket.configure({ pacing: false });
  });
  expect(octetsOf(t.send(500_000))).toBe(WINDOW);
});

test("RFC 6928: an initial window is not paced", () => {
  const t = path(RTT_MS, {}, false, 10 * MSS);
  t.send(500_000).take();
  t.inject(`ACK seq=1 ack=${String(1 + 5 * MSS)} win=60000`);
  expect(octetsOf(t)).toBe(5 * MSS);
});

test("RFC 5681 §3.2 (3): the fast retransmission does not wait for the pacer, what follows it does", () => {
  const t = path(RTT_MS).send(500_000).pass(RTT_MS);
  t.take();
  // 60 of 100 segments are lost.
  t.inject(`ACK seq=1 ack=1 win=60000 sack=${String(1 + 60 * MSS)}-${String(1 + 80 * MSS)}`);
  const sent = bursts(t, 20);
  expect(sent[0]).toBeGreaterThanOrEqual(MSS);
  expect(Math.max(...sent)).toBeLessThanOrEqual(QUANTUM + MSS);
  expect(sent.reduce((sum, octets) => sum + octets, 0)).toBeGreaterThan(10 * MSS);
});

test("RFC 9293 §3.6: a FIN behind the last octet does not wait for the pacer", () => {
  const t = path(RTT_MS);
  t.send(10 * MSS).take();
  t.close().expect("FIN,ACK seq=10001 len=0");
});

const rated = (pacingRate: number): CongestionAlgorithm => ({
  name: "rated",
  create: () => ({
    reset: () => undefined,
    acknowledged: (window) => {
      window.cwnd = 1 << 20;
      window.pacingRate = pacingRate;
    },
    lost: () => undefined,
    timedOut: () => undefined,
  }),
});

test("design.md §4: a controller's own rate holds on any path, two segments at a time where it is low", () => {
  const t = path(1, { congestion: rated(20_000) }).send(MSS);
  t.take();
  t.inject(`ACK seq=1 ack=${String(1 + MSS)} win=60000`).send(500_000);
  const sent = bursts(t, 1000);
  expect(sent.filter((octets) => octets > 0).length).toBeGreaterThanOrEqual(10);
  expect(Math.max(...sent)).toBe(2 * MSS);
  expect(sent.reduce((sum, octets) => sum + octets, 0)).toBeLessThanOrEqual(24_000);
});

test("design.md §4: a rate of Infinity is no pacing", () => {
  const t = path(RTT_MS, { congestion: rated(Infinity) }).send(MSS);
  t.take();
  t.inject(`ACK seq=1 ack=${String(1 + MSS)} win=60000`).send(500_000);
  expect(octetsOf(t)).toBe(500_000);
});
