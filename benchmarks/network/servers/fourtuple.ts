/** The subject: the built stack on a TUN. Arguments: role, folder of the build, device, its own address with prefix. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { ANSWER, BODY, PORT, ready, type Role, roleOf, SOURCE_BLOCK } from "./roles.ts";

type Public = typeof import("../../../src/index.ts");
type Stack = import("../../../src/index.ts").Stack;

const [role, dist = "", device = "", address = ""] = process.argv.slice(2);
const { HeaderBlock, Stack, tun } = (await import(pathToFileURL(join(dist, "index.js")).href)) as Public;

const hangUp = (connection: { end(): void }): void => {
  connection.end();
};

const roles: Readonly<Record<Role, (stack: Stack) => void>> = {
  sink(stack) {
    stack.tcp.listen({ port: PORT, handler: { data() {}, end: hangUp } });
  },
  source(stack) {
    const fill = (connection: { send(octets: Uint8Array): boolean }): void => {
      while (connection.send(SOURCE_BLOCK));
    };
    stack.tcp.listen({ port: PORT, handler: { data() {}, drain: fill }, accept: fill });
  },
  http(stack) {
    const headers = new HeaderBlock({ "content-type": "text/plain" });
    stack.http
      .createServer((_request, response) => {
        response.send(200, headers, BODY);
      })
      .listen(PORT);
  },
  answer(stack) {
    stack.tcp.listen({
      port: PORT,
      backlog: 4096,
      handler: {
        data(connection) {
          connection.send(ANSWER);
        },
        end: hangUp,
      },
    });
  },
};

roles[roleOf(role)](await Stack.open({ device: tun(device), address }));
ready();
