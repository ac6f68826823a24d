import { createServer, Agent, get, request, type IncomingMessage } from "node:http";
import * as http2 from "node:http2";
import { describe, expect, test } from "vitest";

import type { Socket } from "../../src/sockets/socket.ts";
import { event, fakeNet, turn } from "./fake-net.ts";

const textOf = async (message: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** `node:http`'s server behind ours, and how a client of it connects. */
function httpOverFake() {
  const { net, service } = fakeNet();
  const web = createServer((message, response) => {
    void textOf(message).then((body) => response.end(`${message.method} ${message.url} ${body.length}`));
  });
  const sockets: Socket[] = [];
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    web.emit("connection", socket);
  });
  server.listen(80);
  const createConnection = () => net.connect({ port: 80, host: "198.18.0.2" });
  return { net, service, web, server, sockets, createConnection };
}

const answer = (message: ReturnType<typeof request>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => message.once("response", resolve).once("error", reject));

describe("design §5: node:http runs over these sockets unchanged", () => {
  test("a request and its answer, and the connection ends", async () => {
    const { createConnection, sockets } = httpOverFake();
    const response = await answer(
      get({ host: "h.example", path: "/x", createConnection, headers: { connection: "close" } }),
    );
    expect(response.statusCode).toBe(200);
    expect(await textOf(response)).toBe("GET /x 0");
    while (!sockets[0].closed) await turn();
  });

  test("an agent keeps a connection alive over several requests", async () => {
    const { createConnection, sockets } = httpOverFake();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    Object.assign(agent, { createConnection });
    for (let i = 0; i < 5; i++) {
      const response = await answer(get({ host: "h.example", path: `/${i}`, agent }));
      expect(await textOf(response)).toBe(`GET /${i} 0`);
    }
    expect(sockets.length).toBe(1);
    agent.destroy();
    while (!sockets[0].closed) await turn();
  });

  test("a body of a megabyte goes up", async () => {
    const { createConnection } = httpOverFake();
    const message = request({ host: "h.example", path: "/up", method: "POST", createConnection });
    message.end(Buffer.alloc(1 << 20, "b"));
    expect(await textOf(await answer(message))).toBe("POST /up 1048576");
  });

  test("a client that goes away aborts the request on the server", async () => {
    const { createConnection, web } = httpOverFake();
    const aborted = new Promise((resolve) => {
      web.removeAllListeners("request");
      web.on("request", (message: IncomingMessage) => message.once("error", resolve));
    });
    const message = request({ host: "h.example", method: "POST", createConnection });
    message.on("error", () => {});
    message.write("some of it");
    for (let i = 0; i < 6; i++) await turn();
    message.destroy();
    expect(await aborted).toMatchObject({ code: "ECONNRESET" });
  });

  test("what is no HTTP is answered with 400", async () => {
    const { createConnection } = httpOverFake();
    const client = createConnection();
    client.end("no HTTP\r\n\r\n");
    expect(await textOf(client)).toMatch(/^HTTP\/1.1 400 /);
  });

  test("an upgraded connection is handed over with what came behind the request", async () => {
    const { createConnection, web } = httpOverFake();
    web.on("upgrade", (_message, socket, head: Buffer) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      socket.write(head);
      socket.pipe(socket);
    });
    const client = createConnection();
    client.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhead");
    client.end(" and more");
    expect(await textOf(client)).toMatch(/\r\n\r\nhead and more$/);
  });
});

describe("design §5: node:http2 runs over these sockets unchanged", () => {
  test("two streams on one connection", async () => {
    const { net } = fakeNet();
    const web = http2.createServer((message, response) => response.end(`h2 ${message.url}`));
    net.createServer((socket) => web.emit("connection", socket)).listen(80);
    const session = http2.connect("http://h.example", { createConnection: () => net.connect(80, "198.18.0.2") });
    const ask = (path: string) => textOf(session.request({ ":path": path }));
    expect(await Promise.all([ask("/a"), ask("/b")])).toEqual(["h2 /a", "h2 /b"]);
    const closed = new Promise<void>((resolve) => session.close(resolve));
    await closed;
  });
});

test("two servers and their clients on one stack do not meet", async () => {
  const { net } = fakeNet();
  for (const port of [1, 2]) net.createServer((socket) => socket.end(`port ${port}`)).listen(port);
  const heard = [1, 2].map(async (port) => String((await event(net.connect(port, "198.18.0.2"), "data"))[0]));
  expect(await Promise.all(heard)).toEqual(["port 1", "port 2"]);
});
