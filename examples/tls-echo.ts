// A TLS server that sends back what it gets, in the shape of node:tls, and a client that tries it.
//
//   node --import ./test/support/typescript.mjs examples/tls-echo.ts [--tun tun0]
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { makeCertificate } from "./certificate.ts";
import { openLink } from "./link.ts";

const link = await openLink();
const { cert, key } = makeCertificate("echo.example", link.address);

const server = link.stack.tls.createServer({ cert, key }, (socket) => socket.pipe(socket));
server.listen(7443);
await once(server, "listening");

const socket = link.stack.tls.connect({ socket: link.connect(7443), servername: "echo.example", ca: cert });
socket.end("What comes in goes out, and nobody on the way can read it.");
console.log(await text(socket));
console.log(socket.getCipher().name);

server.close();
await link.close();
