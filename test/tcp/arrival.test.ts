import { expect, test } from "vitest";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const peer = { mss: 1000 };
const WINDOW = 4000;

const STATES = {
  "SYN-RECEIVED": () => {
    const t = scripted({ peer }).connecting();
    return t.expect("SYN").inject("SYN seq=0 mss=1000").expect("SYN,ACK");
  },
  ESTABLISHED: () => scripted({ peer }).established(),
  "FIN-WAIT-1": () => scripted({ peer }).established().close().expect("FIN,ACK seq=1"),
  "FIN-WAIT-2": () => scripted({ peer }).established().close().expect("FIN,ACK").inject("ACK seq=1 ack=2"),
  "CLOSE-WAIT": () => scripted({ peer }).established().inject("FIN,ACK seq=1 ack=1").expect("ACK ack=2"),
  CLOSING: () =>
    scripted({ peer }).established().close().expect("FIN,ACK").inject("FIN,ACK seq=1 ack=1").expect("ACK ack=2"),
  "LAST-ACK": () => {
    const t = scripted({ peer }).established().inject("FIN,ACK seq=1 ack=1").expect("ACK ack=2");
    return t.close().expect("FIN,ACK seq=1");
  },
  "TIME-WAIT": () => {
    const t = scripted({ peer }).established().close().expect("FIN,ACK").inject("ACK seq=1 ack=2");
    return t.inject("FIN,ACK seq=1 ack=2").expect("ACK ack=2");
  },
} as const satisfies Record<string, () => ScriptedPeer>;
type Name = keyof typeof STATES;
const ALL = Object.keys(STATES) as Name[];

/** The connection in a state, with nothing told yet; `next` is what it expects of the peer. */
function inState(name: Name): { t: ScriptedPeer; next: number; una: number } {
  const t = STATES[name]();
  t.stateIs(name).told.length = 0;
  const { rcvNxt, irs, sndUna, iss } = t.tcb;
  return { t, next: (rcvNxt - irs) | 0, una: (sndUna - iss) | 0 };
}

const WITH_WINDOW = 3000;
/** RFC 9293 §3.10.7.4, table 6: [length, position, acceptable]; the window is [1, 1 + 3000). */
const POSITIONS = [
  [0, 0, false],
  [0, 1, true],
  [0, 3000, true],
  [0, 3002, false],
  [10, -20, false],
  [10, -9, false],
  [10, -8, true],
  [10, 1, true],
  [10, 2991, true],
  [10, 3000, true],
  [10, 3001, false],
  [10, 4000, false],
] as const;

test.each(POSITIONS)(
  "RFC 9293 §3.10.7.4: a segment of %i octets at %i, window open: acceptable is %s",
  (len, seq, ok) => {
    const t = scripted({ peer, tcp: { receiveBuffer: WITH_WINDOW } }).established();
    t.send(10).take();
    t.inject(`ACK seq=${String(seq)} ack=11 len=${String(len)}`);
    expect(t.tcb.queuedOctets).toBe(ok ? 0 : 10);
    if (!ok) t.expect("ACK seq=11 ack=1");
  },
);

test.each([
  [0, 0, false],
  [0, 4001, true],
  [0, 4002, false],
  [10, 4001, true],
  [10, 4002, false],
  [10, 3995, false],
] as const)("RFC 9293 §3.10.7.4: a segment of %i octets at %i, window closed: its ACK counts is %s", (len, seq, ok) => {
  const t = scripted({ peer, tcp: { receiveBuffer: WINDOW } }).established();
  t.call((socket) => {
    socket.pause();
  });
  for (let i = 0; i < 4; i++) t.inject(`ACK seq=${String(1 + 1000 * i)} ack=1 len=1000`);
  t.send(10).take();
  t.inject(`ACK seq=${String(seq)} ack=11 len=${String(len)}`);
  expect(t.tcb.queuedOctets).toBe(ok ? 0 : 10);
  expect((t.tcb.rcvNxt - t.tcb.irs) | 0).toBe(4001);
  if (!ok || len > 0) t.expect("ACK seq=11 ack=4001 win=0");
});

test.each(ALL)(
  "RFC 9293 §3.10.7.4 in %s: a segment outside the window is answered with an ACK; an RST with nothing",
  (name) => {
    const { t, next } = inState(name);
    t.inject(`ACK seq=${String(next + 200_000)} len=5`)
      .expect(`ACK ack=${String(next)}`)
      .stateIs(name);
    t.inject(`RST seq=${String(next + 200_000)}`)
      .silent()
      .stateIs(name);
    t.inject(`RST seq=${String(next - 1)}`)
      .silent()
      .stateIs(name)
      .toldIs();
  },
);

test.each(ALL)("RFC 5961 §3.2 in %s: an RST inside the window, but not at its edge, draws a challenge ACK", (name) => {
  const { t, next } = inState(name);
  t.inject(`RST seq=${String(next + 1)}`)
    .stateIs(name)
    .toldIs();
  if (name === "TIME-WAIT") t.silent();
  else t.expect(`ACK ack=${String(next)}`);
});

test.each(ALL.filter((name) => name !== "TIME-WAIT"))(
  "RFC 9293 §3.10.7.4, RFC 5961 §3.2 in %s: an RST at the edge ends it",
  (name) => {
    const { t, next } = inState(name);
    t.inject(`RST,ACK seq=${String(next)} len=3`);
    t.toldIs(name === "SYN-RECEIVED" ? "close ECONNREFUSED" : "close ECONNRESET")
      .stateIs("CLOSED")
      .leavesNothing();
  },
);

test("RFC 1337 §3: an RST does not end TIME-WAIT", () => {
  const { t, next } = inState("TIME-WAIT");
  t.inject(`RST seq=${String(next)}`)
    .silent()
    .stateIs("TIME-WAIT");
});

test.each(ALL)("RFC 5961 §4.2 in %s: a SYN in the window draws a challenge ACK and changes nothing", (name) => {
  const { t, next } = inState(name);
  if (name === "TIME-WAIT") return;
  t.inject(`SYN seq=${String(next + 5)}`)
    .expect(`ACK ack=${String(next)}`)
    .stateIs(name)
    .toldIs();
  t.inject(`SYN,ACK seq=${String(next)}`)
    .expect(`ACK ack=${String(next)}`)
    .stateIs(name)
    .toldIs();
});

test.each(ALL)("RFC 9293 §3.10.7.4 in %s: a segment without ACK is dropped", (name) => {
  const { t, next } = inState(name);
  t.inject(`PSH seq=${String(next)} len=5`)
    .silent()
    .stateIs(name)
    .toldIs();
  t.inject(`FIN seq=${String(next)}`)
    .silent()
    .stateIs(name)
    .toldIs();
});

test.each(ALL.filter((name) => name !== "SYN-RECEIVED"))(
  "RFC 9293 §3.10.7.4 MAY-12, RFC 5961 §5.2 in %s: an ACK of what was not sent, or far too old",
  (name) => {
    const { t, next, una } = inState(name);
    t.inject(`ACK seq=${String(next)} ack=${String(una + 10)} len=5`)
      .expect(`ACK ack=${String(next)}`)
      .stateIs(name);
    t.inject(`ACK seq=${String(next)} ack=${String(una - 65_536)} len=5`)
      .expect(`ACK ack=${String(next)}`)
      .stateIs(name);
    t.toldIs();
  },
);

test("RFC 5961 §5.2: an ACK that is old, but not too old, may carry text", () => {
  const t = scripted({ peer }).established();
  t.send(10).inject("ACK seq=1 ack=11").take();
  t.inject("ACK seq=1 ack=1 len=5").toldIs("data 5");
});

test.each(ALL)("RFC 9293 §3.10.7.4 in %s: text is taken where the peer may still send", (name) => {
  const { t, next } = inState(name);
  t.inject(`ACK seq=${String(next)} len=5`);
  const takes = ["SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"].includes(name);
  expect(t.told.includes("data 5")).toBe(takes);
});

test.each(ALL)("RFC 9293 §3.10.7.4 in %s: a FIN in order", (name) => {
  const { t, next } = inState(name);
  t.inject(`FIN,ACK seq=${String(next)} len=3`);
  const to: Record<Name, string> = {
    "SYN-RECEIVED": "CLOSE-WAIT",
    ESTABLISHED: "CLOSE-WAIT",
    "FIN-WAIT-1": "TIME-WAIT", // Its ACK covers our FIN.
    "FIN-WAIT-2": "TIME-WAIT",
    "CLOSE-WAIT": "CLOSE-WAIT",
    CLOSING: "TIME-WAIT",
    "LAST-ACK": "CLOSED",
    "TIME-WAIT": "TIME-WAIT",
  };
  t.stateIs(to[name]);
  const taken = ["SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"].includes(name);
  expect((t.tcb.rcvNxt - t.tcb.irs) | 0).toBe(taken ? next + 4 : next);
});

test.each(["CLOSE-WAIT", "LAST-ACK", "CLOSING", "TIME-WAIT"] as const)(
  "RFC 9293 §3.10.7.4 in %s: a repeated FIN is acknowledged again",
  (name) => {
    const { t, next, una } = inState(name);
    t.inject(`FIN,ACK seq=${String(next - 1)} ack=${String(una)}`)
      .expect(`ACK ack=${String(next)}`)
      .stateIs(name)
      .toldIs();
  },
);

test("RFC 5961 §7: challenge ACKs are limited, each connection by itself: none can tell what another one draws (CVE-2016-5696)", () => {
  const t = scripted({ peer, tcp: { challengeAcksPerSecond: 5 } }).established();
  t.inject("SYN seq=0 sport=50000 mss=1460").take();
  t.inject("ACK seq=1 ack=1 sport=50000").take();
  for (let i = 0; i < 20; i++) t.inject(`SYN seq=${String(100 + i)}`);
  expect(t.take()).toHaveLength(5);
  expect(t.core.tcpCounters.challengeAcksSuppressed).toBe(15);
  for (let i = 0; i < 5; i++) t.inject(`SYN seq=${String(100 + i)} sport=50000`).expect("ACK dport=50000");
  t.pass(1000).inject("SYN seq=100").expect("ACK ack=1");
});

test.each([
  ["old text", "ACK seq=1 ack=1 len=10"],
  ["an old FIN", "FIN,ACK seq=1 ack=1"],
  ["text beyond the window", "ACK seq=2000000 ack=1 len=10"],
])(
  "RFC 9293 §3.10.7.4, first: %s is answered one by one, and beyond a limit all of it together: never with silence",
  (_, text) => {
    const t = scripted({ peer, tcp: { staleAcksPerSecond: 5 } }).established();
    t.inject("ACK seq=1 len=10").pass(100).take();
    for (let i = 0; i < 20; i++) t.inject(text);
    expect(t.take()).toHaveLength(5);
    t.pass(40).expect("ACK ack=11");
    for (let i = 0; i < 100; i++) t.inject(text).pass(1);
    expect(t.take().length).toBeLessThanOrEqual(3);
    t.pass(1000).inject(text).expectNext("ACK ack=11");
    t.take();
    expect(t.core.tcpCounters.staleAcksDelayed).toBeGreaterThan(0);
  },
);

test("RFC 9293 §3.10.7.4, fifth: a FIN at RCV.NXT in TIME-WAIT is acknowledged, and what was agreed stands", () => {
  const t = scripted({ peer }).established().close();
  t.take();
  t.inject("FIN,ACK seq=1 ack=2").expect("ACK seq=2 ack=2").stateIs("TIME-WAIT");
  t.pass(30_000).inject("FIN,ACK seq=2 ack=2").expect("ACK seq=2 ack=2").stateIs("TIME-WAIT");
  t.pass(30_000).stateIs("CLOSED");
});

test("a peer that announces an MSS of one octet is sent 88 at least (departs from RFC 9293 MUST-16, as Linux does)", () => {
  for (const [mss, sent] of [
    [1, 88],
    [87, 88],
    [100, 100],
  ]) {
    const t = scripted({ peer: { mss } }).established();
    t.send(1000);
    expect(t.take()[0].len).toBe(sent);
  }
});

test("RFC 4022: tcpOutSegs counts the RSTs of no connection too", () => {
  const t = scripted();
  t.inject("SYN seq=0").expect("RST,ACK");
  expect(t.core.tcpCounters.outSegs).toBe(1);
});

test("RFC 9293 §3.8.4 MAY-6: a keep-alive probe, with an octet of garbage or without, gets an ACK", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1 ack=1 len=5").pass(100).take();
  t.inject("ACK seq=5 ack=1").expect("ACK seq=1 ack=6");
  t.inject("ACK seq=5 ack=1 len=1").expect("ACK seq=1 ack=6");
  t.toldIs("data 5");
});

test("RFC 9293 §3.10.7.1: RSTs from a closed port", () => {
  const t = scripted();
  t.inject("SYN seq=0").expect("RST,ACK seq=0 ack=1 win=0");
  t.inject("SYN,FIN seq=0 len=10").expect("RST,ACK seq=0 ack=12");
  t.inject("FIN seq=7 len=10").expect("RST,ACK seq=0 ack=18");
  t.inject("ACK seq=5 ack=77 len=3").expect("RST seq=77 ack=none");
  t.inject("SYN,ACK seq=5 ack=78").expect("RST seq=78 ack=none");
  t.inject("RST seq=5").silent().inject("RST,ACK seq=5 ack=7").silent();
  t.leavesNothing();
});

test("RFC 9293 §3.10.7.2: LISTEN answers an ACK with RST, an RST and anything without SYN or ACK with nothing", () => {
  const t = scripted().listening();
  t.inject("ACK seq=5 ack=77 len=3").expect("RST seq=77 ack=none");
  t.inject("SYN,ACK seq=5 ack=78").expect("RST seq=78 ack=none");
  t.inject("RST seq=5").silent().inject("SYN,RST seq=5").silent();
  t.inject("FIN seq=5").silent().inject("PSH seq=5 len=10").silent();
  t.leavesNothing();
});

test("RSTs for segments of no connection are limited and counted", () => {
  const t = scripted({ tcp: { resetsPerSecond: 5 } });
  for (let i = 0; i < 20; i++) t.inject("SYN seq=0");
  expect(t.take()).toHaveLength(5);
  expect([t.core.tcpCounters.outRsts, t.core.tcpCounters.outRstsSuppressed]).toEqual([5, 15]);
});

test("RFC 9293 §3.1 MUST-3: a segment with a wrong checksum gets silence and is counted", () => {
  const t = scripted({ peer }).established();
  t.injectSpoilt("ACK seq=1 ack=1 len=10").silent().toldIs();
  expect(t.core.tcpCounters.inErrs).toBe(1);
});

test("RFC 9293 §3.5.3 SHLD-2: an RST that carries text is an RST", () => {
  scripted({ peer }).established().inject("RST seq=1 len=20").toldIs("close ECONNRESET").leavesNothing();
});

test("RFC 9293 §3.8.5: urgent octets stay in the stream (RFC 6093 §3.1)", () => {
  const t = scripted({ peer }).established();
  t.inject("URG,ACK seq=1 ack=1 len=5 urg=3").toldIs("data 5");
});
