/** The reference: `node:net` and `node:http` on the kernel's TCP. Arguments: role. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";

import { httpServer } from "./http-node.ts";
import { ANSWER, BACKLOG, PORT, ready, type Role, roleOf, SINK_PORT, SOURCE_BLOCK, SOURCE_PORT } from "./roles.ts";

async function listen(port: number, accept: (socket: Socket) => void): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy()); // A client that leaves in the middle.
    accept(socket);
  });
  server.listen({ port, backlog: BACKLOG });
  await once(server, "listening");
}

function discard(socket: Socket): void {
  socket.on("data", () => {});
}

function pour(socket: Socket): void {
  const fill = (): void => {
    while (socket.write(SOURCE_BLOCK));
  };
  socket.on("drain", fill);
  fill();
}

async function serveHttp(): Promise<void> {
  const server = httpServer();
  server.listen({ port: PORT, backlog: BACKLOG });
  await once(server, "listening");
}

const roles: Readonly<Record<Role, () => Promise<void>>> = {
  sink: () => listen(PORT, discard),
  source: () => listen(PORT, pour),
  http: serveHttp,
  "http-node": serveHttp,
  answer: () =>
    listen(PORT, (socket) => {
      socket.on("data", () => socket.write(ANSWER));
    }),
  async echo() {
    await listen(SINK_PORT, discard);
    await listen(SOURCE_PORT, pour);
    await listen(PORT, (socket) => {
      socket.on("data", (octets) => socket.write(octets));
    });
  },
  idle: () => listen(PORT, discard),
  "idle-streams": () => listen(PORT, discard),
};

await roles[roleOf(process.argv[2])]();
ready();
