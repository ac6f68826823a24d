/**
 * Simulated seconds per second of a busy link of 10 Mbit/s and 20 ms round trip: one connection and ten, by streams and by
 * the callback API. `node --import ./test/support/typescript.mjs test/sim/network/speed.script.ts`.
 */
import { once } from "node:events";
import { type SimHost, simulate } from "../../../src/sim/index.ts";

/** Octets of one run: some 100 s of the link's time. */
const OCTETS = 120_000_000;
const CHUNK = Buffer.alloc(65_536, 7);

type Receiver = "streams" | "callbacks";

function listen(host: SimHost, receiver: Receiver): void {
  if (receiver === "streams") host.net.createServer((socket) => socket.resume()).listen(9);
  else host.tcp.listen({ port: 9, handler: { data: () => undefined, end: (connection) => connection.end() } });
}

async function send(from: SimHost, to: SimHost, octets: number): Promise<void> {
  const socket = from.net.connect({ host: to.address, port: 9 });
  await once(socket, "connect");
  for (let left = octets; left > 0; left -= CHUNK.length) if (!socket.write(CHUNK)) await once(socket, "drain");
  socket.end();
  socket.resume();
  await once(socket, "close");
}

async function run(connections: number, receiver: Receiver): Promise<void> {
  const before = process.cpuUsage();
  const { value, events } = await simulate({ seed: 1, captureFile: "" }, async (sim) => {
    const a = await sim.host("a", { address: "10.0.0.1/24" });
    const b = await sim.host("b", { address: "10.0.0.2/24" });
    sim.link(a, b, { rateBitsPerSecond: 10e6, delayMs: 10, queueOctets: 64_000 });
    listen(b, receiver);
    await Promise.all(Array.from({ length: connections }, () => send(a, b, OCTETS / connections)));
    return sim.nowMs;
  });
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  const ratio = value / 1000 / seconds;
  process.stdout.write(
    `${String(connections).padStart(2)} ${receiver.padEnd(9)} ${(value / 1000).toFixed(1)} s simulated in ${seconds.toFixed(2)} s of CPU: ` +
      `${ratio.toFixed(0)} per second, ${((seconds * 1e6) / events).toFixed(1)} us per event\n`,
  );
}

for (const receiver of ["callbacks", "streams"] as const) {
  for (const connections of [1, 10]) await run(connections, receiver);
}
