import { createServer, type Server } from "node:http";

import { BODY } from "./roles.ts";

/** A server of `node:http` that says what ours says; it listens to nobody yet. */
export function httpServer(): Server {
  const headers = { "content-type": "text/plain", "content-length": BODY.length };
  return createServer((_request, response) => {
    response.removeHeader("connection"); // Status, date, type and length.
    response.writeHead(200, headers);
    response.end(BODY);
  });
}
