/** The peer of every server under test: `node:tls` on the kernel's TCP. Arguments: task, address, port, ms. Prints a `LoadReport`. */
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";

import type { LoadReport } from "../network/load.ts";
import { BULK_BLOCK, memberOf, PEER_TASKS, type PeerTask, PING_OCTETS, SUITE } from "./roles.ts";

/** Handshakes under way at a time. */
const CONCURRENCY = 8;

const [taskName, host = "", portText = "", msText = ""] = process.argv.slice(2);
const ms = Number(msText);

const dial = (session?: Buffer): TLSSocket =>
  connect({
    host,
    port: Number(portText),
    ...(session === undefined ? {} : { session }),
    ciphers: SUITE,
    maxVersion: "TLSv1.2",
    rejectUnauthorized: false,
    // A name would be checked, an address is no name.
    servername: "",
  });

type Counts = Pick<LoadReport, "operations" | "octets" | "errors">;

async function firstSession(): Promise<Buffer> {
  const socket = dial();
  const [session] = (await once(socket, "session")) as [Buffer];
  socket.destroy();
  return session;
}

/** Several at a time, so that the server always has one to work on. */
async function handshakes(session?: Buffer): Promise<Counts> {
  const deadline = performance.now() + ms;
  const counts = { operations: 0, octets: 0, errors: 0 };
  const repeat = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const socket = dial(session);
      await once(socket, "secureConnect");
      if (socket.isSessionReused() !== (session !== undefined)) counts.errors++;
      counts.operations++;
      socket.end();
      socket.on("error", () => socket.destroy()).resume();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, repeat));
  return counts;
}

/** One open connection; the clock starts with it. */
async function open(): Promise<TLSSocket> {
  const socket = dial();
  await once(socket, "secureConnect");
  socket.setNoDelay(true);
  return socket;
}

/** Waits until the time is up; once more where the machine was too busy for anything to come or go. */
async function until(enough: () => boolean): Promise<void> {
  do await pause(ms);
  while (!enough());
}

async function receive(): Promise<Counts> {
  const socket = await open();
  const counts = { operations: 0, octets: 0, errors: 0 };
  socket.on("data", (chunk: Buffer) => {
    counts.octets += chunk.length;
    counts.operations++;
  });
  await until(() => counts.octets > 0);
  return counts;
}

/** What lies in buffers in the end does not count. */
async function send(): Promise<Counts> {
  const socket = await open();
  let operations = 0;
  const fill = (): void => {
    do operations++;
    while (socket.write(BULK_BLOCK));
  };
  const octets = (): number => operations * BULK_BLOCK.length - socket.writableLength;
  socket.on("drain", fill);
  fill();
  await until(() => octets() > 0);
  return { operations, octets: octets(), errors: 0 };
}

async function pingPong(): Promise<Counts> {
  const socket = await open();
  const ping = Buffer.alloc(PING_OCTETS, "x");
  const counts = { operations: 0, octets: 0, errors: 0 };
  socket.on("data", (chunk: Buffer) => {
    counts.octets += chunk.length;
    if (counts.octets % PING_OCTETS !== 0) return;
    counts.operations++;
    socket.write(ping);
  });
  socket.write(ping);
  await until(() => counts.operations > 0);
  return counts;
}

const tasks: Readonly<Record<PeerTask, () => Promise<Counts>>> = {
  full: () => handshakes(),
  resumed: async () => handshakes(await firstSession()),
  receive,
  send,
  "ping-pong": pingPong,
};

const began = performance.now();
const counts = await tasks[memberOf(PEER_TASKS, taskName)]();
const { user, system } = process.cpuUsage();
const seconds = (performance.now() - began) / 1000;
const report: LoadReport = { ...counts, seconds, cpuSeconds: (user + system) / 1e6 };
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit());
