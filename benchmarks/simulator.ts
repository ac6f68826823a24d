/**
 * How much simulated time of a busy link passes in a second: 10 Mbit/s, 20 ms round trip, datagrams of 1,500 octets, one
 * connection and ten, taken by callbacks and by streams; captures and invariants as in any run. The goal of `docs/simulator.md`
 * is 100 seconds per second, on a machine that has nothing else to do; where others are at work the figure per second of
 * CPU tells more.
 */
import { once } from "node:events";
import { type SimHost, simulate } from "../src/sim/index.ts";
import type { Bench } from "./harness.ts";

/** Some 2.5 s and 100 s of the link's time. */
const OCTETS = { smoke: 3_000_000, full: 120_000_000 } as const;
const CHUNK = Buffer.alloc(65_536, 7);
const RUNS = { smoke: 1, full: 3 } as const;

type Receiver = "callbacks" | "streams";

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

/** Seconds of virtual time that `octets` took. */
async function transfer(octets: number, connections: number, receiver: Receiver): Promise<number> {
  const { virtualMs } = await simulate({ seed: 1, captureFile: "" }, async (sim) => {
    const a = await sim.host("a", { address: "10.0.0.1/24" });
    const b = await sim.host("b", { address: "10.0.0.2/24" });
    sim.link(a, b, { rateBitsPerSecond: 10e6, delayMs: 10, queueOctets: 64_000 });
    listen(b, receiver);
    await Promise.all(Array.from({ length: connections }, () => send(a, b, octets / connections)));
  });
  return virtualMs / 1000;
}

export async function simulator(bench: Bench): Promise<void> {
  const size = bench.isSmoke ? "smoke" : "full";
  for (const receiver of ["callbacks", "streams"] as const) {
    for (const connections of [1, 10]) {
      let [wall, cpu] = [0, 0];
      for (let run = 0; run < RUNS[size]; run++) {
        const [beganMs, before] = [performance.now(), process.cpuUsage()];
        const simulated = await transfer(OCTETS[size], connections, receiver);
        const { user, system } = process.cpuUsage(before);
        wall = Math.max(wall, simulated / ((performance.now() - beganMs) / 1000));
        cpu = Math.max(cpu, simulated / ((user + system) / 1e6));
      }
      const name = `sim: 10 Mbit/s, ${String(connections)} by ${receiver}`;
      bench.figure(name, wall, "simulated s / s");
      bench.figure(name, cpu, "simulated s / s of CPU");
    }
  }
}
