import { expect, test } from "vitest";
import { scripted } from "../support/scripted-peer.ts";

const peer = { mss: 1460 };
const UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;

test("RFC 9293 §3.9.2.2 MUST-54: fragmentation needed lowers the segment size and sends again at once", () => {
  const t = scripted({ peer }).established();
  t.send(2920).expect("ACK seq=1 len=1460", "ACK seq=1461 len=1460");
  const { cwnd } = t.tcb;
  t.icmp(UNREACHABLE, FRAGMENTATION_NEEDED, 1, 1000);
  t.expect("ACK seq=1 len=960", "ACK seq=961 len=500", "ACK seq=1461 len=960", "ACK seq=2421 len=500");
  expect([t.tcb.cwnd, t.tcb.ssthresh]).toEqual([cwnd, 0x7fff_ffff]);
  t.inject("ACK seq=1 ack=2921").send(2000).expectNext("ACK seq=2921 len=960");
});

test("RFC 1191 §3: a claim is never believed below the floor, and the same one twice sends nothing again", () => {
  const t = scripted({ peer }).established();
  t.send(1460).take();
  t.icmp(UNREACHABLE, FRAGMENTATION_NEEDED, 1, 68).expectNext("ACK seq=1 len=536");
  t.take();
  for (const mtu of [68, 0, 300, 576, 1500]) t.icmp(UNREACHABLE, FRAGMENTATION_NEEDED, 1, mtu).silent();
});

test.each([0, 1461, -100])("RFC 5927 §4.1: an error that quotes what is not in flight (%i) is ignored", (seq) => {
  const t = scripted({ peer }).established();
  t.send(1460).take();
  t.icmp(UNREACHABLE, FRAGMENTATION_NEEDED, seq, 1000).silent().icmp(UNREACHABLE, 1, seq).toldIs();
  expect(t.tcb.sendMss).toBe(1460);
});

test.each([
  [3, 0, "ENETUNREACH"],
  [3, 1, "EHOSTUNREACH"],
  [3, 5, "EHOSTUNREACH"],
  [11, 0, "EHOSTUNREACH"],
  [12, 0, "EHOSTUNREACH"],
] as const)(
  "RFC 9293 §3.9.2.2 MUST-56, SHLD-25, MUST-47: type %i code %i is told and ends nothing",
  (type, code, failure) => {
    const t = scripted({ peer }).connecting();
    t.expect("SYN").icmp(type, code, 0).toldIs(`soft ${failure}`).stateIs("SYN-SENT");
    t.icmp(type, code, 0).toldIs();
  },
);

test("RFC 9293 §3.9.2.2 SHLD-26: a port unreachable ends an open that has just begun", () => {
  const t = scripted({ peer }).connecting();
  t.expect("SYN").icmp(UNREACHABLE, 3, 0).toldIs("close ECONNREFUSED").leavesNothing();
});

test.each([2, 3])("RFC 5927 §5.2: unreachable code %i is soft once the connection is established", (code) => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  t.icmp(UNREACHABLE, code, 1).toldIs("soft ECONNREFUSED").stateIs("ESTABLISHED");
});

test("RFC 9293 §3.9.2.2 MUST-55: Source Quench is dropped in silence", () => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  t.icmp(4, 0, 1).silent().toldIs();
});
