/** The subject: the built stack on a TUN. Arguments: role, folder of the build, device, its own address with prefix, "offload" or "plain". */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { httpServer } from "./http-node.ts";
import {
  ANSWER,
  BACKLOG,
  BODY,
  PORT,
  ready,
  type Role,
  roleOf,
  SINK_PORT,
  SOURCE_BLOCK,
  SOURCE_PORT,
} from "./roles.ts";

type Public = typeof import("../../../src/index.ts");
type Stack = import("../../../src/index.ts").Stack;

const [role, dist = "", device = "", address = "", link = ""] = process.argv.slice(2);
const { HeaderBlock, Stack, tun } = (await import(pathToFileURL(join(dist, "index.js")).href)) as Public;

const hangUp = (connection: { end(): void }): void => {
  connection.end();
};

function sink(stack: Stack, port: number): void {
  stack.tcp.listen({ port, handler: { data() {}, end: hangUp } });
}

function source(stack: Stack, port: number): void {
  const fill = (connection: { send(octets: Uint8Array): boolean }): void => {
    while (connection.send(SOURCE_BLOCK));
  };
  stack.tcp.listen({ port, handler: { data() {}, drain: fill }, accept: fill });
}

const roles: Readonly<Record<Role, (stack: Stack) => void>> = {
  sink(stack) {
    sink(stack, PORT);
  },
  source(stack) {
    source(stack, PORT);
  },
  http(stack) {
    const headers = new HeaderBlock({ "content-type": "text/plain" });
    stack.http
      .createServer((_request, response) => {
        response.send(200, headers, BODY);
      })
      .listen(PORT);
  },
  "http-node"(stack) {
    const http = httpServer();
    stack.net
      .createServer({ noDelay: true }, (socket) => {
        http.emit("connection", socket);
      })
      .listen({ port: PORT, backlog: BACKLOG });
  },
  answer(stack) {
    stack.tcp.listen({
      port: PORT,
      backlog: BACKLOG,
      handler: {
        data(connection) {
          connection.send(ANSWER);
        },
        end: hangUp,
      },
    });
  },
  echo(stack) {
    stack.tcp.listen({
      port: PORT,
      handler: {
        data(connection, octets, start, end) {
          connection.sendCopy(octets.subarray(start, end));
        },
        end: hangUp,
      },
      accept(connection) {
        connection.setNoDelay(true);
      },
    });
    sink(stack, SINK_PORT);
    source(stack, SOURCE_PORT);
  },
  idle(stack) {
    stack.tcp.listen({ port: PORT, backlog: BACKLOG, handler: { data() {}, end: hangUp } });
  },
  "idle-streams"(stack) {
    stack.net
      .createServer((socket) => {
        socket.on("error", () => socket.destroy()).on("data", () => {});
      })
      .listen({ port: PORT, backlog: BACKLOG });
  },
};

roles[roleOf(role)](await Stack.open({ device: tun(device, { offload: link !== "plain" }), address }));
ready();
