import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { seqAdd } from "../../../src/base/seq.ts";
import { completeDatagram } from "../../../src/device/offload.ts";
import { type SimLink, simulate, type Simulation, type SimulationFailure } from "../../../src/sim/index.ts";
import { isLegalEdge } from "../../../src/sim/state-edges.ts";
import { StreamLedger } from "../../../src/sim/stream-ledger.ts";
import type { Socket } from "../../../src/sockets/socket.ts";
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

const ENHANCED_PACKET = 6;

/** A world in which something is about to break. */
interface World {
  readonly sim: Simulation;
  readonly link: SimLink;
  readonly socket: Socket;
  /** The socket's. */
  readonly connection: TcpConnection;
}
type Plant = (world: World) => void | Promise<void>;

/** Something is sent that will never be acknowledged. */
async function sendIntoNothing({ sim, link, socket }: World): Promise<void> {
  link.down();
  socket.on("error", () => undefined);
  socket.write("x");
  await sim.sleep(1);
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

test.each<[what: string, plant: Plant, broken: string]>([
  [
    "sequence space: SND.UNA behind SND.NXT",
    ({ connection, socket }) => {
      connection.sndUna = seqAdd(connection.sndNxt, 10);
      socket.write("x");
    },
    "10.0.0.2:7 in ESTABLISHED: SND.UNA <= SND.NXT",
  ],
  [
    "sequence space: more than the peer's window",
    ({ connection, socket }) => {
      connection.sndWnd -= 1000;
      connection.sndNxt = seqAdd(connection.sndNxt, 70_000);
      socket.write("x");
    },
    "SND.NXT is within",
  ],
  [
    "no timer is lost: unacknowledged octets without a retransmission timer",
    async (world) => {
      await sendIntoNothing(world);
      world.connection.unset(RTO_ARMED);
    },
    "what is not acknowledged has a retransmission timer",
  ],
  [
    "no timer is lost: a timer that the wheel has forgotten",
    async (world) => {
      await sendIntoNothing(world);
      world.connection.unset(WHEEL_ARMED);
    },
    "an armed timer is in the wheel",
  ],
  [
    "RFC 9293 MUST-20: a side that is not told of the failure within R2",
    async (world) => {
      await sendIntoNothing(world);
      world.sim.invariant(() => {
        world.connection.progressAtMs = Math.floor(world.sim.nowMs); // As if something had been acknowledged.
      });
    },
    "learns of the failure within R2",
  ],
  [
    "RFC 9293 §3.3.2 Figure 5: an edge that it does not have",
    ({ connection }) => connection.enter(LAST_ACK),
    "no edge from ESTABLISHED to LAST-ACK",
  ],
  [
    "bounds: memory beyond its budget",
    ({ connection, socket }) => {
      connection.tcp.memory.receive = 2 ** 40;
      socket.write("x");
    },
    "memory is within its budget",
  ],
  [
    "nothing is left after close: memory that is not given back",
    async ({ connection, socket }) => {
      connection.tcp.memory.receive += 100;
      socket.end();
      socket.resume();
      await once(socket, "close");
    },
    "100 octets of memory are left after close",
  ],
])("%s is caught", async (_what, plant, broken) => {
  const failure = await failureOf(async (sim) => {
    const { a, b, link } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    await plant({ sim, link, socket, connection: onlyConnection(sim, 0) });
    // Long enough for R2; what is broken for good may end before.
    if (!socket.destroyed) await sim.sleep(3_600_000);
  });
  expect(failure).toContain(broken);
});

test("RFC 9293 §3.3.2 Figure 5: its edges are known", () => {
  expect(isLegalEdge(SYN_SENT, ESTABLISHED)).toBe(true);
  expect(isLegalEdge(FIN_WAIT_2, TIME_WAIT)).toBe(true);
  expect(isLegalEdge(TIME_WAIT, ESTABLISHED)).toBe(false);
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
