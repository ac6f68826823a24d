import { expect, test } from "vitest";
import { scripted } from "../support/scripted-peer.ts";

test("RFC 8899 §3, RFC 4821 §7.7: where full segments vanish again and again, smaller ones are tried, and then the smallest", () => {
  const t = scripted({ mtu: 1500 }).established();
  t.send(5000).take();
  const rto = t.tcb.rtoMs;
  t.pass(rto)
    .pass(2 * rto)
    .pass(4 * rto);
  expect(t.take().map((wire) => wire.len)).toEqual([1460, 1460, 1160]);
  t.pass(8 * rto);
  expect(t.take().map((wire) => wire.len)).toEqual([536]);
  expect(t.core.tcpCounters.blackHoles).toBe(2);
  t.inject("ACK seq=1 ack=537");
  const rest = t.take().map((wire) => wire.len);
  expect(Math.max(...rest)).toBe(536);
});

test("RFC 8899 §3: segments that are small already are not suspected", () => {
  const t = scripted({ mtu: 1500 }).established();
  t.send(100).take();
  t.pass(10_000).take();
  expect([t.core.tcpCounters.blackHoles, t.tcb.mtu]).toEqual([0, 1500]);
});

test("RFC 8899 §3: a closed window is no black hole", () => {
  const t = scripted({ mtu: 1500 }).established();
  t.inject("ACK seq=1 ack=1 win=0").send(5000).pass(10_000).take();
  expect(t.core.tcpCounters.blackHoles).toBe(0);
});
