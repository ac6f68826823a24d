import { expect, test } from "vitest";
import { ANY_ADDRESS } from "../../src/base/address.ts";
import { PEER, scripted } from "../support/scripted-peer.ts";

test("RFC 9293 §3.10.7: a SYN that comes twice in one batch begins one connection", () => {
  const t = scripted().listening();
  t.injectBatch(["SYN seq=0 mss=1460", "SYN seq=0 mss=1460"]);
  expect([t.core.tcp.size, t.listener?.synQueueLength]).toEqual([1, 1]);
  t.expect("SYN,ACK seq=0 ack=1").inject("ACK seq=1 ack=1").stateIs("ESTABLISHED");
});

test("RFC 9293 §3.10.7: a SYN and the RST that takes it back may come in one batch", () => {
  const t = scripted().listening();
  t.injectBatch(["SYN seq=0 mss=1460", "RST seq=1"]).leavesNothing();
});

test("RFC 9293 §3.10.7: a segment behind the RST of its connection is not the next connection's, in one batch either", () => {
  const t = scripted().established();
  t.injectBatch(["RST seq=1", "SYN seq=0 sport=40001 mss=1460", "ACK seq=1 ack=1 len=3"]);
  t.expect("RST seq=1", "SYN,ACK ack=1 dport=40001").toldIs("close ECONNRESET");
  expect(t.core.tcp.size).toBe(1);
});

test("RFC 6056 §3.3.3: a local port whose four-tuple is in use is passed over", () => {
  const { core } = scripted();
  const ports = new Set<number>();
  const connections = 5000; // Steps of 8.5 ports on average go round the range once in 3,300.
  for (let i = 0; i < connections; i++) {
    const socket = core.tcp.connect({
      address: PEER,
      port: 80,
      localAddress: ANY_ADDRESS,
      localPort: 0,
      handler: {},
    });
    ports.add(typeof socket === "string" ? 0 : socket.localPort);
  }
  expect([ports.size, ports.has(0)]).toEqual([connections, false]);
});
