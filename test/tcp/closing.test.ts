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
