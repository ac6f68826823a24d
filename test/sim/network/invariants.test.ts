import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { completeDatagram } from "../../../src/device/offload.ts";
import { simulate, type Simulation, type SimulationFailure } from "../../../src/sim/index.ts";
import { isLegalEdge } from "../../../src/sim/state-edges.ts";
import { StreamLedger } from "../../../src/sim/stream-ledger.ts";
import { TcpConnection } from "../../../src/tcp/connection.ts";
import { CLOSED, LAST_ACK, stateName, type TcpState, TIME_WAIT } from "../../../src/tcp/states.ts";
import { connected, echo, echoOn, octetsOf, pairOf, QUIET, rejectionOf } from "./worlds.ts";

const failureOf = async (program: (sim: Simulation) => Promise<unknown>): Promise<string> =>
  ((await rejectionOf(simulate({ ...QUIET, seed: 1 }, program))) as Error).message;

/** The one connection of a host. */
function onlyConnection(sim: Simulation, host: number): TcpConnection {
  const [connection] = sim.hosts[host].tcp.connections();
  if (!(connection instanceof TcpConnection)) throw new Error("there is one connection");
  return connection;
}

const ENHANCED_PACKET = 6;

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

/** Read off the figure, by their names; a passive open begins in SYN-RECEIVED here, and each state has its end. */
const FIGURE_5: Readonly<Record<string, readonly string[]>> = {
  CLOSED: ["SYN-SENT", "SYN-RECEIVED"],
  LISTEN: [],
  "SYN-SENT": ["SYN-RECEIVED", "ESTABLISHED"],
  "SYN-RECEIVED": ["ESTABLISHED", "FIN-WAIT-1", "CLOSE-WAIT"],
  ESTABLISHED: ["FIN-WAIT-1", "CLOSE-WAIT"],
  "FIN-WAIT-1": ["FIN-WAIT-2", "CLOSING", "TIME-WAIT"],
  "FIN-WAIT-2": ["TIME-WAIT"],
  "CLOSE-WAIT": ["LAST-ACK"],
  CLOSING: ["TIME-WAIT"],
  "LAST-ACK": [],
  "TIME-WAIT": ["TIME-WAIT"],
};

test("RFC 9293 §3.3.2 Figure 5: its edges are known, and no others", () => {
  const states = Array.from({ length: TIME_WAIT + 1 }, (_, state) => state as TcpState);
  for (const from of states) {
    const legal = states.filter((to) => isLegalEdge(from, to)).map(stateName);
    const ends = from === CLOSED ? [] : ["CLOSED"];
    expect(new Set(legal), stateName(from)).toEqual(new Set([...ends, ...FIGURE_5[stateName(from)]]));
  }
});

/** The types of a pcapng file's blocks: draft-ietf-opsawg-pcapng §3.1. */
function blockTypesOf(file: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) types.push(file.readUInt32LE(at));
  return types;
}

test("a failure leaves its capture, and says where and how to run it again", async () => {
  const captureFile = join(mkdtempSync(join(tmpdir(), "fourtuple-sim-")), "failed.pcapng");
  const error = (await rejectionOf(
    simulate({ seed: 5, captureFile, replay: "run --seed 5" }, async (sim) => {
      const { a, b } = await pairOf(sim);
      echoOn(b);
      await connected(a, b);
      onlyConnection(sim, 0).enter(LAST_ACK);
    }),
  )) as SimulationFailure;
  expect(error.message).toContain("seed 5");
  expect(error.message).toContain("again: run --seed 5");
  expect(error.capture).toBe(captureFile);
  // Section header, two interfaces, and SYN, SYN-ACK and ACK where each entered the link.
  const types = blockTypesOf(readFileSync(captureFile));
  expect(types.slice(0, 3)).toEqual([0x0a0d_0d0a, 1, 1]);
  expect(types.filter((type) => type === ENHANCED_PACKET).length).toBeGreaterThanOrEqual(3);
  rmSync(dirname(captureFile), { recursive: true });
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
