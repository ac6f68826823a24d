/** The reference: `node:net` and `node:http` on the kernel's TCP. Arguments: role. */
import { createServer as createHttpServer } from "node:http";
import { createServer, type Socket } from "node:net";

import { ANSWER, BODY, PORT, ready, type Role, roleOf, SOURCE_BLOCK } from "./roles.ts";

const BACKLOG = 4096;

function listen(accept: (socket: Socket) => void): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy()); // A client that leaves in the middle.
    accept(socket);
  });
  server.listen({ port: PORT, backlog: BACKLOG }, ready);
}

const roles: Readonly<Record<Role, () => void>> = {
  sink() {
    listen((socket) => {
      socket.on("data", () => {});
    });
  },
  source() {
    listen((socket) => {
      const fill = (): void => {
        while (socket.write(SOURCE_BLOCK));
      };
      socket.on("drain", fill);
      fill();
    });
  },
  http() {
    const headers = { "content-type": "text/plain", "content-length": BODY.length };
    const server = createHttpServer((_request, response) => {
      response.removeHeader("connection"); // Status, date, type and length: what our server says.
      response.writeHead(200, headers);
      response.end(BODY);
    });
    server.listen({ port: PORT, backlog: BACKLOG }, ready);
  },
  answer() {
    listen((socket) => {
      socket.on("data", () => socket.write(ANSWER));
    });
  },
};

roles[roleOf(process.argv[2])]();
