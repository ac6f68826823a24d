// A server that sends back what it gets, in the shape of node:net, and a client that tries it.
//
//   node --import ./test/support/typescript.mjs examples/echo.ts [--tun tun0]
//
// Without --tun, two stacks in this process; with it, a stack on that device and the kernel's TCP as its client. Node from
// 22.18 on needs no --import.
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { openLink } from "./link.ts";

const link = await openLink();
const server = link.stack.net.createServer((socket) => socket.pipe(socket));
server.listen(7);
await once(server, "listening");

const socket = link.connect(7);
socket.end("What comes in goes out.");
console.log(await text(socket));

server.close();
await link.close();
