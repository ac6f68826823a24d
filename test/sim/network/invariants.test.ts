import { once } from "node:events";
import { expect, test } from "vitest";
import { seqAdd } from "../../../src/base/seq.ts";
import { completeDatagram } from "../../../src/device/offload.ts";
import { simulate, type Simulation } from "../../../src/sim/index.ts";
import { isLegalEdge } from "../../../src/sim/state-edges.ts";
import { StreamLedger } from "../../../src/sim/stream-ledger.ts";
import { TcpConnection } from "../../../src/tcp/connection.ts";
import { ESTABLISHED, FIN_WAIT_2, LAST_ACK, SYN_SENT, TIME_WAIT } from "../../../src/tcp/states.ts";
import { RTO_ARMED, WHEEL_ARMED } from "../../../src/tcp/tcb.ts";
import { connected, echo, echoOn, octetsOf, pairOf, QUIET, rejectionOf } from "./worlds.ts";

const failureOf = async (program: (sim: Simulation) => Promise<unknown>): Promise<string> =>
  ((await rejectionOf(simulate({ ...QUIET, seed: 1 }, program))) as Error).message;

/** The one connection of a host. */
function onlyConnection(sim: Simulation, host: number): TcpConnection {
  const [connection] = sim.hosts[host].tcp.connections();
  if (!(connection instanceof TcpConnection)) throw new Error("there is one connection");
  return connection;
}

test("conservation: a device that changes octets of the stream and makes the checksum right is caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b, link } = await pairOf(sim);
    link.there.intercept = (datagram) => {
      if (datagram.length < 1000) return "pass";
      datagram[500] ^= 1;
      completeDatagram(datagram, 0, datagram.length);
      return datagram;
    };
    echoOn(b);
    await echo(a, b, octetsOf(5000));
  });
  expect(failure).toContain("are not what was sent");
});

test("conservation: a clean close on both sides with octets missing is caught", () => {
  const failures: string[] = [];
  const ledger = new StreamLedger("a > b", (text) => failures.push(text));
  ledger.known = true;
  ledger.send(octetsOf(10));
  ledger.receive(octetsOf(10), 0, 9);
  ledger.senderClosed = true;
  ledger.checkClosed();
  expect(failures).toEqual([]);
  ledger.receiverClosed = true;
  ledger.checkClosed();
  expect(failures).toEqual(["a > b: both sides report a clean close, 10 octets were sent and 9 received"]);
});

test("conservation: octets that nobody sent are caught, however the pieces fall", () => {
  const failures: string[] = [];
  const ledger = new StreamLedger("a > b", (text) => failures.push(text));
  ledger.known = true;
  const octets = octetsOf(1000);
  for (let at = 0; at < 1000; at += 7) ledger.send(octets.subarray(at, at + 7));
  for (let at = 0; at < 1000; at += 13) ledger.receive(octets, at, Math.min(1000, at + 13));
  expect(failures).toEqual([]);
  expect(ledger.received).toBe(1000);
  ledger.receive(octets, 0, 1);
  expect(failures).toEqual(["a > b: 1001 octets were received, 1000 were sent"]);
});

test("sequence space: SND.UNA behind SND.NXT is caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    const connection = onlyConnection(sim, 0);
    connection.sndUna = seqAdd(connection.sndNxt, 10);
    socket.write("x");
    await sim.sleep(10);
  });
  expect(failure).toContain("10.0.0.2:7 in ESTABLISHED: SND.UNA <= SND.NXT");
});

test("no timer is lost: unacknowledged octets without a retransmission timer are caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b, link } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    link.down();
    socket.write("x");
    await sim.sleep(1);
    onlyConnection(sim, 0).unset(RTO_ARMED);
    await sim.sleep(1000);
  });
  expect(failure).toContain("what is not acknowledged has a retransmission timer");
});

test("no timer is lost: a timer that the wheel has forgotten is caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b, link } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    link.down();
    socket.write("x");
    await sim.sleep(1);
    onlyConnection(sim, 0).unset(WHEEL_ARMED);
    await sim.sleep(1000);
  });
  expect(failure).toContain("an armed timer is in the wheel");
});

test("RFC 9293 MUST-20: a side that is not told of the failure within R2 is caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b, link } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    link.down();
    socket.write("x");
    const connection = onlyConnection(sim, 0);
    sim.invariant(() => {
      connection.progressAtMs = Math.floor(sim.nowMs); // As if something had been acknowledged.
    });
    await sim.sleep(3_600_000);
  });
  expect(failure).toContain("learns of the failure within R2");
});

test("RFC 9293 §3.3.2 Figure 5: an edge that it does not have is caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b } = await pairOf(sim);
    echoOn(b);
    await connected(a, b);
    onlyConnection(sim, 0).enter(LAST_ACK);
    await sim.sleep(10);
  });
  expect(failure).toContain("no edge from ESTABLISHED to LAST-ACK");
  expect(isLegalEdge(SYN_SENT, ESTABLISHED)).toBe(true);
  expect(isLegalEdge(FIN_WAIT_2, TIME_WAIT)).toBe(true);
  expect(isLegalEdge(TIME_WAIT, ESTABLISHED)).toBe(false);
});

test("bounds: memory beyond its budget is caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    onlyConnection(sim, 0).tcp.memory.receive = 2 ** 40;
    socket.write("x");
    await sim.sleep(10);
  });
  expect(failure).toContain("memory is within its budget");
});

test("nothing is left after close: memory that is not given back is caught", async () => {
  const failure = await failureOf(async (sim) => {
    const { a, b } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    onlyConnection(sim, 0).tcp.memory.receive += 100;
    socket.end();
    socket.resume();
    await once(socket, "close");
  });
  expect(failure).toContain("100 octets of memory are left after close");
});

test("a check of the program's own is an invariant like any other", async () => {
  const failure = await failureOf(async (sim) => {
    sim.invariant(() => {
      if (sim.nowMs > 500) throw new Error("mine is broken");
    });
    await sim.sleep(600);
  });
  expect(failure).toContain("mine is broken");
});
