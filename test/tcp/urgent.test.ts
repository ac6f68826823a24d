import { expect, test } from "vitest";
import { scripted, type ScriptedPeer } from "../support/scripted-peer.ts";

/** A peer of ours whose owner writes down what it is told of urgent octets. */
function listening(): { t: ScriptedPeer; ahead: number[] } {
  const ahead: number[] = [];
  const t = scripted({ handler: { urgent: (_, octets) => void ahead.push(octets) } }).established();
  return { t, ahead };
}

test("RFC 9293 §3.8.5 MUST-30, RFC 6093 §3.1: urgent octets are delivered in the stream, in their place", () => {
  const { t, ahead } = listening();
  t.inject("ACK,URG seq=1 ack=1 len=10 urg=4");
  expect(t.received).toHaveLength(10);
  expect(ahead).toEqual([4]);
});

test("RFC 9293 §3.8.5 MUST-31: urgent data of any length, longer than a segment and than the pointer's field", () => {
  const { t, ahead } = listening();
  t.inject("ACK,URG seq=1 ack=1 len=1000 urg=65535");
  t.inject("ACK,URG seq=1001 ack=1 len=1000 urg=65535");
  expect(ahead).toEqual([65_535, 65_535]);
  expect(t.socket?.urgentAhead).toBe(64_535);
  const sender = scripted({ tcp: { sendHighWater: 1 << 20 } }).established();
  sender.call((socket) => socket.sendUrgent(new Uint8Array(100_000)));
  const [first] = sender.take();
  expect(first.flags).toContain("URG");
  expect(first.urg).toBe(65_535); // As far as the field can say.
});

test("RFC 9293 §3.8.5 MUST-32: the owner is told when urgent data appears and when it advances, not when it is repeated", () => {
  const { t, ahead } = listening();
  t.inject("ACK,URG seq=1 ack=1 urg=5");
  t.inject("ACK,URG seq=1 ack=1 urg=5");
  t.inject("ACK,URG seq=1 ack=1 urg=9").take();
  expect(ahead).toEqual([5, 9]);
});

test("RFC 9293 §3.8.5 MUST-33: the owner can ask how much urgent data is still to come", () => {
  const { t } = listening();
  t.inject("ACK,URG seq=1 ack=1 urg=8");
  expect(t.socket?.urgentAhead).toBe(8);
  t.inject("ACK seq=1 ack=1 len=5");
  expect(t.socket?.urgentAhead).toBe(3);
  t.inject("ACK seq=6 ack=1 len=5").take();
  expect(t.socket?.urgentAhead).toBe(0);
});

test("RFC 9293 §3.8.5 MUST-62: the pointer names the octet behind the urgent data", () => {
  const t = scripted().established();
  t.call((socket) => socket.sendUrgent(new Uint8Array(3)));
  const [urgent] = t.take();
  expect([urgent.flags, urgent.urg]).toEqual(["PSH,ACK,URG", 3]);
  t.inject("ACK seq=1 ack=4").send(2);
  expect(t.take()[0].flags).toBe("PSH,ACK");
});

test("RFC 9293 §3.8.5: a pointer behind what was received, and one without the flag, are ignored", () => {
  const { t, ahead } = listening();
  t.inject("ACK seq=1 ack=1 len=10 urg=4");
  t.inject("ACK,URG seq=11 ack=1 urg=0").take();
  expect(ahead).toEqual([]);
});

test("RFC 9293 §3.4 MUST-66: URG is taken with a closed window", () => {
  const ahead: number[] = [];
  const handler = { urgent: (_: unknown, octets: number): void => void ahead.push(octets) };
  const t = scripted({ handler, tcp: { receiveBuffer: 1000 } }).established();
  t.call((socket) => {
    socket.pause();
  });
  t.inject("ACK seq=1 ack=1 len=1000").take();
  expect(t.tcb.rcvWnd).toBe(0);
  t.inject("ACK,URG seq=1001 ack=1 len=1 urg=1").take();
  expect(ahead).toEqual([1]);
});
