/**
 * What `kernel.test.ts` runs as root of a private user and network namespace: one verb a run, its findings as JSON.
 * The kernel has 198.18.0.1 on the device; 198.18.0.2 is whoever reads it.
 */
import { createSocket } from "node:dgram";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { Worker } from "node:worker_threads";

import { toAddress } from "../../src/base/address.ts";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import {
  type InterfaceState,
  configureInterface,
  interfaceState,
  persistTun,
  removeTun,
} from "../../src/device/tun-interface.ts";
import { TunDevice, type TunError, type TunOptions } from "../../src/device/tun.ts";

const HERE = toAddress(0xc612_0001);
const THERE = toAddress(0xc612_0002);
const CYCLES = 10_000;

const openPair = (options: TunOptions = {}): TunDevice =>
  TunDevice.open({ name: "tun0", address: HERE, prefixLength: 24, peer: THERE, up: true, ...options });

const descriptors = (): number => readdirSync("/proc/self/fd").length;

const silent = { readable: () => undefined, writable: () => undefined, down: () => undefined };

/** Resolves with what `down` tells. */
const downOf = (device: TunDevice, act: () => void): Promise<TunError | null> =>
  new Promise((resolve) => {
    const rx = new RxBatch();
    device.start({
      ...silent,
      readable: () => device.read(rx),
      down: (error) => {
        resolve(error as TunError | null);
      },
    });
    act();
  });

/** Adds one UDP datagram to 198.18.0.1, `port`; its text lies in two pieces. Checksum 0: none (RFC 768). */
function putUdp(tx: TxBatch, port: number, words: readonly [string, string]): void {
  const pieces = words.map((word) => Buffer.from(word));
  const row = tx.open(8);
  for (const piece of pieces) tx.addPiece(piece, 0, piece.length);
  const view = tx.head.view;
  const at = tx.headerAt(row);
  view.setUint32(at, 0x4500_0000 | tx.length[row]);
  view.setUint32(at + 4, 0);
  view.setUint32(at + 8, 0x4011_0000); // TTL 64, UDP.
  view.setInt32(at + 12, THERE);
  view.setInt32(at + 16, HERE);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(at + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at + 10, ~sum & 0xffff);
  view.setUint16(at + 20, 7);
  view.setUint16(at + 22, port);
  view.setUint16(at + 24, tx.length[row] - 20);
  view.setUint16(at + 26, 0);
}

/** Opened, polled, closed: with a device that stays, so that the kernel's own making of one is not what is measured. */
async function cycles(): Promise<unknown> {
  persistTun("tun0");
  const cycle = (): void => {
    const device = TunDevice.open({ name: "tun0" });
    device.start(silent);
    device.close();
  };
  const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < CYCLES / 10; i++) cycle();
  await breathe();
  globalThis.gc?.();
  const before = { descriptors: descriptors(), octets: process.memoryUsage.rss() };
  for (let i = 0; i < CYCLES; i++) {
    cycle();
    if (i % 100 === 0) await breathe();
  }
  await breathe();
  globalThis.gc?.();
  const after = { descriptors: descriptors(), octets: process.memoryUsage.rss() };
  return { cycles: CYCLES, descriptors: after.descriptors - before.descriptors, octets: after.octets - before.octets };
}

/** Closes with a poll active, and counts descriptors in the same turn. The process then ends by itself. */
function closesAtOnce(): unknown {
  const before = descriptors();
  const device = openPair();
  device.start(silent);
  const open = descriptors();
  device.close();
  device.close();
  return { opened: open > before, left: descriptors() - before };
}

/** Stays open and polled, but unreferenced: the process ends all the same. */
function unreferenced(early: boolean): unknown {
  const device = openPair();
  if (early) device.unref();
  device.start(silent);
  if (!early) device.unref();
  return { name: device.name };
}

function configured(): unknown {
  configureInterface("lo", { up: true });
  const device = openPair({ mtu: 1400 });
  const state = interfaceState("tun0") as InterfaceState;
  device.close();
  const { up, mtu, address, peer, prefixLength } = state;
  return {
    device: { up, mtu, address, peer, prefixLength, deviceMtu: device.mtu },
    lo: interfaceState("lo")?.up,
    after: interfaceState("tun0"),
  };
}

/** Queues: of a device made, of one found short, of one found long, as it was named, and of `lo`. */
function queueLengths(): unknown {
  const before = descriptors();
  const lengthOf = (name: string): number | undefined => interfaceState(name)?.queueLength;
  const opened = (options: TunOptions = {}): number | undefined => {
    const device = openPair(options);
    const length = lengthOf("tun0");
    device.close();
    return length;
  };
  const made = opened();
  persistTun("tun0");
  const persisted = lengthOf("tun0");
  configureInterface("tun0", { queueLength: 500 });
  const short = opened();
  configureInterface("tun0", { queueLength: 10_000 });
  const long = opened();
  const named = opened({ queueLength: 20 });
  configureInterface("lo", { queueLength: 77 });
  return { made, persisted, short, long, named, lo: lengthOf("lo"), left: descriptors() - before };
}

/** A burst of the kernel's datagrams is read in one call, and each is answered out of two pieces. */
async function batch(offload: boolean): Promise<unknown> {
  const device = openPair({ offload });
  const socket = createSocket("udp4").bind(0, "198.18.0.1");
  await once(socket, "listening");
  const port = socket.address().port;
  const rx = new RxBatch();
  const tx = new TxBatch();
  const burst = 20;
  for (let i = 0; i < burst; i++) {
    await new Promise<void>((resolve) => {
      socket.send("x".repeat(i), 9, "198.18.0.2", () => {
        resolve();
      });
    });
  }
  let mostAtOnce = 0;
  const lengths: number[] = [];
  await new Promise<void>((resolve) => {
    device.start({
      ...silent,
      readable: () => {
        device.read(rx);
        let udp = 0;
        for (let row = 0; row < rx.rows; row++) {
          if (rx.frame.bytes[rx.at[row]] !== 0x45 || rx.frame.bytes[rx.at[row] + 9] !== 17) continue;
          udp++;
          lengths.push(rx.end[row] - rx.at[row] - 28);
        }
        mostAtOnce = Math.max(mostAtOnce, udp);
        if (lengths.length >= burst) resolve();
      },
    });
  });
  const answers: string[] = [];
  const answered = new Promise<void>((resolve) => {
    socket.on("message", (message) => {
      answers.push(message.toString());
      if (answers.length === 2) resolve();
    });
  });
  putUdp(tx, port, ["one ", "answer"]);
  putUdp(tx, port, ["y".repeat(2000), "too long for the link"]);
  putUdp(tx, port, ["", "another"]);
  device.write(tx);
  await answered;
  socket.close();
  device.close();
  return { mostAtOnce, lengths, answers, pending: tx.pending, counters: device.counters };
}

/**
 * Sends each TCP segment back with its addresses exchanged, so that the kernel's TCP talks to itself through the device; the sum
 * over the pseudo-header stays the same. Text goes as two pieces.
 */
function reflect(device: TunDevice): { superIn: number; vouched: number } {
  const seen = { superIn: 0, vouched: 0 };
  const rx = new RxBatch();
  const tx = new TxBatch();
  const slab = rx.frame.bytes;
  const turn = (): void => {
    while (device.read(rx) > 0) {
      for (let row = 0; row < rx.rows; row++) {
        const at = rx.at[row];
        if (slab[at] !== 0x45 || slab[at + 9] !== 6) continue;
        if (rx.gsoSize[row] > 0) seen.superIn++;
        seen.vouched += rx.vouched[row];
        const headerLength = 20 + (slab[at + 32] >> 4) * 4;
        const out = tx.open(headerLength - 20);
        const to = tx.headerAt(out);
        tx.head.bytes.set(slab.subarray(at, at + headerLength), to);
        tx.head.bytes.set(slab.subarray(at + 16, at + 20), to + 12);
        tx.head.bytes.set(slab.subarray(at + 12, at + 16), to + 16);
        const text = rx.end[row] - at - headerLength;
        const half = text >> 1;
        if (half > 0) tx.addPiece(slab, at + headerLength, half);
        if (text > 0) tx.addPiece(slab, at + headerLength + half, text - half);
        // What the kernel vouches for it has not finished; without it, the field is right.
        if (rx.vouched[row] === 1 && device.offload.segmentMax > 0) {
          tx.checksumFrom[out] = 20;
          tx.checksumAt[out] = 36;
        }
        tx.gsoSize[out] = rx.gsoSize[row];
      }
      device.write(tx);
    }
  };
  device.start({ ...silent, readable: turn, writable: turn });
  return seen;
}

async function reflected(offload: boolean): Promise<unknown> {
  const device = openPair({ offload });
  const seen = reflect(device);
  const octets = Buffer.alloc(8 << 20, "fourtuple ");
  const server = createServer((socket) => {
    const hash = createHash("sha256");
    socket.on("data", (chunk) => hash.update(chunk)).on("end", () => socket.end(hash.digest("hex")));
  }).listen(0, "198.18.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: "198.18.0.2", localAddress: "198.18.0.1", allowHalfOpen: true });
  client.end(octets);
  const answer = await text(client);
  server.close();
  device.close();
  const { txUnfit, txRefused, txNoLink, rxMalformed } = device.counters;
  const same = answer === createHash("sha256").update(octets).digest("hex");
  return { same, ...seen, offload: device.offload, txUnfit, txRefused, txNoLink, rxMalformed };
}

/** Nothing is written: only a notice can tell that the link went down. */
async function setDown(): Promise<unknown> {
  const device = openPair();
  const error = await downOf(device, () => {
    configureInterface("tun0", { up: false });
  });
  const tx = new TxBatch();
  putUdp(tx, 9, ["late", ""]);
  device.write(tx);
  const { txNoLink } = device.counters;
  device.close();
  return {
    code: error?.code,
    message: error?.message,
    pending: tx.pending,
    txNoLink,
    read: device.read(new RxBatch()),
  };
}

/** Attached before an administrator sets it up: datagrams are lost, the device is not. */
async function setUpLater(): Promise<unknown> {
  const device = TunDevice.open({ name: "tun0", address: HERE, prefixLength: 24, up: false });
  const tx = new TxBatch();
  let downs = 0;
  const rx = new RxBatch();
  device.start({ ...silent, readable: () => device.read(rx), down: () => downs++ });
  putUdp(tx, 9, ["early", ""]);
  device.write(tx);
  const lost = device.counters.txNoLink;
  configureInterface("tun0", { mtu: 1300, up: true });
  const socket = createSocket("udp4").bind(0, "198.18.0.1");
  await once(socket, "listening");
  const arrived = once(socket, "message");
  putUdp(tx, socket.address().port, ["now", ""]);
  device.write(tx);
  const [message] = (await arrived) as [Buffer];
  await new Promise((resolve) => setImmediate(resolve));
  const { mtu } = device;
  socket.close();
  device.close();
  return { lost, downs, message: message.toString(), mtu };
}

/** Removed while nothing is written (`write` false), or found so by a write in the same turn. */
async function removed(write: boolean): Promise<unknown> {
  const device = openPair();
  const tx = new TxBatch();
  let insideWrite = false;
  let toldInside = false;
  let told: TunError | null = null;
  await new Promise<void>((resolve) => {
    device.start({
      ...silent,
      down: (error) => {
        toldInside = insideWrite;
        told = error as TunError | null;
        resolve();
      },
    });
    spawnSync("ip", ["link", "delete", "tun0"]);
    if (!write) return;
    putUdp(tx, 9, ["a", "b"]);
    putUdp(tx, 9, ["c", "d"]);
    insideWrite = true;
    device.write(tx);
    insideWrite = false;
  });
  const { code, errno } = told as unknown as TunError;
  const before = descriptors();
  device.close();
  return { code, errno, toldInside, pending: tx.pending, counters: device.counters, closed: before - descriptors() };
}

function errors(): unknown {
  const failure = (act: () => unknown): unknown => {
    try {
      act();
      return null;
    } catch (error) {
      const { name, code, errno, syscall, message } = error as TunError;
      return { name, code, errno, syscall, message };
    }
  };
  const first = openPair();
  const busy = failure(() => openPair());
  const before = descriptors();
  const loopback = failure(() => TunDevice.open({ name: "lo" }));
  const badMtu = failure(() => TunDevice.open({ name: "tun1", mtu: 10 }));
  const leaked = descriptors() - before;
  const long = failure(() => TunDevice.open({ name: "a-name-of-16-oct" }));
  const missing = failure(() => {
    configureInterface("tun7", { up: true });
  });
  first.close();
  return { busy, loopback, badMtu, leaked, long, missing, removed: removeTun("tun0") };
}

function queues(): unknown {
  const first = openPair({ multiQueue: true });
  const second = TunDevice.open({ name: "tun0", multiQueue: true });
  const named = second.name;
  first.close();
  const alive = interfaceState("tun0") !== null;
  second.close();
  const chosen = TunDevice.open({ name: "vpn%d" });
  const { name } = chosen;
  chosen.close();
  const made = persistTun("keep%d", { owner: 0, group: 0, multiQueue: true });
  return {
    named,
    alive,
    gone: interfaceState("tun0") === null,
    name,
    made,
    kept: interfaceState(made) !== null,
    removed: removeTun(made),
  };
}

/** Workers that end on their own, and that are ended, with a device open and polled: nothing of them stays. */
async function workers(): Promise<unknown> {
  const before = descriptors();
  const endings: unknown[] = [];
  for (const how of ["returns", "terminated", "closes", "terminated"]) {
    const worker = new Worker(new URL("./worker.script.ts", import.meta.url), { argv: [how] });
    const [opened] = (await once(worker, "message")) as [string];
    if (how === "terminated") await worker.terminate();
    else await once(worker, "exit");
    endings.push([how, opened, interfaceState(opened) === null]);
  }
  return { endings, left: descriptors() - before };
}

const verbs: Record<string, () => unknown> = {
  cycles,
  closesAtOnce,
  unreferenced: () => unreferenced(false),
  unreferencedEarly: () => unreferenced(true),
  configured,
  queueLengths,
  batch: () => batch(true),
  batchPlain: () => batch(false),
  reflected: () => reflected(true),
  reflectedPlain: () => reflected(false),
  setDown,
  setUpLater,
  removed: () => removed(false),
  removedWrite: () => removed(true),
  errors,
  queues,
  workers,
};
const verb = verbs[process.argv[2] ?? ""];
if (verb === undefined) throw new Error(`no verb ${process.argv[2] ?? ""}`);
process.stdout.write(JSON.stringify(await verb()));
