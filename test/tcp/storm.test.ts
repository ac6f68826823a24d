import fc from "fast-check";
import { expect, test } from "vitest";
import { seqDiff } from "../../src/base/seq.ts";
import { isLegalEdge } from "../../src/sim/state-edges.ts";
import { CLOSED, stateName, type TcpState, TIME_WAIT } from "../../src/tcp/states.ts";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const STATES = Array.from({ length: TIME_WAIT + 1 }, (_, state) => state as TcpState);
/** One segment may take several edges of RFC 9293 figure 5: its ACK, its text, its FIN. What is closed stays so. */
function reaches(from: TcpState, to: TcpState, edges = 3): boolean {
  if (from === to || to === CLOSED) return true;
  if (from === CLOSED || edges === 0) return false;
  return STATES.some((next) => isLegalEdge(from, next) && reaches(next, to, edges - 1));
}

function holds(t: ScriptedPeer): void {
  const c = t.tcb;
  expect(seqDiff(c.sndNxt, c.sndUna)).toBeGreaterThanOrEqual(0);
  expect(seqDiff(c.rcvAdv, c.rcvNxt)).toBeGreaterThanOrEqual(0);
  expect(c.rcvWnd).toBeLessThanOrEqual(2 ** 30);
  expect(c.cwnd).toBeGreaterThanOrEqual(0);
  const { receive, outOfOrder, send } = c.tcp.memory;
  expect(Math.min(receive, outOfOrder, send)).toBeGreaterThanOrEqual(0);
  expect(c.acksDue).toBe(0);
  if (c.state === CLOSED) expect([c.id, c.sender]).toEqual([-1, null]);
  if (c.sender === null) return;
  const { inFlight } = c.sender;
  const ranges = Array.from({ length: inFlight.count }, (_, i) => inFlight.length(i));
  if (c.state > 3) expect(ranges.reduce((sum, length) => sum + length, 0)).toBe(c.flightSize);
  expect(inFlight.sackedOctets + inFlight.lostOctets).toBeLessThanOrEqual(c.flightSize);
  // Whatever is outstanding or waits for a window has a timer.
  if (c.flightSize > 0 || c.notSent > 0) expect(t.core.nextDelayMs()).toBeLessThan(Infinity);
}

const near = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -3000, max: 3000 }),
  fc.integer({ min: -70_000, max: 70_000 }),
);
const arrival = fc.record({
  kind: fc.constant("segment" as const),
  flags: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("ACK", "PSH,ACK", "FIN,ACK") },
    {
      weight: 2,
      arbitrary: fc.subarray(["SYN", "FIN", "PSH", "ACK", "URG"], { minLength: 1 }).map((flags) => flags.join(",")),
    },
    { weight: 1, arbitrary: fc.constantFrom("RST", "RST,ACK", "SYN,ACK", "SYN") },
  ),
  seq: near,
  ack: near,
  len: fc.oneof(fc.constant(0), fc.nat(1500)),
  win: fc.oneof(fc.constantFrom(0, 1, 65_535), fc.nat(65_535)),
  ts: fc.option(fc.integer({ min: -5, max: 50 }), { nil: undefined }),
  sack: fc.option(fc.array(fc.tuple(near, fc.nat(4000)), { minLength: 1, maxLength: 3 }), { nil: undefined }),
});
const deed = fc.record({
  kind: fc.constant("deed" as const),
  what: fc.constantFrom("send", "send", "end", "pause", "resume", "read", "pass", "pass", "noDelay", "icmp"),
  amount: fc.nat(5000),
});
const storm = fc.oneof({ weight: 4, arbitrary: arrival }, { weight: 2, arbitrary: deed });
type Step = typeof storm extends fc.Arbitrary<infer Value> ? Value : never;

function act(t: ScriptedPeer, step: Step): void {
  const c = t.tcb;
  if (step.kind === "segment") {
    const base = (c.rcvNxt - c.irs) | 0;
    const una = (c.sndUna - c.iss) | 0;
    const blocks = step.sack?.map(([left, size]) => `${String(una + left)}-${String(una + left + size)}`).join(",");
    t.inject(
      `${step.flags} seq=${String(base + step.seq)} ack=${String(una + step.ack)} len=${String(step.len)} win=${String(step.win)}` +
        (step.ts === undefined ? "" : ` ts=${String(100 + step.ts)},0`) +
        (blocks === undefined ? "" : ` sack=${blocks}`),
    );
    return;
  }
  if (step.what === "pass") t.pass(step.amount);
  else if (step.what === "icmp") t.icmp(3, step.amount % 5, (c.sndUna - c.iss) | 0, step.amount);
  else
    t.call((socket) => {
      if (step.what === "send") socket.send(new Uint8Array(step.amount));
      else if (step.what === "noDelay") socket.setNoDelay(true);
      else socket[step.what as "end" | "pause" | "resume" | "read"]();
    });
}

const BEGINNINGS: Record<string, (t: ScriptedPeer) => ScriptedPeer> = {
  "SYN-SENT": (t) => t.connecting(),
  "SYN-RECEIVED": (t) => t.connecting().inject(`SYN seq=0 ${t.peerOptions}`),
  ESTABLISHED: (t) => t.established(),
  "FIN-WAIT-1": (t) => t.established().send(3000).close(),
  "FIN-WAIT-2": (t) => t.established().close().inject("ACK seq=1 ack=2 ts=100,0"),
  "CLOSE-WAIT": (t) => t.established().inject("FIN,ACK seq=1 ack=1 ts=100,0"),
  CLOSING: (t) => t.established().close().inject("FIN,ACK seq=1 ack=1 ts=100,0"),
  "LAST-ACK": (t) => t.established().send(3000).inject("FIN,ACK seq=1 ack=1 ts=100,0").close(),
  "TIME-WAIT": (t) => t.established().close().inject("FIN,ACK seq=1 ack=2 ts=100,0"),
};

test.each(Object.keys(BEGINNINGS))(
  "a storm of segments in %s breaks no invariant and takes only edges of RFC 9293 figure 5",
  (name) => {
    fc.assert(
      fc.property(
        fc.array(storm, { maxLength: 40 }),
        fc.record({ sackOk: fc.boolean(), ts: fc.boolean(), mss: fc.constantFrom(100, 536, 1460) }),
        fc.boolean(),
        (steps, peer, offload) => {
          const t = BEGINNINGS[name](
            scripted({ peer: { ...peer, ws: 3 }, offload, tcp: { receiveBuffer: 8000 } }),
          ).stateIs(name);
          t.take();
          const c = t.tcb;
          for (const step of steps) {
            const before = c.state;
            act(t, step);
            if (!reaches(before, c.state)) throw new Error(`${stateName(before)} to ${c.stateName}`);
            holds(t);
            t.take();
            if (c.state === CLOSED) break;
          }
          t.core.tcp.abortAll(); // A SYN may have opened the four-tuple anew.
          t.flush().take();
          t.leavesNothing();
        },
      ),
      { numRuns: 60 },
    );
  },
);
