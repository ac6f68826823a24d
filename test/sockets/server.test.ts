import { describe, expect, test } from "vitest";

import type { IncomingSyn, SynAnswer } from "../../src/sockets/server-options.ts";
import type { Socket } from "../../src/sockets/socket.ts";
import { event, fakeNet, turn } from "./fake-net.ts";

describe("design §5: listen", () => {
  test.each<[string, Parameters<ReturnType<ReturnType<typeof fakeNet>["net"]["createServer"]>["listen"]>, number]>([
    ["(port)", [80], 80],
    ["(text)", ["80"], 80],
    ["(port, host)", [80, "198.18.0.2"], 80],
    ["(port, host, backlog)", [80, "198.18.0.2", 5], 80],
    ["(port, backlog)", [80, 5], 80],
    ["({ port })", [{ port: 80 }], 80],
    ["({ port, host })", [{ port: 80, host: "localhost" }], 80],
    ["({ port, address })", [{ port: 80, address: "*" }], 80],
    ["()", [], 49_152],
    ["({ port: undefined })", [{ port: undefined }], 49_152],
  ])("%s", async (_name, args, port) => {
    const { net } = fakeNet();
    const server = net.createServer().listen(...args);
    expect(server.listening).toBe(true);
    await event(server, "listening");
    expect(server.address()).toMatchObject({ family: "IPv4", port });
  });

  test("the last argument is called when it listens", async () => {
    const { net } = fakeNet();
    await new Promise<void>((resolve) => net.createServer().listen(80, "198.18.0.2", 5, resolve));
    await new Promise<void>((resolve) => net.createServer().listen(resolve));
  });

  test("backlog and address reach the stack", () => {
    const { net, service } = fakeNet();
    net.createServer().listen(80, "198.18.0.2", 7);
    net.createServer().listen({ port: 81 });
    net.createServer().listen({ port: 82, backlog: 0 });
    net.createServer().listen({ port: 83, backlog: NaN });
    expect([...service.listeners()]).toMatchObject([
      { port: 80, backlog: 7 },
      { address: 0, port: 81, backlog: 511 },
      { port: 82, backlog: 511 },
      { port: 83, backlog: 511 },
    ]);
  });

  test.each([
    ["198.18.0.9", "EADDRNOTAVAIL"],
    ["host.example", "ENOTFOUND"],
    ["::", "EAFNOSUPPORT"],
  ])("on %s fails with %s, told by 'error'", async (host, code) => {
    const { net } = fakeNet();
    const server = net.createServer().listen(80, host);
    expect(await event(server, "error")).toMatchObject([{ code, syscall: "listen", address: host, port: 80 }]);
    expect(server.listening).toBe(false);
    server.listen(80);
    await event(server, "listening");
  });

  test("wrong use throws as node:net does", () => {
    const { net } = fakeNet();
    const server = net.createServer().listen(80);
    expect(() => server.listen(81)).toThrow(expect.objectContaining({ code: "ERR_SERVER_ALREADY_LISTEN" }));
    expect(() => net.createServer().listen(-1)).toThrow(expect.objectContaining({ code: "ERR_SOCKET_BAD_PORT" }));
    expect(() => net.createServer().listen({})).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARG_VALUE" }));
  });

  test("closed before it could be told, it never says 'listening'", async () => {
    const { net } = fakeNet();
    const server = net.createServer();
    server.on("listening", () => expect.unreachable());
    await new Promise((resolve) => server.listen(80).close(resolve));
  });
});

describe("design §5: any destination", () => {
  test("host and port '*' take what nobody else does, and tell the original destination", async () => {
    const { net } = fakeNet();
    const any = net.createServer().listen({ host: "*", port: "*" });
    expect(any.address()).toEqual({ address: "0.0.0.0", family: "IPv4", port: -1 });
    const exact = net.createServer((socket) => socket.end("exact")).listen(80);
    const accepted = event(any, "connection");
    net.connect(4242, "203.0.113.7");
    const [socket] = (await accepted) as [Socket];
    expect([socket.localAddress, socket.localPort]).toEqual(["203.0.113.7", 4242]);
    any.on("connection", () => expect.unreachable());
    await event(net.connect(80, "203.0.113.7"), "data");
    exact.close();
  });
});

describe("design §5: accept or refuse before the SYN-ACK", () => {
  const outcome = async (answer: (syn: IncomingSyn) => SynAnswer | Promise<SynAnswer>) => {
    const { net } = fakeNet();
    const server = net.createServer().listen({ port: 80, onSyn: answer });
    const client = net.connect({ port: 80, host: "198.18.0.2" });
    const seen: string[] = [];
    client.on("connect", () => seen.push("connect"));
    client.on("error", (error: NodeJS.ErrnoException) => seen.push(String(error.code)));
    server.on("connection", () => seen.push("connection"));
    for (let i = 0; i < 6; i++) await turn();
    return seen;
  };

  test.each<[string, SynAnswer, string[]]>([
    ["true accepts", true, ["connect", "connection"]],
    ["false refuses", false, ["ECONNREFUSED"]],
    ["'accept' accepts", "accept", ["connect", "connection"]],
    ["'refuse' refuses", "refuse", ["ECONNREFUSED"]],
    ["'drop' answers nothing", "drop", []],
  ])("%s, at once and later", async (_name, answer, expected) => {
    expect(await outcome(() => answer)).toEqual(expected);
    expect(await outcome(() => Promise.resolve(answer))).toEqual(expected);
  });

  test("it is told who asks for what", async () => {
    const asked: IncomingSyn[] = [];
    await outcome((syn) => asked.push(syn) > 0);
    expect(asked).toEqual([
      {
        localAddress: "198.18.0.2",
        localPort: 80,
        remoteAddress: "198.18.0.2",
        remotePort: expect.any(Number) as number,
      },
    ]);
  });
});

describe("design §5: the life of a server", () => {
  test("asyncDispose waits for the connections", async () => {
    const { net } = fakeNet();
    const server = net.createServer((socket) => socket.resume()).listen(80);
    const client = net.connect(80, "198.18.0.2");
    await event(server, "connection");
    let disposed = false;
    const disposal = server[Symbol.asyncDispose]().then(() => (disposed = true));
    await turn();
    expect(disposed).toBe(false);
    client.end();
    await disposal;
    await server[Symbol.asyncDispose]();
  });

  test("once closed, the port is free and connections are refused; accepted ones live on", async () => {
    const { net } = fakeNet();
    const server = net.createServer((socket) => socket.pipe(socket)).listen(80);
    const client = net.connect(80, "198.18.0.2");
    await event(server, "connection");
    server.close();
    expect(await event(net.connect(80, "198.18.0.2"), "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
    const again = net.createServer().listen(80);
    await event(again, "listening");
    client.write("still here");
    expect(String((await event(client, "data"))[0])).toBe("still here");
  });

  test("a stack that is closed closes it, and the last connection's end tells", async () => {
    const { net, service } = fakeNet();
    const server = net.createServer((socket) => socket.resume()).listen(80);
    const client = net.connect(80, "198.18.0.2");
    await event(server, "connection");
    let closed = false;
    server.on("close", () => (closed = true));
    service.closeListeners();
    await turn();
    expect([server.listening, closed]).toEqual([false, false]);
    client.end();
    await event(server, "close");
  });

  test("a signal that was aborted before closes at once", async () => {
    const { net } = fakeNet();
    const server = net.createServer().listen({ port: 80, signal: AbortSignal.abort() });
    await event(server, "close");
    expect(server.listening).toBe(false);
  });
});
