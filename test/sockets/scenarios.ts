import type { AddressInfo, Server, Socket } from "node:net";

/** Scripts that run on `node:net` and on ours alike, and the record of what each of the parties saw, in its own order. */

export interface NodeNet extends Pick<typeof import("node:net"), "createServer" | "connect" | "Socket"> {
  /** The address that its servers have, as its clients see it. */
  readonly host: string;
}

export class Journal {
  readonly #lines = new Map<string, string[]>();

  note(who: string, what: string): void {
    const lines = this.#lines.get(who);
    if (lines === undefined) this.#lines.set(who, [what]);
    else lines.push(what);
  }

  /** Each party's lines; parties run side by side, so that only the order within one is compared. */
  get lines(): Record<string, string[]> {
    return Object.fromEntries([...this.#lines].sort(([a], [b]) => a.localeCompare(b)));
  }
}

const describeError = (error: Error & { code?: string; syscall?: string }): string =>
  [error.name === "AbortError" ? error.name : "", error.code, error.syscall].join(" ");

/** Notes the events of a socket; octets are summed up, because how they are cut is nobody's promise. */
export function watch(journal: Journal, who: string, socket: Socket, { consume = true, finish = true } = {}): Socket {
  let octets = 0;
  for (const event of ["connect", "ready", "timeout", ...(finish ? ["finish"] : [])])
    socket.on(event, () => journal.note(who, event));
  if (consume) socket.on("data", (chunk: Buffer) => (octets += chunk.length));
  socket.on("end", () => journal.note(who, `end after ${octets}; ${socket.readyState}`));
  socket.on("error", (error: Error) => journal.note(who, `error ${describeError(error)}`));
  socket.on("close", (hadError: boolean) => {
    journal.note(who, `close ${hadError}; ${socket.readyState} destroyed=${socket.destroyed} read=${socket.bytesRead}`);
  });
  return socket;
}

export const closed = (emitter: Socket | Server): Promise<void> =>
  new Promise((resolve) => emitter.once("close", () => resolve()));
export const event = (emitter: Socket | Server, name: string): Promise<void> =>
  new Promise((resolve) => emitter.once(name, () => resolve()));

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A server on a free port of `host`. */
export async function listening(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await event(server, "listening");
  return portOf(server);
}

export type Scenario = (net: NodeNet, journal: Journal) => Promise<void>;

const noted = (journal: Journal, who: string, name: string) => (error?: Error | null) =>
  journal.note(who, `${name} ${error ? ("code" in error ? String(error.code) : error.name) : "ok"}`);

/** One server, one accepted socket, one client; ends when both sockets and the server have closed. */
const pair =
  (
    served: (socket: Socket, journal: Journal) => void,
    called: (socket: Socket, journal: Journal) => void,
    options: { allowHalfOpen?: boolean; consume?: boolean; finish?: boolean } = {},
  ): Scenario =>
  async (net, journal) => {
    const { allowHalfOpen = false, consume = true, finish = true } = options;
    const server = net.createServer({ allowHalfOpen });
    const bothClosed: Promise<void>[] = [];
    server.on("connection", (socket) => {
      bothClosed.push(closed(watch(journal, "server", socket)));
      served(socket, journal);
    });
    const accepted = event(server, "connection");
    const port = await listening(server, net.host);
    const client = watch(journal, "client", net.connect({ port, host: net.host, allowHalfOpen }), {
      consume,
      finish,
    });
    called(client, journal);
    await Promise.all([accepted, closed(client)]);
    server.close();
    await closed(server);
    await Promise.all(bothClosed);
  };

const MEGABYTE = Buffer.alloc(1 << 20, "m");

export const SCENARIOS: Record<string, Scenario> = {
  "echo, ended by the client": pair(
    (socket) => socket.pipe(socket),
    (socket) => socket.end("hello, world"),
  ),
  "echo of a megabyte": pair(
    (socket) => socket.pipe(socket),
    (socket) => socket.end(MEGABYTE),
  ),
  "server ends first": pair(
    (socket) => socket.end("bye"),
    () => {},
  ),
  "server ends first, client half-open and goes on to write": pair(
    (socket) => socket.end("bye"),
    (socket, journal) => socket.on("end", () => socket.end(MEGABYTE, () => journal.note("client", "written"))),
    { allowHalfOpen: true },
  ),
  "client ends first, server half-open and goes on to write": pair(
    (socket) => socket.on("end", () => socket.end(MEGABYTE)),
    (socket) => socket.end("question"),
    { allowHalfOpen: true },
  ),
  "write, and end, before connect": pair(
    (socket) => socket.end(),
    (socket, journal) => {
      journal.note("client", `${socket.readyState} pending=${socket.pending} connecting=${socket.connecting}`);
      journal.note("client", `write ${socket.write("a")} ${socket.bytesWritten}`);
      journal.note("client", `write ${socket.write("b", noted(journal, "client", "written"))} ${socket.bytesWritten}`);
      socket.end(noted(journal, "client", "ended"));
      journal.note("client", `${socket.readyState} ${socket.bytesWritten}`);
    },
  ),
  "nobody reads, the peer ends": pair(
    (socket) => socket.end(),
    () => {},
    { consume: false },
  ),
  "write after end": pair(
    (socket) => socket.end(),
    (socket, journal) =>
      socket.on("ready", () => {
        socket.end("x");
        socket.write("y", noted(journal, "client", "late write"));
      }),
    // "finish" may or may not come before the error: FIN is queued at once here, by a request to the kernel there.
    { finish: false },
  ),
  "write after the peer's end has ended ours": pair(
    (socket) => socket.end("bye"),
    (socket, journal) =>
      socket.on("end", () =>
        process.nextTick(() =>
          journal.note("client", `${socket.write("late", noted(journal, "client", "late write"))}`),
        ),
      ),
  ),
  "destroy without an error": pair(
    () => {},
    (socket) => socket.on("connect", () => socket.destroy()),
  ),
  "destroy with an error": pair(
    () => {},
    (socket) => socket.on("connect", () => socket.destroy(Object.assign(new Error("mine"), { code: "EMINE" }))),
  ),
  "destroy before connect": async (net, journal) => {
    const client = watch(journal, "client", net.connect({ port: 9, host: net.host }));
    client.write("lost", noted(journal, "client", "written"));
    client.destroy();
    await closed(client);
  },
  "destroy during a long write": async (net, journal) => {
    const server = net.createServer({ pauseOnConnect: true });
    const accepted = new Promise<Socket>((resolve) => server.on("connection", resolve));
    const client = watch(journal, "client", net.connect(await listening(server, net.host), net.host));
    const much = Buffer.alloc(64 << 20);
    client.write(much, () => journal.note("client", "first write called back"));
    client.write(much, noted(journal, "client", "second write"));
    const over = closed(client);
    const [peer] = await Promise.all([accepted, event(client, "ready")]);
    client.destroy();
    await over;
    journal.note("client", `less was taken than written: ${client.bytesWritten < 2 * much.length}`);
    // Whatever was on its way still arrives, and then the end.
    const ended = closed(peer);
    peer.on("end", () => journal.note("server", `end, some octets came: ${peer.bytesRead > 0}`)).resume();
    await ended;
    server.close();
    await closed(server);
  },
  "reset by the client": pair(
    () => {},
    (socket) => socket.on("connect", () => setImmediate(() => socket.resetAndDestroy())),
  ),
  "connection refused": async (net, journal) => {
    const server = net.createServer();
    const port = await listening(server, net.host);
    server.close();
    await closed(server);
    const client = watch(journal, "client", net.connect(port, net.host));
    client.on("error", (error: NodeJS.ErrnoException & { address?: string; port?: number }) => {
      journal.note("client", error.message.replace(`${net.host}:${port}`, "HOST:PORT"));
      journal.note("client", `${error.errno} ${error.address === net.host} ${error.port === port}`);
    });
    client.write("queued", noted(journal, "client", "written"));
    await closed(client);
  },
  "address in use": async (net, journal) => {
    const first = net.createServer();
    const port = await listening(first, net.host);
    const second = net.createServer().listen(port, net.host);
    second.on("error", (error: NodeJS.ErrnoException & { address?: string; port?: number }) => {
      journal.note("second", error.message.replace(`${net.host}:${port}`, "HOST:PORT"));
      journal.note(
        "second",
        `${error.code} ${error.syscall} ${error.errno} ${error.address === net.host} ${error.port === port}`,
      );
      journal.note("second", `${second.listening}`);
    });
    await event(second, "error");
    first.close();
    await closed(first);
  },
  "pause and resume": pair(
    (socket) => socket.end(MEGABYTE),
    (socket, journal) => {
      let paused = 0;
      socket.on("data", () => {
        if (paused++ > 3) return;
        socket.pause();
        journal.note("client", `paused=${socket.isPaused()}`);
        setImmediate(() => socket.resume());
      });
    },
  ),
  "backpressure: write says false, then drain": pair(
    (socket) => socket.resume(),
    (socket, journal) =>
      socket.on("ready", () => {
        const much = Buffer.alloc(64 << 20);
        journal.note("client", `${socket.write("x")} ${socket.write(much)} ${socket.writableNeedDrain}`);
        socket.once("drain", () => {
          journal.note("client", `drain; bytesWritten=${socket.bytesWritten} length=${socket.writableLength}`);
          socket.end();
        });
      }),
  ),
  "corked writes go together": pair(
    (socket) => socket.resume(),
    (socket, journal) => {
      socket.cork();
      for (let i = 0; i < 100; i++) socket.write(`line ${i}\n`);
      journal.note("client", `${socket.bytesWritten}`);
      socket.uncork();
      socket.end(noted(journal, "client", "ended"));
    },
  ),
  "maxConnections drops": async (net, journal) => {
    const server = net.createServer((socket) => watch(journal, "accepted", socket));
    server.maxConnections = 1;
    server.on("drop", (info) =>
      journal.note("drop", `${info?.localAddress === net.host} ${info?.remoteFamily} ${info?.localPort === port}`),
    );
    const port = await listening(server, net.host);
    const first = watch(journal, "first", net.connect(port, net.host));
    await event(first, "connect");
    const second = watch(journal, "second", net.connect(port, net.host));
    await closed(second);
    first.end();
    server.close(() => journal.note("serverside", "closed"));
    await closed(server);
    await (first.closed ? Promise.resolve() : closed(first));
  },
  "server close waits for its connections": async (net, journal) => {
    const server = net.createServer((socket) => socket.resume());
    for (const name of ["listening", "connection", "close", "error"]) {
      server.on(name, () => journal.note("serverside", `${name} ${server.listening}`));
    }
    const port = await listening(server, net.host);
    const client = net.connect(port, net.host);
    await event(server, "connection");
    await new Promise<void>((resolve) =>
      server.getConnections((_error, count) => {
        journal.note("serverside", `${count} open`);
        resolve();
      }),
    );
    server.close((error) => journal.note("serverside", `close callback ${error?.name}`));
    journal.note("serverside", `${server.address() === null}`);
    client.end();
    await closed(server);
    server.close((error) => journal.note("serverside", `again: ${(error as NodeJS.ErrnoException | undefined)?.code}`));
    await closed(server);
  },
  "destroySoon delivers what was written": pair(
    () => {},
    (socket) => {
      socket.write(MEGABYTE);
      socket.on("connect", () => socket.destroySoon());
    },
  ),
  "an abort signal in the options": async (net, journal) => {
    const server = net.createServer((socket) => {
      watch(journal, "server", socket);
      over.push(closed(socket));
    });
    const over: Promise<void>[] = [];
    const accepted = event(server, "connection");
    const port = await listening(server, net.host);
    const controller = new AbortController();
    const client = watch(
      journal,
      "client",
      // Node's types know it for `new Socket()` only.
      new net.Socket({ signal: controller.signal }),
    );
    client.connect(port, net.host, () => controller.abort());
    await Promise.all([accepted, closed(client)]);
    await Promise.all(over);
    server.close();
    await closed(server);
  },
  "an abort signal closes the server": async (net, journal) => {
    const controller = new AbortController();
    const server = net.createServer();
    server.on("close", () => journal.note("serverside", "close"));
    server.listen({ port: 0, host: net.host, signal: controller.signal });
    await event(server, "listening");
    controller.abort();
    await closed(server);
    journal.note("serverside", `${server.listening}`);
  },
  "a destroyed socket connects again": async (net, journal) => {
    const server = net.createServer((socket) => socket.end("hi"));
    const port = await listening(server, net.host);
    const client = watch(journal, "client", new net.Socket());
    client.connect(port, net.host);
    await closed(client);
    client.connect(port, net.host);
    await closed(client);
    server.close();
    await closed(server);
  },
  "accepted sockets may be paused": async (net, journal) => {
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      journal.note("accepted", `paused=${socket.isPaused()} flowing=${socket.readableFlowing}`);
      setImmediate(() => watch(journal, "accepted", socket).resume());
    });
    const port = await listening(server, net.host);
    const client = watch(journal, "client", net.connect(port, net.host));
    client.end("hello");
    await closed(client);
    server.close();
    await closed(server);
  },
  "for await reads it all": async (net, journal) => {
    const server = net.createServer((socket) => socket.end(MEGABYTE));
    const port = await listening(server, net.host);
    // Whether "finish" comes first depends on how soon FIN can be queued: the iterator destroys the stream at its end.
    const client = watch(journal, "client", net.connect(port, net.host), { consume: false, finish: false });
    const over = closed(client);
    let octets = 0;
    for await (const chunk of client) octets += (chunk as Buffer).length;
    await over;
    journal.note("client", `read ${octets}`);
    server.close();
    await closed(server);
  },
};
