import { test } from "vitest";
import { scripted } from "../support/scripted-peer.ts";

test("RFC 9293 §3.6.1 MUST-13: an active close lingers in TIME-WAIT for 2 MSL", () => {
  const t = scripted({ tcp: { mslMs: 30_000 } }).established();
  t.close().expect("FIN,ACK seq=1 ack=1").stateIs("FIN-WAIT-1");
  t.inject("ACK seq=1 ack=2").silent().stateIs("FIN-WAIT-2");
  t.inject("FIN,ACK seq=1 ack=2").expect("ACK seq=2 ack=2").stateIs("TIME-WAIT").toldIs("end", "close");
  t.pass(59_999).stateIs("TIME-WAIT");
  t.pass(1).stateIs("CLOSED");
});

test("RFC 9293 §3.10.7.4: a repeated FIN is acknowledged again and starts 2 MSL anew", () => {
  const t = scripted({ tcp: { mslMs: 30_000 } }).established();
  t.close().expect("FIN,ACK seq=1 ack=1");
  t.inject("FIN,ACK seq=1 ack=2").expect("ACK seq=2 ack=2").stateIs("TIME-WAIT");
  t.pass(50_000).inject("FIN,ACK seq=1 ack=2").expect("ACK seq=2 ack=2");
  t.pass(59_999).stateIs("TIME-WAIT");
  t.pass(1).stateIs("CLOSED");
});

test("RFC 9293 §3.6: both sides close at once", () => {
  const t = scripted().established();
  t.close().expect("FIN,ACK seq=1 ack=1");
  t.inject("FIN,ACK seq=1 ack=1").expect("ACK seq=2 ack=2").stateIs("CLOSING");
  t.inject("ACK seq=2 ack=2").silent().stateIs("TIME-WAIT").toldIs("end", "close");
});

test("RFC 9293 §3.6: the peer closes first; our side may go on sending", () => {
  const t = scripted().established();
  t.inject("FIN,ACK seq=1 ack=1").expect("ACK seq=1 ack=2").stateIs("CLOSE-WAIT").toldIs("end");
  t.send(10).expect("ACK seq=1 ack=2 len=10");
  t.close().expect("FIN,ACK seq=11 ack=2 len=0").stateIs("LAST-ACK");
  t.inject("ACK seq=2 ack=12").silent().stateIs("CLOSED").toldIs("close");
});

test("RFC 9293 §3.6 case 1: our FIN and its ACK, then the peer's", () => {
  const t = scripted({ tcp: { mslMs: 1000 } }).established();
  t.close().expect("FIN,ACK seq=1").inject("ACK seq=1 ack=2 len=5").toldIs("data 5").pass(50).expect("ACK ack=6");
  t.inject("FIN,ACK seq=6 ack=2").expect("ACK ack=7").stateIs("TIME-WAIT").pass(2000).leavesNothing();
});

test("RFC 9293 §3.6 case 3: simultaneous close while text is on its way both ways", () => {
  const t = scripted({ tcp: { mslMs: 1000 } }).established();
  t.send(10).close().expect("ACK seq=1 len=10", "FIN,ACK seq=11");
  t.inject("FIN,ACK seq=1 ack=1 len=10").expect("ACK seq=12 ack=12").stateIs("CLOSING");
  t.inject("ACK seq=12 ack=11").stateIs("CLOSING").inject("ACK seq=12 ack=12").stateIs("TIME-WAIT");
  t.toldIs("data 10", "end", "close").pass(2000).leavesNothing();
});

test("RFC 9293 §3.10.4: a FIN waits for the text before it, window and all", () => {
  const t = scripted({ peer: { mss: 1000, win: 1000 } }).established();
  t.send(2500).close().expect("ACK seq=1 len=1000").stateIs("FIN-WAIT-1");
  t.inject("ACK seq=1 ack=1001 win=1000").expect("ACK seq=1001 len=1000");
  t.inject("ACK seq=1 ack=2001 win=1000")
    .expect("FIN,ACK seq=2001 len=500")
    .inject("ACK seq=1 ack=2502")
    .stateIs("FIN-WAIT-2");
});

test("RFC 9293 §3.6 (half-close): the peer's text is taken after our FIN, for as long as it sends", () => {
  const t = scripted().established().close().expect("FIN,ACK").inject("ACK seq=1 ack=2");
  for (let i = 0; i < 10; i++) t.inject(`ACK seq=${String(1 + 10 * i)} ack=2 len=10`).pass(100_000);
  t.stateIs("FIN-WAIT-2");
  t.take();
  t.toldIs(...new Array<string>(10).fill("data 10"));
});

test("RFC 9293 §3.6 MUST-12: a normal end and an abort are told apart", () => {
  const t = scripted()
    .established()
    .inject("FIN,ACK seq=1 ack=1")
    .close()
    .inject("ACK seq=2 ack=2")
    .toldIs("end", "close");
  t.take();
  t.leavesNothing();
  scripted().established().inject("RST seq=1").toldIs("close ECONNRESET").leavesNothing();
});

test("closing twice, or ending what was closed, does nothing more", () => {
  const t = scripted().established().close().expect("FIN,ACK seq=1");
  t.close().silent().inject("ACK seq=1 ack=2").close().silent().stateIs("FIN-WAIT-2");
});
