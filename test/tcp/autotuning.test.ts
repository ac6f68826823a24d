import { expect, test } from "vitest";
import { scripted } from "../support/scripted-peer.ts";

const TEXT = 1460;

test("RFC 9293 §3.8.6: the receive buffer grows with what comes in a round trip, up to its maximum", () => {
  const tcp = { receiveBuffer: 1 << 16, receiveBufferMax: 1 << 17 };
  const t = scripted({ tcp, peer: { ws: 7 } }).established();
  let seq = 1;
  for (let trip = 0; trip < 20; trip++) {
    for (let i = 0; i < 40; i++, seq += TEXT) t.inject(`ACK seq=${String(seq)} ack=1 len=${String(TEXT)}`);
    t.pass(2).take();
    expect(t.tcb.rcvBuffer).toBeLessThanOrEqual(tcp.receiveBufferMax);
  }
  expect(t.tcb.rcvBuffer).toBeGreaterThan(tcp.receiveBuffer);
});

test("RFC 9293 §3.8.6: a receive buffer that is set alone does not grow", () => {
  const t = scripted({ tcp: { receiveBuffer: 1 << 16 } }).established();
  let seq = 1;
  for (let trip = 0; trip < 5; trip++, t.pass(2))
    for (let i = 0; i < 40; i++, seq += TEXT) t.inject(`ACK seq=${String(seq)} ack=1 len=${String(TEXT)}`);
  expect(t.tcb.rcvBuffer).toBe(1 << 16);
});
