// An HTTP server over the stack's own callback API, and node:http as its client through the stack's sockets.
//
//   node --import ./test/support/typescript.mjs examples/http-server.ts [--tun tun0]
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { openLink } from "./link.ts";

const link = await openLink();
const server = link.stack.http.createServer(async (request, response) => {
  if (request.method === "POST") response.send(200, { "content-type": "text/plain" }, await request.body.bytes());
  else response.send(200, { "content-type": "text/plain" }, `You asked for ${request.path}\n`);
});
server.listen({ port: 80 });

const answer = await new Promise<IncomingMessage>((resolve, reject) => {
  // No agent: where there is one, it opens its own connections.
  const options = { host: link.address, path: "/examples", createConnection: () => link.connect(80) };
  get(options, resolve).on("error", reject);
});
console.log(answer.statusCode, await text(answer));

await server.close();
await link.close();
