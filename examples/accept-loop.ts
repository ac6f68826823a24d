// One port, one listening socket, many connected sockets: prints them all as connections come.
//
//   node --import ./test/support/typescript.mjs examples/accept-loop.ts [--tun tun0]
import { once } from "node:events";
import { socketRows, socketTable } from "fourtuple";
import { openLink } from "./link.ts";

const CLIENTS = 3;

const link = await openLink();
const server = link.stack.net.createServer();
server.listen(80);
await once(server, "listening");
console.log(`listening\n${socketTable(socketRows(link.stack))}`);

const clients = [];
for (let i = 0; i < CLIENTS; i++) {
  const accepted = once(server, "connection");
  clients.push(link.connect(80));
  await accepted;
  // Each accept makes a socket, and no port: the local port stays 80, the four-tuples differ.
  console.log(`accepted ${i + 1}\n${socketTable(socketRows(link.stack))}`);
}

for (const client of clients) client.destroy();
server.close();
await once(server, "close");
await link.close();
