import { expect, test } from "vitest";
import { MemoryBudget } from "../../src/base/memory-budget.ts";
import { ANY_ADDRESS, toAddress } from "../../src/base/address.ts";
import { Clock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { seqDiff } from "../../src/base/seq.ts";
import { newSipKey } from "../../src/base/siphash.ts";
import type { PendingSyn } from "../../src/tcp/listener.ts";
import { TcpContext } from "../../src/tcp/context.ts";
import { HOST, PEER, scripted } from "../support/scripted-peer.ts";

/** The origins that a context with this seed chooses for a four-tuple at a time. */
function origins(seed: number, nowUs: number, remotePort: number): { iss: number; tsOffset: number } {
  const clock = new Clock();
  clock.nowUs = nowUs;
  const chosen = { local: HOST, localPort: 80, remote: PEER, remotePort, iss: 0 as never, tsOffset: 0 };
  const unused = {} as never;
  new TcpContext({
    clock,
    config: {} as never,
    memory: new MemoryBudget(1 << 20),
    counters: unused,
    network: unused,
    host: unused,
    secret: newSipKey(new SeededRandom(seed)),
  }).chooseOrigins(chosen);
  return chosen;
}

test("RFC 9293 §3.4.1 MUST-8: the initial sequence number moves by one every 4 us", () => {
  expect(seqDiff(origins(1, 5_000_000, 1).iss as never, origins(1, 1_000_000, 1).iss as never)).toBe(1_000_000);
});

test("RFC 9293 §3.4.1 MUST-9, SHLD-1; RFC 6528 §3: it hangs on the four-tuple and on a secret", () => {
  expect(origins(1, 0, 1).iss).not.toBe(origins(1, 0, 2).iss);
  expect(origins(1, 0, 1).iss).not.toBe(origins(2, 0, 1).iss);
  expect(origins(1, 0, 1).tsOffset).not.toBe(origins(1, 0, 2).tsOffset);
  expect(origins(1, 0, 1)).toEqual(origins(1, 0, 1));
});

test("RFC 9293 §3.5 figure 6: the three-way handshake, passively", () => {
  const t = scripted().listening();
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1 len=0 mss=1460");
  expect(t.accepted).toHaveLength(0);
  t.inject("ACK seq=1 ack=1").silent().stateIs("ESTABLISHED");
  expect(t.listener?.synQueueLength).toBe(0);
});

test("RFC 9293 §3.5 figure 6: the three-way handshake, actively", () => {
  const t = scripted().connecting().stateIs("SYN-SENT");
  t.expect("SYN seq=0 len=0 mss=1460");
  t.inject("SYN,ACK seq=0 ack=1 mss=1460").expect("ACK seq=1 ack=1 len=0").stateIs("ESTABLISHED").toldIs("open");
});

test("RFC 9293 §3.10.7.3: text and FIN that come with the SYN,ACK are taken", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").inject("SYN,FIN,ACK seq=0 ack=1 len=5 mss=1460");
  t.expect("ACK seq=1 ack=7").stateIs("CLOSE-WAIT").toldIs("open", "data 5", "end");
});

test("RFC 9293 §3.5 figure 8 MUST-10: both sides open at once", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").inject("SYN seq=0 mss=1460").stateIs("SYN-RECEIVED").expect("SYN,ACK seq=0 ack=1");
  t.inject("SYN,ACK seq=0 ack=1 mss=1460").expect("ACK seq=1 ack=1");
  t.inject("ACK seq=1 ack=1").silent().stateIs("ESTABLISHED").toldIs("open");
});

test("RFC 9293 §3.10.4: CLOSE in SYN-RECEIVED waits for the handshake; then the FIN goes out", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1");
  t.close().silent().stateIs("SYN-RECEIVED");
  t.inject("ACK seq=1 ack=1").expect("FIN,ACK seq=1 ack=1").stateIs("FIN-WAIT-1");
});

test("RFC 9293 §3.10.2: what was sent before the handshake is over goes out after it", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0 len=0").send(10).silent();
  t.inject("SYN,ACK seq=0 ack=1 mss=1460").expect("ACK seq=1 ack=1 len=10");
});

test("RFC 9293 §3.5 MUST-11: an RST in SYN-RECEIVED takes a passive open back to LISTEN in silence", () => {
  const t = scripted().listening();
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1");
  t.inject("RST seq=1").leavesNothing();
  expect(t.listener?.synQueueLength).toBe(0);
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK");
});

test("RFC 9293 §3.5 MUST-11: an RST in SYN-RECEIVED after an active open is a refusal", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1");
  t.inject("RST seq=1").toldIs("close ECONNREFUSED").stateIs("CLOSED").leavesNothing();
});

test("RFC 9293 §3.10.7.3: an RST that acknowledges our SYN refuses the connection; one that does not is ignored", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").inject("RST seq=0").silent().stateIs("SYN-SENT");
  t.inject("RST,ACK seq=0 ack=2").silent().stateIs("SYN-SENT");
  t.inject("RST,ACK seq=0 ack=0").silent().stateIs("SYN-SENT");
  t.inject("RST,ACK seq=0 ack=1").toldIs("close ECONNREFUSED").leavesNothing();
});

test("RFC 9293 §3.10.7.3: an ACK of what was never sent is answered with RST", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").inject("SYN,ACK seq=0 ack=2").expect("RST seq=2 ack=none").stateIs("SYN-SENT");
  t.inject("ACK seq=0 ack=0").expect("RST seq=0 ack=none").stateIs("SYN-SENT");
});

test("RFC 9293 §3.10.7.3: an ACK alone, though of the right number, changes nothing", () => {
  scripted().connecting().expect("SYN seq=0").inject("ACK seq=0 ack=1").silent().stateIs("SYN-SENT");
});

test("RFC 9293 §3.10.4: CLOSE in SYN-SENT deletes the connection", () => {
  scripted().connecting().expect("SYN seq=0").close().toldIs("close").leavesNothing();
});

test("RFC 9293 §3.10.5: ABORT in SYN-SENT sends nothing", () => {
  scripted().connecting().expect("SYN seq=0").abort().toldIs("close ECONNABORTED").leavesNothing();
});

test("RFC 9293 §3.10.7.4: an ACK in SYN-RECEIVED of anything but our SYN is answered with RST", () => {
  const t = scripted().listening();
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1");
  t.inject("ACK seq=1 ack=0").expect("RST seq=0 ack=none");
  t.inject("ACK seq=1 ack=2").expect("RST seq=2 ack=none");
  t.inject("ACK seq=1 ack=1").silent().stateIs("ESTABLISHED");
});

test("RFC 9293 §3.10.7.4: a repeated SYN in SYN-RECEIVED gets the SYN,ACK again", () => {
  const t = scripted().listening();
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1 mss=1460");
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1 mss=1460");
  t.inject("ACK seq=1 ack=1").silent().stateIs("ESTABLISHED");
});

test("RFC 6298 §3 (Karn): a SYN,ACK that was sent twice gives no measurement", () => {
  const t = scripted({ peer: { ts: false } }).listening();
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK");
  t.pass(900).inject("SYN seq=0 mss=1460").expect("SYN,ACK");
  t.pass(10).inject("ACK seq=1 ack=1").silent();
  expect(t.tcb.srttUs).toBe(0);
});

test("RFC 9293 §3.10.7.4: another SYN in SYN-RECEIVED takes a passive open back to LISTEN", () => {
  const t = scripted().listening();
  t.inject("SYN seq=0 mss=1460").expect("SYN,ACK seq=0 ack=1");
  t.inject("SYN seq=100").silent();
  expect(t.listener?.synQueueLength).toBe(0);
});

test("RFC 9293 §3.9.1.1 MUST-41: a passive open disturbs no connection that exists", () => {
  const t = scripted().established();
  const other = t.core.tcp.listen({ address: ANY_ADDRESS, port: 81, backlog: 1, handler: { accept: () => undefined } });
  expect(typeof other).toBe("object");
  t.listener?.close();
  t.listening();
  t.send(1).expect("ACK seq=1 ack=1 len=1").stateIs("ESTABLISHED");
});

test("RFC 9293 §3.9.1.1 MUST-42: a port can be listened on that has an active connection", () => {
  const t = scripted().connecting();
  const port = t.socket?.localPort ?? 0;
  const there = t.core.tcp.listen({ address: ANY_ADDRESS, port, backlog: 1, handler: { accept: () => undefined } });
  expect(typeof there).toBe("object");
  t.expect("SYN seq=0").inject("SYN,ACK seq=0 ack=1").expect("ACK seq=1 ack=1").stateIs("ESTABLISHED");
});

test("RFC 9293 §3.9.1.1 MUST-43: a passive open names its local address, which beats the wildcard", () => {
  const t = scripted().listening();
  let exact = 0;
  const there = t.core.tcp.listen({ address: HOST, port: 80, backlog: 1, handler: { accept: () => (exact += 1) } });
  expect(typeof there).toBe("object");
  t.inject("SYN seq=0").expect("SYN,ACK").inject("ACK seq=1 ack=1");
  expect([exact, t.accepted.length]).toEqual([1, 0]);
  const handler = { accept: () => undefined };
  expect(t.core.tcp.listen({ address: PEER, port: 80, backlog: 1, handler })).toBe("EADDRNOTAVAIL");
  expect(t.core.tcp.listen({ address: HOST, port: 80, backlog: 1, handler })).toBe("EADDRINUSE");
});

test("RFC 9293 §3.9.1.1 MUST-44, MUST-45: the route chooses an active open's local address, and it stays", () => {
  const t = scripted().connected();
  expect(t.socket?.localAddress).toBe("198.18.0.2");
  t.send(1).expect("ACK seq=1 len=1");
  expect(t.socket?.localAddress).toBe("198.18.0.2");
});

test("RFC 9293 §3.9.1.1 MUST-46: an active open to broadcast or multicast is an error", () => {
  const t = scripted();
  const to = (address: number): unknown =>
    t.core.tcp.connect({
      address: toAddress(address),
      port: 80,
      localAddress: ANY_ADDRESS,
      localPort: 0,
      handler: {},
    });
  expect(to(0xffff_ffff)).toBe("EINVAL");
  expect(to(0xc612_00ff)).toBe("EINVAL");
  expect(typeof to(0xe000_0001)).toBe("string");
  expect(to(0x0808_0808)).toBe("ENETUNREACH");
  t.leavesNothing();
});

test("an active open finds a port although a listener takes every port", () => {
  const t = scripted();
  t.core.tcp.listen({ address: ANY_ADDRESS, port: -1, backlog: 1, handler: { accept: () => undefined } });
  t.connecting().expect("SYN seq=0");
});

test("RFC 9293 §3.9.2.3 MUST-57: a SYN to broadcast or multicast gets silence", () => {
  const t = scripted().listening();
  for (const to of [0xc612_00ff, 0xffff_ffff, 0xe000_0001]) t.inject(`SYN seq=0 to=${String(to)}`).silent();
  t.leavesNothing();
});

test("RFC 9293 §3.9.2.3 MUST-63: a SYN from an address that no host has gets silence", () => {
  const t = scripted().listening();
  for (const from of [0xffff_ffff, 0xe000_0001, 0, 0x7f00_0001, 0xc612_0002]) {
    t.inject(`SYN seq=0 from=${String(from)}`).silent();
  }
  t.leavesNothing();
});

test("RFC 9293 §3.8.3 MUST-22, MUST-23: a SYN is sent again for at least three minutes, then ETIMEDOUT", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").pass(179_999).stateIs("SYN-SENT");
  const again = t.take();
  expect(again.map((wire) => wire.flags)).toEqual(again.map(() => "SYN"));
  expect(again).toHaveLength(7);
  t.pass(200_000).toldIs("close ETIMEDOUT");
  t.take();
  t.leavesNothing();
});

test("RFC 9293 §3.8.3 MUST-23: a SYN,ACK that nobody answers ends without a word", () => {
  const t = scripted().listening();
  t.inject("SYN seq=0").expect("SYN,ACK").pass(400_000);
  expect(t.take().every((wire) => wire.flags === "SYN,ACK")).toBe(true);
  expect(t.listener?.synQueueLength).toBe(0);
  t.leavesNothing();
});

test("RFC 6298 (5.7): after a lost SYN the RTO begins at 3 s, and the window is one segment", () => {
  const t = scripted().connecting();
  t.expect("SYN seq=0").pass(1000).expect("SYN seq=0");
  t.inject("SYN,ACK seq=0 ack=1 mss=1000").expect("ACK seq=1");
  expect(t.tcb.rtoMs).toBe(3000);
  t.send(5000).expect("ACK seq=1 len=1000");
  t.pass(2999).silent().pass(1).expect("ACK seq=1 len=1000");
});

test("a SYN that waits for its listener's verdict is answered only then", () => {
  let pending: PendingSyn | null = null;
  const t = scripted({
    listen: {
      syn: (syn) => {
        pending = syn;
        return "later";
      },
    },
  }).listening();
  t.inject("SYN seq=0 mss=1460").silent();
  t.inject("SYN seq=0 mss=1460").silent().inject("SYN seq=7").silent().inject("ACK seq=1 ack=1").expect("RST");
  t.pass(500).silent();
  (pending as PendingSyn | null)?.decide("accept");
  t.flush().expect("SYN,ACK seq=0 ack=1");
  (pending as PendingSyn | null)?.decide("refuse");
  t.flush().silent().inject("ACK seq=1 ack=1").silent().stateIs("ESTABLISHED");
});

test.each([
  ["refuse", "RST,ACK seq=0 ack=1"],
  ["drop", null],
] as const)("a listener's verdict may be to %s, at once or later", (verdict, answer) => {
  for (const later of [false, true]) {
    let pending: PendingSyn | null = null;
    const t = scripted({
      listen: {
        syn: (syn) => {
          pending = syn;
          return later ? "later" : verdict;
        },
      },
    }).listening();
    t.inject("SYN seq=0");
    if (later) (pending as PendingSyn | null)?.decide(verdict);
    t.flush();
    if (answer !== null) t.expectNext(answer);
    t.leavesNothing();
    expect(t.listener?.synQueueLength).toBe(0);
  }
});

test("a verdict that never comes lets the SYN go in the end, and one that comes too late does nothing", () => {
  let pending: PendingSyn | null = null;
  const t = scripted({
    listen: {
      syn: (syn) => {
        pending = syn;
        return "later";
      },
    },
  }).listening();
  t.inject("SYN seq=0").pass(180_000).leavesNothing();
  (pending as PendingSyn | null)?.decide("accept");
  t.flush().leavesNothing();
});
