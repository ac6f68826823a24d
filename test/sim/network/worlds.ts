import { once } from "node:events";
import type { LinkOptions, SimHost, SimLink, Simulation } from "../../../src/sim/index.ts";
import type { Socket } from "../../../src/sockets/socket.ts";
import type { TcpConfig } from "../../../src/tcp/config.ts";

/** Two hosts and the link between them. */
export interface Pair {
  readonly a: SimHost;
  readonly b: SimHost;
  readonly link: SimLink;
}

/** Nobody wants a capture of a failure that a test provokes. */
export const QUIET = { captureFile: "" } as const;

export async function pairOf(sim: Simulation, options: LinkOptions = {}, tcp: Partial<TcpConfig> = {}): Promise<Pair> {
  const a = await sim.host("a", { address: "10.0.0.1/24", tcp });
  const b = await sim.host("b", { address: "10.0.0.2/24", tcp });
  return { a, b, link: sim.link(a, b, options) };
}

/** Two hosts behind a router each, which are joined by a link with `options`. */
export async function routedPair(sim: Simulation, options: LinkOptions = {}, back = options): Promise<Pair> {
  const a = await sim.host("a", { address: "10.0.1.1/24" });
  const b = await sim.host("b", { address: "10.0.2.1/24" });
  const left = sim.router("left");
  const right = sim.router("right");
  sim.link(a, left);
  sim.link(b, right);
  return { a, b, link: sim.link(left, right, { ...options, back }) };
}

/** A server on port 7 that sends back what comes. */
export function echoOn(host: SimHost): void {
  host.net
    .createServer((socket) => {
      socket.on("error", () => undefined);
      socket.pipe(socket);
    })
    .listen(7);
}

/** Sends `octets` to the echo and waits until they are back and the connection has closed; returns what came. */
export async function echo(from: SimHost, to: SimHost, octets: Uint8Array): Promise<Buffer> {
  const socket = from.net.connect({ host: to.address, port: 7 });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.end(octets);
  await once(socket, "close");
  return Buffer.concat(chunks);
}

export async function connected(from: SimHost, to: SimHost, port = 7): Promise<Socket> {
  const socket = from.net.connect({ host: to.address, port });
  await once(socket, "connect");
  return socket;
}

/** Octets none of whose neighbourhoods look alike. */
export const octetsOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 131 + (i >> 8) * 17) & 255));

/** What `act` rejects with. */
export async function rejectionOf(act: Promise<unknown>): Promise<unknown> {
  try {
    await act;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}
