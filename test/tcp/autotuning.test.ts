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

test.each([
  ["was never on", 1 << 17],
  ["has rested", 1 << 16],
])(
  "RFC 9293 §3.8.6: tuning that %s until memory is tight counts from there, not all that came before",
  (_, receiveBuffer) => {
    const tcp = { receiveBuffer, receiveBufferMax: 1 << 17 };
    const t = scripted({ tcp, peer: { ws: 7 }, memoryMax: 1 << 20 }).established();
    let seq = 1;
    const come = (segments: number): void => {
      for (let i = 0; i < segments; i++, seq += TEXT) t.inject(`ACK seq=${String(seq)} ack=1 len=${String(TEXT)}`);
      t.pass(2).take();
    };
    for (let trip = 0; trip < 20; trip++) come(40);
    expect(t.tcb.rcvBuffer).toBe(tcp.receiveBufferMax);
    const { rcvEarned } = t.tcb;
    t.core.memory.reassembly = 1 << 19;
    come(1);
    expect(t.tcb.rcvEarned).toBe(rcvEarned);
    come(1);
    expect(t.tcb.rcvEarned).toBe(2 * 2 * TEXT);
    t.core.memory.reassembly = 0;
  },
);
