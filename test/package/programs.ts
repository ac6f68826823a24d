/** A user's program that touches every part of the public surface; it is compiled and not run. */
export const CONSUMER = `
import { once } from "node:events";
import { captured, cubic, impaired, memoryPair, EventLoopTimebase, NetError, newReno, Stack, tun } from "fourtuple";
import type { HttpHandler, StackOptions, TcpHandler, TcpSettings, TcpSocket } from "fourtuple";
import { simulate } from "fourtuple/sim";
import manifest from "fourtuple/package.json" with { type: "json" };

const options: StackOptions = { device: tun("tun0", { mtu: 1400 }), address: ["198.18.0.2/24"], tcp: { congestion: newReno } };
await using stack = await Stack.open(options);

const server = stack.net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.setNoDelay(true).on("data", (chunk: Buffer) => socket.write(chunk));
});
server.listen({ port: 7 });
await once(server, "listening");
const client = stack.net.connect({ port: 7, host: "127.0.0.1" });
client.on("error", (error) => {
  if (error instanceof NetError && error.code === "ECONNREFUSED") console.log(error.address, error.port);
});

const settings: TcpSettings = { keepAlive: { idleMs: 1000 }, congestion: cubic };
const handler: TcpHandler = {
  data(connection: TcpSocket, octets, start, end) {
    connection.configure(settings);
    connection.sendCopy(octets.subarray(start, end));
  },
};
stack.tcp.listen({ port: 9, handler });

const respond: HttpHandler = (request, response) => response.send(200, {}, request.path);
stack.http.createServer(respond).listen({ port: 80 });

const [left] = memoryPair({ timebase: new EventLoopTimebase() });
const retransmitted: number = stack.stats().tcp["retransSegs"] ?? 0;
const version: string = manifest.version;
const { virtualMs } = await simulate({ seed: 1 }, async (sim) => (await sim.host("a", { address: "10.0.0.1/24" })).address);
console.log(left.name, retransmitted, version, virtualMs, captured, impaired);
`;

/** Starts server.mjs in its own process, and lets curl fetch argv[2] through the kernel's TCP. */
export const CURLS_ITSELF = `
import { execFile } from "node:child_process";
await import("./server.mjs");
execFile("curl", ["-sS", "-m", "20", process.argv[2]], (error, stdout, stderr) => {
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exit(error === null ? 0 : 1);
});
`;
