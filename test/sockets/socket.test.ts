import { describe, expect, test } from "vitest";

import { NetError } from "../../src/sockets/net-error.ts";
import { WRITE_SLICE_OCTETS } from "../../src/sockets/write-slices.ts";
import { HIGH_WATER, RECEIVE_WINDOW } from "./fake-network.ts";
import { connected, connectionsOf, event, fakeNet, turn } from "./fake-net.ts";

describe("design §5: names of the four-tuple", () => {
  test("both ends agree, and the accepted socket has the listener's port", async () => {
    const { client, peer } = await connected();
    expect(peer).toMatchObject({
      localAddress: "198.18.0.2",
      localPort: 80,
      localFamily: "IPv4",
      remoteFamily: "IPv4",
    });
    expect([client.remoteAddress, client.remotePort]).toEqual([peer.localAddress, peer.localPort]);
    expect([client.localAddress, client.localPort]).toEqual([peer.remoteAddress, peer.remotePort]);
    expect(client.address()).toEqual({ address: client.localAddress, family: "IPv4", port: client.localPort });
    expect(client.info()?.state).toBe("ESTABLISHED");
  });

  test("there are none before the connection", () => {
    const { net } = fakeNet();
    const socket = new net.Socket();
    expect(socket.address()).toEqual({});
    expect([socket.localPort, socket.remoteAddress, socket.remoteFamily]).toEqual([undefined, undefined, undefined]);
    expect(socket.info()).toBeNull();
  });
});

describe("design §5: hosts", () => {
  const failure = async (host: string) => {
    const { net } = fakeNet();
    const [error] = await event(net.connect(80, host), "error");
    return error;
  };

  test("a name without a lookup is ENOTFOUND", async () => {
    const error = await failure("host.example");
    expect(error).toBeInstanceOf(NetError);
    expect(error).toMatchObject({ code: "ENOTFOUND", syscall: "getaddrinfo", hostname: "host.example" });
  });

  test("IPv6 is EAFNOSUPPORT, a network without a route is ENETUNREACH", async () => {
    expect(await failure("::1")).toMatchObject({ code: "EAFNOSUPPORT", syscall: "connect", address: "::1", port: 80 });
    expect(await failure("10.1.2.3")).toMatchObject({
      code: "ENETUNREACH",
      message: "connect ENETUNREACH 10.1.2.3:80",
    });
  });

  test("a lookup is asked for names only, and told by 'lookup'", async () => {
    const asked: string[] = [];
    const { net } = fakeNet((host, _options, done) => {
      asked.push(host);
      setImmediate(() => done(null, "198.18.0.2", 4));
    });
    net.createServer().listen(80);
    const socket = net.connect(80, "host.example");
    expect(await event(socket, "lookup")).toEqual([null, "198.18.0.2", 4, "host.example"]);
    await event(socket, "connect");
    await event(net.connect(80, "198.18.0.2"), "connect");
    expect(asked).toEqual(["host.example"]);
  });

  test("a lookup that fails fails the connection; one that is late for a destroyed socket does nothing", async () => {
    const { net, service } = fakeNet((_host, _options, done) =>
      setImmediate(() => done(new Error("no such name"), "")),
    );
    const [error] = await event(net.connect(80, "host.example"), "error");
    expect((error as Error).message).toBe("no such name");
    const late = fakeNet((_host, _options, done) => setImmediate(() => done(null, "198.18.0.2", 4)));
    const socket = late.net.connect(80, "host.example");
    setImmediate(() => socket.destroy());
    await event(socket, "close");
    await turn();
    expect([...connectionsOf(service), ...connectionsOf(late.service)]).toEqual([]);
  });

  test("a look-up that a destroyed socket asked for does not answer its next connect", async () => {
    const answers: (() => void)[] = [];
    const { net } = fakeNet((_host, _options, done) => answers.push(() => done(null, "10.1.2.3", 4)));
    net.createServer().listen(80);
    const socket = net.connect(80, "host.example");
    await turn();
    socket.destroy();
    await event(socket, "close");
    socket.connect(80, "other.example");
    await turn();
    answers[0]();
    expect([answers.length, socket.connecting, socket.destroyed]).toEqual([2, true, false]);
  });

  test("the unspecified address as a destination is this host, as on Linux", async () => {
    const { net } = fakeNet();
    net.createServer().listen(80);
    const socket = net.connect(80, "0.0.0.0");
    await event(socket, "connect");
    expect(socket.remoteAddress).toBe("127.0.0.1");
  });
});

describe("design §5: backpressure", () => {
  test("a reader that does not read closes the window, and the writer is held up", async () => {
    const { client, peer, service } = await connected();
    peer.pause();
    let written = false;
    client.write(Buffer.alloc(1 << 20), () => (written = true));
    for (let i = 0; i < 100; i++) await turn();
    expect(written).toBe(false);
    const ours = connectionsOf(service).find(({ context }) => context === client);
    // What is copied ahead of the window is bounded: the queue's high water and one slice.
    expect(ours?.queuedOctets).toBeLessThanOrEqual(HIGH_WATER + WRITE_SLICE_OCTETS);
    expect(peer.bytesRead).toBeLessThanOrEqual(peer.readableHighWaterMark + RECEIVE_WINDOW);
    expect(client.bytesWritten).toBe(1 << 20);
    peer.resume();
    await event(client, "drain");
    expect(written).toBe(true);
    while (peer.bytesRead < 1 << 20) await turn();
  });

  test("a socket that was paused before it connected reads nothing until it is resumed", async () => {
    const { net } = fakeNet();
    net.createServer((socket) => socket.end("hello")).listen(80);
    const client = net.connect(80, "198.18.0.2").pause();
    await event(client, "connect");
    for (let i = 0; i < 6; i++) await turn();
    expect(client.bytesRead).toBe(0);
    client.resume();
    expect(String((await event(client, "data"))[0])).toBe("hello");
  });

  test("the caller may change its octets once the write was called back", async () => {
    const { client, peer } = await connected();
    const octets = Buffer.from("first");
    client.write(octets, () => octets.fill("x"));
    const [chunk] = await event(peer, "data");
    expect(String(chunk)).toBe("first");
  });
});

describe("design §5: failures", () => {
  test("a reset is 'read ECONNRESET', after what had arrived before it", async () => {
    const { client, peer } = await connected();
    const seen: unknown[] = [];
    client.on("data", (chunk: Buffer) => seen.push(String(chunk)));
    client.on("error", (error: NetError) => seen.push(error.code, error.syscall, error.port));
    client.on("close", (hadError: boolean) => seen.push(hadError));
    peer.write("last words");
    await turn();
    peer.resetAndDestroy();
    await event(client, "close");
    expect(seen).toEqual(["last words", "ECONNRESET", "read", 80, true]);
  });

  test("a write that is cut off by a reset is called back with the error", async () => {
    const { client, peer } = await connected();
    peer.pause();
    const calledBack = new Promise((resolve) => client.write(Buffer.alloc(1 << 20), resolve));
    client.on("error", () => {});
    await turn();
    peer.resetAndDestroy();
    expect(await calledBack).toMatchObject({ code: "ECONNRESET" });
  });

  test("RFC 9293 §3.6.1 SHLD-3: destroyed with unread octets, the connection is reset", async () => {
    const { client, peer } = await connected();
    peer.pause();
    client.write(Buffer.alloc(1 << 20));
    for (let i = 0; i < 20; i++) await turn();
    peer.destroy();
    const [error] = await event(client, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  test("a socket that was never connected cannot be reset, nor written", async () => {
    const { net } = fakeNet();
    const [reset] = await event(new net.Socket().resetAndDestroy(), "error");
    expect(reset).toMatchObject({ code: "ERR_SOCKET_CLOSED" });
    const socket = new net.Socket();
    socket.write("x");
    expect(await event(socket, "error")).toMatchObject([{ code: "ERR_SOCKET_CLOSED" }]);
  });

  test("a second connect is EISCONN", async () => {
    const { client } = await connected();
    client.connect(80, "198.18.0.2");
    expect(await event(client, "error")).toMatchObject([{ code: "EISCONN", syscall: "connect" }]);
  });

  test("wrong use throws as node:net does", () => {
    const { net } = fakeNet();
    expect(() => net.connect(65_536)).toThrow(expect.objectContaining({ code: "ERR_SOCKET_BAD_PORT" }));
    expect(() => net.connect({ port: "" })).toThrow(RangeError);
    expect(() => net.connect({} as { port: number })).toThrow(expect.objectContaining({ code: "ERR_MISSING_ARGS" }));
    expect(() => new net.Socket().setTimeout(-1)).toThrow(expect.objectContaining({ code: "ERR_OUT_OF_RANGE" }));
  });

  test("what a listener throws is an uncaughtException and never unwinds through the stack", async () => {
    const { client, peer } = await connected();
    const thrown = new Error("mine");
    const others = process.rawListeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const caught = new Promise((resolve) => process.once("uncaughtException", resolve));
    client.once("data", () => {
      throw thrown;
    });
    peer.write("x");
    expect(await caught).toBe(thrown);
    for (const other of others) process.on("uncaughtException", other as (error: Error) => void);
    peer.write("y");
    const [chunk] = await event(client, "data");
    expect(String(chunk)).toBe("y");
  });
});

describe("design §5: setTimeout", () => {
  test("tells of silence in both directions, and only of that", async () => {
    const { client, peer, timebase } = await connected();
    let timeouts = 0;
    client.setTimeout(1000, () => timeouts++).resume();
    client.on("timeout", () => timeouts++);
    expect(client.timeout).toBe(1000);
    for (let i = 0; i < 10; i++) {
      timebase.advance(600);
      if (i % 2 === 0) client.write("a");
      else peer.write("b");
      await turn();
      await turn();
    }
    expect(timeouts).toBe(0);
    timebase.advance(1000);
    expect(timeouts).toBe(2);
    client.setTimeout(0);
    client.write("c");
    timebase.advance(10_000);
    expect(timeouts).toBe(2);
    expect(client.destroyed).toBe(false);
  });

  test("a long write that the peer takes slowly is activity", async () => {
    const { client, peer, timebase } = await connected();
    peer.pause();
    client.write(Buffer.alloc(1 << 20));
    for (let i = 0; i < 20; i++) await turn();
    let timeouts = 0;
    client.setTimeout(1000, () => timeouts++);
    timebase.advance(1000);
    expect(timeouts).toBe(0); // The queue was seen for the first time.
    timebase.advance(1000);
    expect(timeouts).toBe(1); // Nothing of it has been taken since.
  });

  test("a destroyed socket leaves nothing armed", async () => {
    const { client, timebase } = await connected();
    client.setTimeout(1000);
    client.destroy();
    expect(timebase.armed).toBe(0);
  });
});

describe("design §5: wishes and ends", () => {
  test("noDelay is kept until the connection is there", async () => {
    const { net, service } = fakeNet();
    net.createServer({ noDelay: true }).listen(80);
    const client = net.connect(80, "198.18.0.2").setNoDelay();
    await event(client, "connect");
    await turn();
    await turn();
    expect(connectionsOf(service).map(({ noDelay }) => noDelay)).toEqual([true, true]);
    client.setNoDelay(false);
    expect(connectionsOf(service).find(({ context }) => context === client)?.noDelay).toBe(false);
  });

  test("RFC 9293 MUST-24: keepAlive, before the connection and after, from either side", async () => {
    const { net, service } = fakeNet();
    net.createServer({ keepAlive: true, keepAliveInitialDelay: 5000 }).listen(80);
    const client = net.connect({ port: 80, host: "198.18.0.2", keepAlive: true });
    const other = net.connect(80, "198.18.0.2");
    await Promise.all([event(client, "connect"), event(other, "connect")]);
    await turn();
    await turn();
    const ofSocket = (socket: unknown) => connectionsOf(service).find(({ context }) => context === socket)?.keepAlive;
    const accepted = connectionsOf(service).filter(({ localPort }) => localPort === 80);
    expect(accepted.map(({ keepAlive }) => keepAlive)).toEqual([{ idleMs: 5000 }, { idleMs: 5000 }]);
    expect([ofSocket(client), ofSocket(other)]).toEqual([true, false]);
    other.setKeepAlive(true, 1000.5);
    client.setKeepAlive(false, 1000);
    expect([ofSocket(client), ofSocket(other)]).toEqual([false, { idleMs: 1000 }]);
    other.setKeepAlive(true, NaN);
    expect(ofSocket(other)).toBe(true);
  });

  test("calls that node code makes as a matter of course are answered", async () => {
    const { client } = await connected();
    expect(client.ref().unref()).toBe(client);
  });

  test("asyncDispose delivers what was written, and resolves when the socket has closed", async () => {
    const { client, peer } = await connected();
    const received: Buffer[] = [];
    peer.on("data", (chunk: Buffer) => received.push(chunk));
    const ended = event(peer, "end");
    client.write(Buffer.alloc(1 << 20));
    await client[Symbol.asyncDispose]();
    expect(client.closed).toBe(true);
    await ended;
    expect(Buffer.concat(received).length).toBe(1 << 20);
    await client[Symbol.asyncDispose]();
  });

  test("asyncDispose of a socket that was never connected", async () => {
    const { net } = fakeNet();
    const socket = new net.Socket();
    await socket[Symbol.asyncDispose]();
    expect(socket.destroyed).toBe(true);
  });

  test("an aborted signal leaves nothing to connect", async () => {
    const { net, service } = fakeNet();
    const socket = net.connect({ port: 80, host: "198.18.0.2", signal: AbortSignal.abort() });
    expect(await event(socket, "error")).toMatchObject([{ name: "AbortError" }]);
    await turn();
    expect(connectionsOf(service)).toEqual([]);
  });

  test("a connection of the callback API becomes a stream", async () => {
    const { net, service } = fakeNet();
    net.createServer((socket) => socket.pipe(socket)).listen(80);
    const destination = { port: 80, host: "198.18.0.2" };
    const donor = net.connect(destination);
    await event(donor, "connect");
    const connection = connectionsOf(service).find(({ context }) => context === donor);
    const socket = new net.Socket({ connection });
    socket.end("hello");
    const [chunk] = await event(socket, "data");
    expect(String(chunk)).toBe("hello");
  });
});
