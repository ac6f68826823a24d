import { expect, test } from "vitest";
import { seqDiff } from "../../src/base/seq.ts";
import { scripted, type ScriptedPeer, type ScriptOptions } from "../support/scripted-peer.ts";

function lingering(options: ScriptOptions = {}): ScriptedPeer {
  const ts = options.peer?.ts === true ? "ts=200,0" : "";
  const t = scripted(options).established().close().expect("FIN,ACK seq=1");
  t.inject(`ACK seq=1 ack=2 ${ts}`).inject(`FIN,ACK seq=1 ack=2 ${ts}`).expect("ACK seq=2 ack=2").stateIs("TIME-WAIT");
  t.told.length = 0;
  return t;
}

test("RFC 9293 §3.6.1 MAY-2: a SYN above RCV.NXT opens the four-tuple anew", () => {
  const t = lingering();
  const old = t.tcb;
  t.inject("SYN seq=3 mss=1460").expect("SYN,ACK ack=4");
  expect(old.stateName).toBe("CLOSED");
  t.inject("ACK seq=4 ack=1").silent().stateIs("ESTABLISHED");
  expect(t.accepted).toHaveLength(2);
});

test("RFC 9293 §3.6.1 MAY-2 (1): the new ISS lies beyond all that the old connection used", () => {
  const t = scripted({ peer: { mss: 1460, ws: 14 } }).established();
  const old = t.tcb;
  // Much more than the clock of the ISN grows meanwhile: 250 octets in a millisecond.
  for (let i = 0; i < 30; i++) {
    t.send(100_000);
    t.inject(`ACK seq=1 ack=${String(1 + 100_000 * i + 14_600)}`);
    for (let guard = 0; guard < 100 && t.tcb.queuedOctets > 0; guard++) t.inject("ACK seq=1");
  }
  t.close().inject("FIN,ACK seq=1").stateIs("TIME-WAIT").take();
  const { sndNxt } = old;
  t.inject("SYN seq=3 mss=1460").expect("SYN,ACK ack=4");
  t.inject("ACK seq=4 ack=1").stateIs("ESTABLISHED");
  expect(seqDiff(t.tcb.iss, sndNxt)).toBeGreaterThan(65_535);
});

test("RFC 9293 §3.6.1 MAY-2: any other SYN is answered with an ACK, and the state stays", () => {
  const t = lingering();
  t.inject("SYN seq=2").expect("ACK ack=2").stateIs("TIME-WAIT");
  t.inject("SYN seq=-100").expect("ACK ack=2").stateIs("TIME-WAIT");
  t.inject("SYN,ACK seq=3").expect("ACK ack=2").stateIs("TIME-WAIT");
  t.inject("SYN,RST seq=3").silent().stateIs("TIME-WAIT");
});

test("a four-tuple in TIME-WAIT whose listener is gone is not opened anew", () => {
  const t = lingering();
  t.listener?.close();
  t.inject("SYN seq=3").expect("ACK ack=2").stateIs("TIME-WAIT");
});

test("RFC 9293 §3.6.1 SHLD-4, RFC 6191 §2: with timestamps a newer one decides; an equal one leaves it to the sequence number", () => {
  const options = { peer: { mss: 1460, ts: true } };
  lingering(options).inject("SYN seq=-5000 mss=1460 ts=201,0").expect("SYN,ACK ack=-4999");
  lingering(options).inject("SYN seq=3 mss=1460 ts=200,0").expect("SYN,ACK ack=4");
  lingering(options).inject("SYN seq=2 mss=1460 ts=200,0").expect("ACK ack=2").stateIs("TIME-WAIT");
  lingering(options).inject("SYN seq=3 mss=1460 ts=199,0").expect("ACK ack=2").stateIs("TIME-WAIT");
  lingering(options).inject("SYN seq=3 mss=1460").expect("SYN,ACK ack=4");
});

test("what was received and not read yet outlives a four-tuple that is opened anew", () => {
  const t = scripted().established();
  const old = t.tcb;
  t.call((socket) => {
    socket.pause();
  });
  t.close().inject("FIN,ACK seq=1 ack=2 len=5").stateIs("TIME-WAIT").take();
  t.inject("SYN seq=100 mss=1460").expect("SYN,ACK").toldIs();
  old.resume();
  t.toldIs("data 5", "end", "close");
  expect(old.tcp.memory.used).toBe(0);
});

test("TIME-WAIT has a bound: beyond it a connection is CLOSED at once, and counted", () => {
  const t = scripted({ tcp: { timeWaitMax: 0 } })
    .established()
    .close()
    .expect("FIN,ACK");
  t.inject("FIN,ACK seq=1 ack=2").stateIs("CLOSED").toldIs("end", "close");
  expect(t.core.tcpCounters.timeWaitOverflows).toBe(1);
  t.take();
  t.leavesNothing();
});

test("an active open chooses no port whose four-tuple lingers", () => {
  const t = scripted().connected();
  const port = t.socket?.localPort ?? 0;
  t.close().inject("FIN,ACK seq=1 ack=2").stateIs("TIME-WAIT").take();
  const where = { address: t.tcb.remote, port: t.tcb.remotePort, localAddress: t.tcb.local, handler: {} };
  expect(t.core.tcp.connect({ ...where, localPort: port })).toBe("EADDRINUSE");
  for (let i = 0; i < 50; i++)
    expect(t.core.tcp.connect({ ...where, localPort: 0 })).not.toMatchObject({ localPort: port });
});
