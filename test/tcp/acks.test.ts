import { expect, test } from "vitest";
import { scripted } from "../support/scripted-peer.ts";

const peer = { mss: 1000 };

test("RFC 9293 §3.8.6.3 SHLD-18, MUST-40: a small segment is acknowledged late, but before half a second", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1 ack=1 len=5").silent();
  t.pass(39).silent().pass(1).expect("ACK seq=1 ack=6");
  t.pass(10_000).silent();
  expect(t.core.nextDelayMs()).toBe(Infinity);
});

test("the delayed ACK rides on text that leaves before", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1 ack=1 len=5").pass(10).send(7).expect("ACK seq=1 ack=6 len=7");
  t.inject("ACK seq=6 ack=8").pass(10_000).silent();
});

test("what a handler sends in answer carries the ACK", () => {
  const t = scripted({ peer, handler: { data: (socket) => void socket.send(new Uint8Array(3)) } }).established();
  t.inject("ACK seq=1 ack=1 len=5").expect("ACK seq=1 ack=6 len=3");
});

test("RFC 9293 §3.8.6.3 SHLD-19: every second full-sized segment is acknowledged at once", () => {
  const t = scripted({ peer }).established();
  for (let i = 0; i < 6; i++) {
    t.inject(`ACK seq=${String(1 + 1000 * i)} ack=1 len=1000`);
    if (i % 2 === 0) t.silent();
    else t.expect(`ACK ack=${String(1001 + 1000 * i)}`);
  }
});

test("RFC 9293 §3.10.7.4 MUST-58, MUST-59: segments in order of one batch get one ACK", () => {
  const t = scripted({ peer }).established();
  t.injectBatch([0, 1, 2, 3, 4].map((i) => `ACK seq=${String(1 + 1000 * i)} ack=1 len=1000`)).expect("ACK ack=5001");
});

test("a super-segment counts in octets: two segments' worth are acknowledged at once", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1 ack=1 len=10000 gso=1000").expect("ACK ack=10001").toldIs("data 10000");
  t.inject("ACK seq=10001 ack=1 len=1000").silent();
  t.inject("ACK seq=11001 ack=1 len=1000").expect("ACK ack=12001");
});

test("RFC 9293 MAY-13, RFC 5681 §4.2: segments beyond a hole are acknowledged at once and each, in one batch too", () => {
  const t = scripted({ peer }).established();
  t.injectBatch([1, 2, 3].map((i) => `ACK seq=${String(1 + 1000 * i)} ack=1 len=1000`));
  t.expect("ACK ack=1", "ACK ack=1", "ACK ack=1");
  t.inject("ACK seq=1 ack=1 len=1000")
    .expect("ACK ack=4001")
    .toldIs("data 1000", "data 1000", "data 1000", "data 1000");
});

test("RFC 5681 §4.2: what fills a part of a hole is acknowledged at once", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=2001 ack=1 len=1000").expect("ACK ack=1");
  t.inject("ACK seq=1 ack=1 len=10").expect("ACK ack=11");
});

test("RFC 9293 §3.10.7.4: duplicates are acknowledged at once and each", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1 ack=1 len=1000").pass(100).take();
  t.injectBatch(["ACK seq=1 ack=1 len=1000", "ACK seq=1 ack=1 len=1000"]).expect("ACK ack=1001", "ACK ack=1001");
  t.inject("ACK seq=501 ack=1 len=1000").expect("ACK ack=1501").toldIs("data 1000", "data 500");
});

test("duplicates beyond any use are not answered without bound", () => {
  const t = scripted({ peer }).established();
  for (let burst = 0; burst < 2; burst++) {
    t.injectBatch(Array.from({ length: 64 }, () => "ACK seq=2001 ack=1 len=1"));
    expect(t.take().length).toBeLessThanOrEqual(64);
  }
});

test("RFC 9293 §3.8.6.2.2: a FIN is acknowledged at once", () => {
  scripted({ peer }).established().inject("FIN,ACK seq=1 ack=1 len=10").expect("ACK ack=12").toldIs("data 10", "end");
});

test("an ACK is never answered", () => {
  const t = scripted({ peer }).established();
  t.send(10).take();
  t.inject("ACK seq=1 ack=11").pass(60_000).silent().inject("ACK seq=1 ack=11").pass(60_000).silent();
});

test("RFC 2018 §4: the block of the newest segment comes first, then those reported before", () => {
  const t = scripted({ peer: { ...peer, sackOk: true } }).established();
  t.inject("ACK seq=1001 ack=1 len=100").expect("ACK ack=1 sack=1001-1101");
  t.inject("ACK seq=3001 ack=1 len=100").expect("ACK ack=1 sack=3001-3101,1001-1101");
  t.inject("ACK seq=2001 ack=1 len=100").expect("ACK ack=1 sack=2001-2101,3001-3101,1001-1101");
  t.inject("ACK seq=1101 ack=1 len=900").expect("ACK ack=1 sack=1001-2101,3001-3101");
  t.inject("ACK seq=3001 ack=1 len=50").expect("ACK ack=1 sack=3001-3051,3001-3101,1001-2101");
  t.inject("ACK seq=1 ack=1 len=1000").expect("ACK ack=2101 sack=3001-3101");
  t.inject("ACK seq=2101 ack=1 len=900").expect("ACK ack=3101 sack=none");
});

test.each([
  [false, 4],
  [true, 3],
])("RFC 2018 §3: as many blocks as fit (timestamps %s: %i)", (ts, blocks) => {
  const t = scripted({ peer: { ...peer, sackOk: true, ts } }).established();
  for (let i = 0; i < 6; i++) t.inject(`ACK seq=${String(1001 + 200 * i)} ack=1 len=100 ${ts ? "ts=100,0" : ""}`);
  expect(t.take().at(-1)?.sack).toHaveLength(blocks);
});

test("RFC 2018 §2: without SACK-permitted there are no blocks, and blocks are not read", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=1001 ack=1 len=100").expect("ACK ack=1 sack=none");
  t.send(3000).take();
  for (let i = 0; i < 2; i++) t.inject("ACK seq=1 ack=1 sack=1001-3001");
  expect(t.tcb.sender?.inFlight.sackedOctets).toBe(0);
});

test("RFC 2018 §2, RFC 7323: each option is agreed by itself", () => {
  for (let bits = 0; bits < 8; bits++) {
    const offer = { mss: 1000, sackOk: (bits & 1) !== 0, ts: (bits & 2) !== 0, ...((bits & 4) !== 0 ? { ws: 3 } : {}) };
    const t = scripted({ peer: offer })
      .listening()
      .inject(`SYN seq=0 mss=1000 ${bits & 1 ? "sackOk" : ""} ${bits & 2 ? "ts=100,0" : ""} ${bits & 4 ? "ws=3" : ""}`);
    const [answer] = t.take();
    expect([answer.sackOk ?? false, answer.ts !== undefined, answer.ws !== undefined]).toEqual([
      offer.sackOk,
      offer.ts,
      "ws" in offer,
    ]);
  }
});
