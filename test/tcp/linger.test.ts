import { expect, test } from "vitest";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const lingering = (lingerMs: number): ScriptedPeer =>
  scripted({ tcp: { rtoMsMin: 200, finWait2Ms: 60_000 } })
    .established()
    .call((socket) => {
      socket.configure({ lingerMs });
    });
const left = (t: ScriptedPeer): ScriptedPeer =>
  t.call((socket) => {
    socket.close();
  });
/** Whatever was sent again meanwhile; then the reset. */
const lastFlags = (t: ScriptedPeer): string | undefined => t.take().at(-1)?.flags;

test.each([
  ["ESTABLISHED", (t: ScriptedPeer) => t, "RST,ACK seq=11 ack=1"],
  ["CLOSE-WAIT", (t: ScriptedPeer) => t.inject("FIN,ACK seq=1 ack=1"), "RST,ACK seq=11 ack=2"],
  ["FIN-WAIT-1", (t: ScriptedPeer) => t.close(), "RST,ACK seq=12 ack=1"],
  ["FIN-WAIT-2", (t: ScriptedPeer) => t.close().inject("ACK seq=1 ack=12"), "RST,ACK seq=12 ack=1"],
] as const)("RFC 9293 §3.10.5: with lingerMs 0, close in %s is ABORT", (state, reach, reset) => {
  const t = reach(lingering(0).send(10)).stateIs(state);
  t.take();
  left(t).expect(reset).stateIs("CLOSED").leavesNothing();
  expect(t.told.at(-1)).toBe("close ECONNABORTED");
});

test.each(["LAST-ACK", "CLOSING", "TIME-WAIT"])(
  "with lingerMs 0, a close that is nearly over (%s) goes on in order",
  (state) => {
    const t = lingering(0);
    if (state === "LAST-ACK") t.inject("FIN,ACK seq=1 ack=1").close();
    else t.close().inject("FIN,ACK seq=1 ack=1");
    if (state === "TIME-WAIT") t.inject("ACK seq=2 ack=2");
    t.stateIs(state).take();
    left(t).silent().stateIs(state);
    if (state !== "TIME-WAIT")
      t.inject("ACK seq=2 ack=2")
        .stateIs(state === "CLOSING" ? "TIME-WAIT" : "CLOSED")
        .silent();
  },
);

test("RFC 9293 §3.10.4: without lingerMs what was sent before a close is sent for as long as R2 lasts", () => {
  const t = scripted({ tcp: { r2Ms: 100_000 } }).established();
  t.send(10);
  left(t).pass(90_000).stateIs("FIN-WAIT-1");
});

test("RFC 9293 §3.10.4: lingerMs bounds that: to the millisecond, then a reset and ETIMEDOUT", () => {
  const t = lingering(5000);
  t.send(10);
  left(t).pass(4999).stateIs("FIN-WAIT-1");
  t.take();
  t.pass(1).stateIs("CLOSED");
  expect([lastFlags(t), t.told.at(-1)]).toEqual(["RST,ACK", "close ETIMEDOUT"]);
  expect(t.core.tcpCounters.lingersExpired).toBe(1);
  t.leavesNothing();
});

test("RFC 9293 §3.10.4: the FIN must be acknowledged, too; LAST-ACK lingers as well", () => {
  const t = lingering(5000).inject("FIN,ACK seq=1 ack=1");
  left(t.send(10)).inject("ACK seq=2 ack=11").stateIs("LAST-ACK").pass(5000).stateIs("CLOSED");
  expect(lastFlags(t)).toBe("RST,ACK");
});

test("what was acknowledged in time is no longer lingered for: FIN-WAIT-2 has its own time", () => {
  const t = lingering(5000);
  left(t.send(10)).pass(3000).inject("ACK seq=1 ack=12").stateIs("FIN-WAIT-2");
  t.take();
  t.pass(10_000).stateIs("FIN-WAIT-2").inject("FIN,ACK seq=1 ack=12").expect("ACK seq=12 ack=2").stateIs("TIME-WAIT");
  expect(t.told.at(-1)).toBe("close");
});

test("a half-close is no close: lingerMs does not count", () => {
  const t = lingering(1000);
  t.send(10).close().pass(30_000).stateIs("FIN-WAIT-1");
});

test("keep-alive does not put the end of lingering off", () => {
  const t = lingering(3000).call((socket) => {
    socket.configure({ keepAlive: { idleMs: 1000 } });
  });
  left(t.send(10)).pass(3000).stateIs("CLOSED");
});

test("finished tells that the peer has all of it, once, while its side is open", () => {
  const finished: string[] = [];
  const t = scripted({ handler: { finished: (socket) => void finished.push(socket.stateName) } }).established();
  t.send(10).close().inject("ACK seq=1 ack=11");
  expect(finished).toEqual([]);
  t.inject("ACK seq=1 ack=12").inject("ACK seq=1 ack=12");
  expect(finished).toEqual(["FIN-WAIT-2"]);
});

test.each([-1, 1.5, 2 ** 31, Number.NaN])("lingerMs %f is refused", (lingerMs) => {
  expect(() => lingering(lingerMs)).toThrow(RangeError);
});
