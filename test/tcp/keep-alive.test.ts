import { expect, test } from "vitest";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";
import type { TcpSettings } from "../../src/tcp/settings.ts";

const open = (settings: TcpSettings): ScriptedPeer =>
  scripted()
    .established()
    .call((socket) => {
      socket.configure(settings);
    });
const QUICK = { keepAlive: { idleMs: 1000, intervalMs: 500, probes: 2 } };

test("RFC 9293 §3.8.4 MUST-25: without being asked for, nothing is ever probed", () => {
  const t = scripted().established();
  t.pass(86_400_000).silent();
  expect(t.core.nextDelayMs()).toBe(Infinity);
});

test("RFC 9293 §3.8.4 MAY-5, MUST-28, SHLD-12: by default the first probe leaves after two silent hours, without text", () => {
  const t = open({ keepAlive: true });
  t.pass(7_199_999).silent().pass(1).expect("ACK seq=0 ack=1 len=0");
});

test("RFC 9293 §3.8.4 MUST-24: it can be switched off again", () => {
  const t = open(QUICK).call((socket) => {
    socket.configure({ keepAlive: false });
  });
  t.pass(10_000).silent().stateIs("ESTABLISHED");
});

test("RFC 9293 §3.8.4 MUST-29: one probe without an answer ends nothing; the last one's silence does", () => {
  const t = open(QUICK);
  t.pass(1000).expect("ACK seq=0 len=0").pass(500).expect("ACK seq=0 len=0").toldIs();
  t.pass(499).silent().pass(1).expect("RST,ACK seq=1").toldIs("close ETIMEDOUT");
  t.leavesNothing();
});

test("RFC 9293 §3.8.4 MUST-26: whatever arrives begins the silence anew", () => {
  const t = open(QUICK);
  t.pass(999).inject("ACK seq=1 ack=1").pass(999).silent().pass(1).expect("ACK seq=0 len=0");
});

test("RFC 9293 §3.8.4 MUST-26: no probe while text is outstanding, in CLOSE-WAIT too", () => {
  const t = open(QUICK).inject("FIN,ACK seq=1 ack=1").stateIs("CLOSE-WAIT");
  t.send(10).pass(5000).take();
  expect(t.core.tcpCounters.keepAliveProbes).toBe(0);
});

test.each([
  ["FIN-WAIT-2 that nobody owns", ["ACK seq=1 ack=2"], "FIN-WAIT-2"],
  ["TIME-WAIT", ["FIN,ACK seq=1 ack=2"], "TIME-WAIT"],
])("RFC 9293 §3.8.4: keep-alive, set and unset, leaves the end of %s alone", (_, texts, state) => {
  for (const keepAlive of [true, false]) {
    const t = open(QUICK).call((socket) => {
      socket.close();
    });
    t.injectBatch(texts).stateIs(state);
    t.call((socket) => {
      socket.configure({ keepAlive });
    });
    t.take();
    t.pass(60_000).leavesNothing();
  }
});

test("RFC 9293 §3.8.3 MUST-21, RFC 5482: the user timeout is kept to the millisecond, whatever the RTO is", () => {
  const t = open({ userTimeoutMs: 5000 });
  t.pass(70_000).send(10).pass(4999).take();
  t.toldIs("soft ETIMEDOUT").stateIs("ESTABLISHED");
  t.pass(1).toldIs("close ETIMEDOUT").silent();
});

test("RFC 9293 §3.8.3 MUST-21: a user timeout that is set or changed while octets wait counts for them too", () => {
  const set = (userTimeoutMs: number) => (t: ScriptedPeer) =>
    t.call((socket) => {
      socket.configure({ userTimeoutMs });
    });
  const t = scripted().established();
  t.send(10).pass(3000).take();
  set(3100)(t).pass(99).stateIs("ESTABLISHED").pass(1).stateIs("CLOSED");
  const longer = open({ userTimeoutMs: 5000 });
  longer.send(10).pass(4900).take();
  set(9000)(longer).pass(4099).stateIs("ESTABLISHED").pass(1).stateIs("CLOSED");
  const over = scripted().established();
  over.send(10).pass(3000).take();
  set(1000)(over).pass(1).stateIs("CLOSED");
});

test("a setting that is left undefined stays as it is", () => {
  const t = open({ userTimeoutMs: 5000, ttl: 9 });
  t.call((socket) => {
    socket.configure({ userTimeoutMs: undefined, ttl: undefined, noDelay: true } as never);
  });
  expect(t.tcb.settings).toMatchObject({ userTimeoutMs: 5000, ttl: 9 });
  t.send(10).pass(4999).stateIs("ESTABLISHED").pass(1).stateIs("CLOSED");
});

test("RFC 9293 §3.8.3 MUST-21: progress begins the user timeout anew", () => {
  const t = open({ userTimeoutMs: 5000 });
  t.send(10).pass(4999).send(10).inject("ACK seq=1 ack=11").pass(4999).take();
  t.stateIs("ESTABLISHED").pass(1).stateIs("CLOSED");
});

test("RFC 9293 §3.8.4 MUST-27: the owner chooses the interval, the pauses between probes and their number", () => {
  const t = scripted().established();
  t.call((socket) => {
    socket.configure({ keepAlive: { idleMs: 5000, intervalMs: 700, probes: 2 } });
  });
  t.pass(4999).silent().pass(1).expect("ACK seq=0 ack=1 len=0");
  t.pass(699).silent().pass(1).expect("ACK seq=0 ack=1 len=0");
  t.pass(699).stateIs("ESTABLISHED").pass(1).expect("RST,ACK seq=1").toldIs("close ETIMEDOUT");
});

test("RFC 9293 §3.9.1.8 SHLD-20: the owner can switch reports of soft errors off", () => {
  for (const softErrors of [true, false]) {
    const t = scripted().established();
    t.call((socket) => {
      socket.configure({ softErrors });
    });
    t.send(10).pass(10_000).take();
    t.toldIs(...(softErrors ? ["soft ETIMEDOUT"] : []));
  }
});
