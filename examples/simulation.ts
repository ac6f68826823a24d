// A transfer that a flaky link, a router and a paused server cannot harm, in virtual time: the same on every run.
//
//   node --import ./test/support/typescript.mjs examples/simulation.ts [SEED]
//
// Node from 22.18 on needs no --import.
import { buffer } from "node:stream/consumers";
import { simulate } from "fourtuple/sim";

const seed = Number(process.argv[2] ?? 7);

const { value, virtualMs, faults } = await simulate({ seed }, async (sim) => {
  const client = await sim.host("client", { address: "10.0.1.1/24" });
  const server = await sim.host("server", { address: "10.0.2.1/24" });
  const router = sim.router("router");
  sim.link(client, router, { rateBitsPerSecond: 10e6, delayMs: 2, queueOctets: 20_000 });
  sim.link(router, server, { delayMs: 20, jitterMs: 3, loss: 0.02, reorder: 0.02, duplicate: 0.01, corrupt: 0.01 });

  server.net.createServer((socket) => socket.pipe(socket)).listen(7);
  sim.at(200, () => server.pause());
  sim.at(900, () => server.resume());

  const sent = Buffer.alloc(300_000, "All of it comes back. ");
  const socket = client.net.connect({ host: server.address, port: 7 });
  socket.end(sent);
  return (await buffer(socket)).equals(sent);
});

console.log(
  `seed ${seed}: ${value ? "all of it came back" : "something is missing"} in ${virtualMs} ms of virtual time`,
);
console.log(faults);
