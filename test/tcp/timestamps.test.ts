import { expect, test } from "vitest";
import { scripted } from "../support/scripted-peer.ts";

const options = { peer: { mss: 1000, ts: true } };

test("RFC 7323 §3.2: timestamps are on every segment once both have offered them", () => {
  const t = scripted(options).established();
  t.send(3000).close().inject("ACK seq=1 ack=3002 ts=101,0 len=5").pass(50);
  for (const wire of t.take()) expect(wire.ts).toBeDefined();
});

test("RFC 7323 §3.2: our own stamps tick in milliseconds", () => {
  const t = scripted(options).established();
  t.send(1);
  const [first] = t.take();
  t.inject("ACK seq=1 ack=2 ts=101,0").pass(700).send(1);
  const [second] = t.take();
  expect(((second.ts?.[0] ?? 0) - (first.ts?.[0] ?? 0)) | 0).toBe(700);
});

test("RFC 7323 §3.2: a segment without them is dropped in silence then, and never ends the connection", () => {
  const t = scripted(options).established();
  t.inject("ACK seq=1 ack=1 len=5").silent().toldIs().inject("FIN,ACK seq=1 ack=1").silent().stateIs("ESTABLISHED");
});

test("RFC 7323 §3.2: an RST needs none", () => {
  scripted(options).established().inject("RST seq=1").toldIs("close ECONNRESET");
});

test("RFC 7323 §5.3 R1 (PAWS): an older stamp is dropped and answered", () => {
  const t = scripted(options).established();
  t.inject("ACK seq=1 ack=1 len=5 ts=500,0").pass(50).take();
  t.inject("ACK seq=6 ack=1 len=5 ts=499,0").expect("ACK ack=6").toldIs("data 5");
  t.inject("ACK seq=6 ack=1 len=5 ts=500,0").toldIs("data 5");
  expect(t.core.tcpCounters.pawsDropped).toBe(1);
});

test("RFC 7323 §5.3 (PAWS): stamps wrap", () => {
  const t = scripted(options).established();
  const step = (ts: number, seq: number): void =>
    void t.inject(`ACK seq=${String(seq)} ack=1 len=5 ts=${String(ts | 0)},0`).pass(50);
  step(0x7000_0000, 1);
  step(0xe000_0000, 6);
  step(0x1000_0000, 11);
  t.toldIs("data 5", "data 5", "data 5");
});

test("RFC 7323 §5.3: an RST is not subject to PAWS, and moves no stamp", () => {
  const t = scripted(options).established();
  t.inject("ACK seq=1 ack=1 len=5 ts=500,0").pass(50).take();
  t.inject("RST seq=2 len=10 ts=5,0");
  expect(t.tcb.tsRecent).toBe(500);
  t.inject("RST seq=6 ts=1,0").toldIs("data 5", "close ECONNRESET");
});

test.each([25, 30, 45, 60])("RFC 7323 §5.5: after %i idle days an old stamp proves nothing any more", (days) => {
  const t = scripted(options).established();
  t.inject("ACK seq=1 ack=1 len=5 ts=500,0").pass(50).take();
  t.pass(days * 86_400_000);
  t.inject("ACK seq=6 ack=1 len=5 ts=499,0").toldIs("data 5", "data 5");
  expect(t.tcb.tsRecent).toBe(499);
});

test("RFC 7323 §5.5: within 24 days it does", () => {
  const t = scripted(options).established();
  t.inject("ACK seq=1 ack=1 len=5 ts=500,0").pass(50).take();
  t.pass(23 * 86_400_000)
    .inject("ACK seq=6 ack=1 len=5 ts=499,0")
    .toldIs("data 5");
});

test("RFC 7323 §4.3: the echo is the stamp of the segment that the last ACK waited for", () => {
  const t = scripted(options).established();
  t.inject("ACK seq=1 ack=1 len=5 ts=300,0").inject("ACK seq=6 ack=1 len=5 ts=400,0").pass(50);
  expect(t.take().at(-1)?.ts?.[1]).toBe(300); // (A) delayed ACKs: the first of those acknowledged together.
  t.inject("ACK seq=16 ack=1 len=5 ts=500,0").expectNext("ACK ack=11");
  expect(t.tcb.tsRecent).toBe(300); // (B) a segment beyond a hole moves no echo.
  t.inject("ACK seq=11 ack=1 len=5 ts=600,0");
  expect(t.take().at(-1)?.ts?.[1]).toBe(600); // (C) what fills the hole does.
});
