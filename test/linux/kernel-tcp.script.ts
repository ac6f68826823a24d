/** What `kernel-tcp.test.ts` runs in a namespace: a stack in this process, and the kernel's TCP in every state against it. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket as KernelSocket } from "node:net";
import { createInterface } from "node:readline";
import { configureInterface } from "../../src/device/tun-interface.ts";
import { TunDevice } from "../../src/device/tun.ts";
import { toAddress } from "../../src/base/address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { Stack } from "../../src/host/stack.ts";
import type { Socket } from "../../src/sockets/socket.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { Hostile } from "../fuzz/hostile.ts";
import { connected, echoed, KERNEL, must, Pattern, readAll, run, spawnScript, STACK, writeAll } from "./kernel-side.ts";
import { scale } from "./scale.ts";

const ECHO = 7;
const MIB = 1 << 20;
const pattern = new Pattern();
const timebase = new EventLoopTimebase();

async function open(options: { offload?: boolean; tcp?: Partial<TcpConfig>; address?: string[] } = {}): Promise<Stack> {
  const device = TunDevice.open({
    name: "tun0",
    address: toAddress(0xc612_0001),
    prefixLength: 24,
    up: true,
    offload: options.offload ?? true,
  });
  const address = options.address ?? [`${STACK}/24`];
  return Stack.open({ device, address, strict: true, ...(options.tcp === undefined ? {} : { tcp: options.tcp }) });
}

function listen(stack: Stack, port: number, serve: (socket: Socket) => void): void {
  stack.net.createServer({ allowHalfOpen: true }, serve).listen(port);
}

const echo = (socket: Socket): void => {
  socket.on("error", () => undefined);
  socket.pipe(socket);
};

/** Resolves once `condition` holds. It is asked again whenever some time has passed; the test's own time-out ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const active = (stack: Stack): number => stack.stats().connections.all - stack.stats().connections.timeWait;
const counter = (stack: Stack, name: string): number => stack.stats().tcp[name] ?? 0;

/** `[the kernel's socket, the stack's]` of one new connection. */
async function pair(stack: Stack, port: number, options = {}): Promise<[KernelSocket, Socket]> {
  const accepted = new Promise<Socket>((resolve) => {
    listen(stack, port, resolve);
  });
  const kernel = await connected({ port, ...options });
  return [kernel, await accepted];
}

/** Who closes first, and what each side is left with. RFC 9293 §3.6. */
async function closes(offload: boolean): Promise<unknown> {
  const stack = await open({ offload });
  const seen: Record<string, unknown> = {};
  const orders: Record<string, (kernel: KernelSocket, ours: Socket) => Promise<void>> = {
    kernelFirst: async (kernel, ours) => {
      kernel.end("last words");
      await once(ours, "end");
      ours.end("heard");
    },
    weFirst: async (kernel, ours) => {
      ours.end("last words");
      await once(kernel, "end");
      kernel.end("heard");
    },
    both: async (kernel, ours) => {
      kernel.end("last words");
      ours.end("last words");
    },
  };
  let port = 1000;
  for (const [name, order] of Object.entries(orders)) {
    const before = stack.stats().connections.timeWait;
    const [kernel, ours] = await pair(stack, port++);
    const [heard, said] = [readAll(kernel, pattern), readAll(ours as unknown as KernelSocket, pattern)];
    const closed = Promise.all([once(kernel, "close"), once(ours, "close")]);
    await order(kernel, ours);
    const octets = [(await heard).octets, (await said).octets];
    const [[kernelFailed], [weFailed]] = (await closed) as [[boolean], [boolean]];
    await until(() => active(stack) === 0);
    seen[name] = { octets, kernelFailed, weFailed, lingers: stack.stats().connections.timeWait - before };
  }
  const again = await echoes(stack);
  await stack.close();
  return { ...seen, again };
}

async function echoes(stack: Stack, octets = 100_000): Promise<boolean> {
  listen(stack, ECHO, echo);
  return echoed(ECHO, octets);
}

/** A reset in the middle, from either side. */
async function resets(): Promise<unknown> {
  const stack = await open();
  const [kernel, ours] = await pair(stack, 1000);
  ours.on("data", () => undefined);
  kernel.write("x");
  await once(ours, "data");
  kernel.resetAndDestroy();
  const [ourError] = (await once(ours, "error")) as [NodeJS.ErrnoException];
  const [other, mine] = await pair(stack, 1001);
  mine.resetAndDestroy();
  const [theirError] = (await once(other, "error")) as [NodeJS.ErrnoException];
  await until(() => stack.stats().connections.all === 0);
  const again = await echoes(stack);
  await stack.close();
  return { ours: ourError.code, theirs: theirError.code, again };
}

/** One side ends and goes on reading what the other still has to say. RFC 9293 §3.6, "half-closed". */
async function halfClose(offload: boolean): Promise<unknown> {
  const stack = await open({ offload });
  const [kernel, ours] = await pair(stack, 1000);
  kernel.end();
  await Promise.all([once(ours.resume(), "end"), Promise.resolve()]);
  const [fromUs] = await Promise.all([
    readAll(kernel, pattern),
    writeAll(ours as unknown as KernelSocket, pattern, 4 * MIB),
  ]);
  const [other, mine] = await pair(stack, 1001);
  mine.end();
  await once(other.resume(), "end");
  const [fromThem] = await Promise.all([
    readAll(mine as unknown as KernelSocket, pattern),
    writeAll(other, pattern, 4 * MIB),
  ]);
  await until(() => active(stack) === 0);
  await stack.close();
  return { fromUs, fromThem };
}

/** A peer that is stopped, so that its window closes, then goes on; and a reader of ours that pauses. RFC 9293 §3.8.6.1. */
async function zeroWindow(offload: boolean): Promise<unknown> {
  const stack = await open({ offload });
  const octets = 32 * MIB;
  listen(stack, 1000, (socket) => void writeAll(socket as unknown as KernelSocket, pattern, octets));
  const peer = spawnScript(new URL("./peer.script.ts", import.meta.url), ["read", "1000"]);
  if (peer.stdout === null) throw new Error("no standard output");
  const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
  await lines.next();
  peer.kill("SIGSTOP");
  await until(() => counter(stack, "zeroWindowProbes") >= 2);
  peer.kill("SIGCONT");
  const { value } = (await lines.next()) as { value: string };
  await once(peer, "close");

  const [kernel, ours] = await pair(stack, 1001);
  ours.pause();
  const written = writeAll(kernel, pattern, 8 * MIB);
  await until(() => ours.info()?.rcvWnd === 0);
  const reading = readAll(ours as unknown as KernelSocket, pattern);
  ours.resume();
  const [seen] = await Promise.all([reading, written]);
  ours.end();
  kernel.resume();
  await until(() => active(stack) === 0);
  const retransmitted = counter(stack, "retransSegs");
  await stack.close();
  return { stopped: JSON.parse(value) as unknown, paused: seen, retransmitted };
}

/** A peer that is killed in the middle of everything. */
async function killed(): Promise<unknown> {
  const stack = await open();
  listen(stack, 1000, echo);
  const peer = spawnScript(new URL("./peer.script.ts", import.meta.url), ["flood", "1000", "20"]);
  if (peer.stdout === null) throw new Error("no standard output");
  await once(createInterface(peer.stdout), "line");
  const before = active(stack);
  peer.kill("SIGKILL");
  await once(peer, "close");
  await until(() => stack.stats().connections.all === 0);
  const again = await echoes(stack);
  await stack.close();
  return { before, again };
}

/** Receive buffers of a few kilobytes on the kernel's side. */
async function tinyBuffers(): Promise<unknown> {
  const stack = await open();
  writeFileSync("/proc/sys/net/ipv4/tcp_rmem", "4096 4096 4096");
  writeFileSync("/proc/sys/net/ipv4/tcp_wmem", "4096 4096 4096");
  const same = await echoes(stack, 2 * MIB);
  const retransmitted = counter(stack, "retransSegs");
  await stack.close();
  return { same, retransmitted };
}

/** A counter of the kernel's, in this namespace. */
function kernelCounter(name: string): number {
  const lines = readFileSync("/proc/net/netstat", "utf8").split("\n");
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const at = lines[i]?.split(" ").indexOf(name) ?? -1;
    if (at >= 0) return Number(lines[i + 1]?.split(" ")[at]);
  }
  throw new Error(`the kernel counts no ${name}`);
}

/** Requests and answers in turn: nobody ever waits for a delayed ACK, and ACKs travel with the answers. */
async function requestResponse(): Promise<unknown> {
  const rounds = 500;
  const stack = await open();
  listen(stack, ECHO, (socket) => {
    socket.setNoDelay(true);
    echo(socket);
  });
  const socket = await connected({ port: ECHO, noDelay: true });
  const delayedBefore = kernelCounter("DelayedACKs");
  const before = counter(stack, "outSegs");
  for (let i = 0; i < rounds; i++) {
    socket.write("a request that asks for little");
    await once(socket, "data");
  }
  const sent = counter(stack, "outSegs") - before;
  const delayed = kernelCounter("DelayedACKs") - delayedBefore;
  socket.end();
  await once(socket.resume(), "end");
  await stack.close();
  return { rounds, sent, delayed };
}

/** The stack as a client of the kernel's servers. */
async function activeOpen(offload: boolean): Promise<unknown> {
  const stack = await open({ offload });
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(5007, KERNEL);
  await once(server, "listening");
  const socket = stack.net.connect({ host: KERNEL, port: 5007, allowHalfOpen: true });
  await once(socket, "connect");
  const kernelLike = socket as unknown as KernelSocket;
  const [seen] = await Promise.all([readAll(kernelLike, pattern), writeAll(kernelLike, pattern, 16 * MIB)]);
  const refused = stack.net.connect({ host: KERNEL, port: 9 });
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  server.close();
  await until(() => active(stack) === 0);
  const retransmitted = counter(stack, "retransSegs");
  await stack.close();
  return { ...seen, refused: error.code, message: error.message, retransmitted };
}

/** Four-tuples that differ in either address alone. */
async function addresses(): Promise<unknown> {
  const stack = await open({ address: [`${STACK}/24`, "198.18.0.5/24"] });
  for (const last of [3, 4]) await must("ip", "address", "add", `198.18.0.${String(last)}/24`, "dev", "tun0");
  const tuples = new Set<string>();
  listen(stack, ECHO, (socket) => {
    tuples.add(
      `${String(socket.localAddress)} ${String(socket.localPort)} ${String(socket.remoteAddress)} ${String(socket.remotePort)}`,
    );
    echo(socket);
  });
  const same: Promise<boolean>[] = [];
  for (const localAddress of [KERNEL, "198.18.0.3", "198.18.0.4"]) {
    for (const host of [STACK, "198.18.0.5"])
      same.push(echoed(ECHO, 300_000, { host, localAddress, localPort: 40_000 }));
  }
  const all = await Promise.all(same);
  await stack.close();
  return { same: all.filter(Boolean).length, tuples: [...tuples].sort() };
}

/** One port, one listening socket, very many connected ones. */
async function idle(): Promise<unknown> {
  const count = scale.idleConnections;
  const stack = await open();
  listen(stack, ECHO, echo);
  const sockets: KernelSocket[] = [];
  while (sockets.length < count) {
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => connected({ port: ECHO })))));
  }
  // The kernel is connected with our SYN-ACK; its last ACKs may still be on their way to us.
  await until(() => [...stack.tcp.connections()].every(({ stateName }) => stateName === "ESTABLISHED"));
  const listed = [...stack.tcp.connections()];
  const ports = new Set(listed.map(({ localPort }) => localPort));
  const tuples = new Set(listed.map(({ remoteAddress, remotePort }) => `${remoteAddress} ${String(remotePort)}`));
  const states = new Set(listed.map(({ stateName }) => stateName));
  let answered = 0;
  for (let i = 0; i < count; i += 50) {
    const socket = sockets[i];
    if (socket === undefined) break;
    socket.write("still there?");
    await once(socket, "data");
    answered++;
  }
  const listeners = [...stack.tcp.listeners()].length;
  const stillOpen = active(stack);
  for (const socket of sockets) socket.resume().end();
  await until(() => active(stack) === 0);
  await stack.close();
  return {
    listed: listed.length,
    tuples: tuples.size,
    ports: [...ports],
    states: [...states],
    answered,
    listeners,
    stillOpen,
  };
}

const BLOCKED_US = 5_000_000;

/** The process is busy with something else for five seconds while connections are under load: design.md §3, "a late wake-up loses nothing". */
async function blocked(): Promise<unknown> {
  const connections = 100;
  const octets = 4096 * 200;
  const stack = await open();
  listen(stack, ECHO, echo);
  const peer = spawnScript(new URL("./peer.script.ts", import.meta.url), [
    "converse",
    "7",
    String(connections),
    String(octets),
  ]);
  const bulk = spawnScript(new URL("./peer.script.ts", import.meta.url), ["flood", "7", "4"]);
  if (peer.stdout === null || bulk.stdout === null) throw new Error("no standard output");
  const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
  await Promise.all([lines.next(), once(createInterface(bulk.stdout), "line")]);
  const load = counter(stack, "inSegs");
  await until(() => counter(stack, "inSegs") > load + 2000);
  const before = counter(stack, "retransSegs");
  const segments = counter(stack, "inSegs");
  const unblockedAt = timebase.nowUs() + BLOCKED_US;
  while (timebase.nowUs() < unblockedAt);
  const { value } = (await lines.next()) as { value: string };
  const lost = counter(stack, "estabResets") + counter(stack, "attemptFails");
  const retransmitted = counter(stack, "retransSegs") - before;
  const later = counter(stack, "inSegs") - segments;
  bulk.kill("SIGKILL");
  await once(bulk, "close");
  await stack.close({ deadlineMs: 0 });
  return {
    connections,
    ...(JSON.parse(value) as object),
    lost,
    retransmitted,
    later,
  };
}

/** The device vanishes under a transfer: an error, an end, and nothing left that keeps the process alive. */
async function removed(): Promise<unknown> {
  const stack = await open();
  const [kernel, ours] = await pair(stack, 1000);
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => stack.on("error", resolve));
  const closed = new Promise<void>((resolve) => stack.on("close", resolve));
  const ourEnd = new Promise((resolve) => ours.on("close", resolve));
  ours.on("error", () => undefined);
  kernel.on("error", () => undefined);
  void writeAll(ours as unknown as KernelSocket, pattern, 1 << 30).catch(() => undefined);
  await once(kernel, "data");
  await must("ip", "link", "delete", "tun0");
  const error = await failed;
  await Promise.all([closed, ourEnd]);
  kernel.destroy();
  return { code: error.code, left: stack.stats().connections.all };
}

/** Puts each datagram that it reads (two octets of length before it) on the device, past the kernel's own checks. */
const RAW_SENDER = `
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0x0800)
out.bind(("tun0", 0x0800))
data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    end = at + 2 + int.from_bytes(data[at:at + 2], "big")
    try:
        out.send(data[at + 2:end])
    except OSError:
        pass
    at = end
`;

/** Hostile datagrams through a real device, beside a conversation with the kernel that goes on. */
async function hostile(): Promise<unknown> {
  const stack = await open();
  listen(stack, ECHO, echo);
  const socket = await connected({ port: ECHO });
  const source = new Hostile(new SeededRandom(11), socket.localPort ?? 0);
  const datagrams: Buffer[] = [];
  for (let i = 0; i < scale.hostileDatagrams; i++) {
    const bytes = source.next();
    if (bytes.length > 0) datagrams.push(Buffer.from([bytes.length >>> 8, bytes.length & 255]), Buffer.from(bytes));
  }
  const talking = Promise.all([readAll(socket, pattern), writeAll(socket, pattern, 16 * MIB)]);
  const { status, stderr } = await run("python3", ["-c", RAW_SENDER], Buffer.concat(datagrams));
  const [seen] = await talking;
  const again = await echoed(ECHO, 100_000);
  const { drops, tcp } = stack.stats();
  const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0) + (tcp["inErrs"] ?? 0);
  await stack.close({ deadlineMs: 0 });
  return { ...seen, again, dropped, broken: tcp["brokenInvariants"], sender: status === 0 ? "sent" : stderr };
}

const verbs: Record<string, () => Promise<unknown>> = {
  closes: () => closes(true),
  closesPlain: () => closes(false),
  resets,
  halfClose: () => halfClose(true),
  halfClosePlain: () => halfClose(false),
  zeroWindow: () => zeroWindow(true),
  zeroWindowPlain: () => zeroWindow(false),
  killed,
  tinyBuffers,
  requestResponse,
  activeOpen: () => activeOpen(true),
  activeOpenPlain: () => activeOpen(false),
  addresses,
  idle,
  blocked,
  removed,
  hostile,
};

configureInterface("lo", { up: true });
const verb = verbs[process.argv[2] ?? ""];
if (verb === undefined) throw new Error(`no verb ${process.argv[2] ?? ""}`);
process.stdout.write(JSON.stringify(await verb()));
