import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { impaired } from "../../src/device/impaired.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { Ladder, type Rung } from "../../src/inspect/ladder.ts";
import { formatLadder, formatRung } from "../../src/inspect/ladder-text.ts";
import { socketRows, socketTable } from "../../src/inspect/socket-table.ts";
import type { Server } from "../../src/sockets/server.ts";
import type { Socket } from "../../src/sockets/socket.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";

const timebase = new EventLoopTimebase();
const open: Stack[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((stack) => stack.close({ deadlineMs: 0 })));
});

async function pair(faults: object = {}): Promise<{ client: Stack; server: Stack; ladder: Ladder }> {
  const ladder = new Ladder({ timebase });
  const [left, right] = memoryPair({ timebase, offload: false });
  const bad = impaired(left, { timebase, seed: 1, ...faults });
  const client = await Stack.open({ device: ladder.tap("left", bad), address: "198.18.0.1/24", strict: true });
  const server = await Stack.open({ device: ladder.tap("right", right), address: "198.18.0.2/24", strict: true });
  ladder.watch("left", client);
  ladder.watch("right", server);
  open.push(client, server);
  return { client, server, ladder };
}

/** What is still open when the test ends is aborted by the stacks' end: no fault of anybody's. */
const quiet = (socket: Socket): Socket => socket.on("error", () => undefined);
const dial = (client: Stack): Socket => quiet(client.net.connect(80, "198.18.0.2"));
const serve = (server: Stack): Server => server.net.createServer((socket) => quiet(socket).resume());

const summary = ({ from, flags, relativeSeq, relativeAck, length, leftState, rightState }: Rung): string =>
  [from, flags.join(","), relativeSeq, relativeAck ?? "-", length, leftState ?? "-", rightState ?? "-"].join(" ");

test("design.md §8: a ladder shows each segment with the states of both sockets once it has arrived", async () => {
  const { client, server, ladder } = await pair();
  serve(server).listen(80);
  const socket = dial(client);
  await once(socket, "connect");
  socket.end("hello");
  socket.resume();
  await once(socket, "close");
  const shown = ladder.rungs.map(summary);
  expect(shown.slice(0, 3)).toEqual([
    "left SYN 0 - 0 SYN-SENT SYN-RECEIVED",
    "right SYN,ACK 0 1 0 ESTABLISHED SYN-RECEIVED",
    "left ACK 1 1 0 ESTABLISHED ESTABLISHED",
  ]);
  expect(shown.some((line) => /^left .*FIN/.test(line))).toBe(true);
  expect(shown.some((line) => /^right .*FIN.* TIME-WAIT/.test(line))).toBe(true);
  expect(ladder.rungs.every((rung) => rung.listenerState === "LISTEN")).toBe(true);
  expect(ladder.notKept).toBe(0);
});

test("RFC 9293 §3.4: a rung has the numbers of the wire, and those counted from each side's initial one", async () => {
  const { client, server, ladder } = await pair();
  serve(server).listen(80);
  await once(dial(client), "connect");
  const [syn, synAck] = ladder.rungs;
  expect(syn.sourcePort).toBeGreaterThan(1023);
  expect(syn).toMatchObject({ destinationPort: 80, sourceAddress: "198.18.0.1", ack: null, relativeSeq: 0 });
  expect(synAck).toMatchObject({ sourcePort: 80, destinationPort: syn.sourcePort, relativeAck: 1 });
  expect(synAck.ack).toBe((syn.seq + 1) % 2 ** 32);
  expect(syn.options).toContain("mss 1460");
});

test("a segment that was lost has not arrived, and its arrow says so", async () => {
  const { client, ladder } = await pair({ out: { loss: 1 } });
  dial(client);
  await new Promise<void>((resolve) => {
    timebase.after(20, resolve);
  });
  const [syn] = ladder.rungs;
  expect(syn).toMatchObject({ arrived: false, leftState: "SYN-SENT", rightState: null, listenerState: null });
  expect(formatRung(syn)[0]).toMatch(/-x\| CLOSED/);
});

test("only the connection whose SYN came first is followed", async () => {
  const { client, server, ladder } = await pair();
  serve(server).listen(80);
  await once(dial(client), "connect");
  await once(dial(client), "connect");
  expect(ladder.rungs.filter(({ flags }) => flags.includes("SYN"))).toHaveLength(2);
  expect(new Set(ladder.rungs.map(({ from, sourcePort }) => (from === "left" ? sourcePort : 0))).size).toBe(2);
});

test("the ladder's text has one head, an arrow a segment, and the lines keep their columns", async () => {
  const { client, server, ladder } = await pair();
  const accepted = once(serve(server).listen(80), "connection");
  dial(client);
  await accepted;
  const lines = formatLadder(ladder.rungs, { left: "client", right: "server" }).trimEnd().split("\n");
  expect(lines[0]).toMatch(/time {2}client .* server +listener$/);
  expect(lines.filter((line) => /--->\||\|<-/.test(line))).toHaveLength(ladder.rungs.length);
  expect(new Set(lines.map((line) => line.indexOf("|"))).size).toBe(1);
  expect(new Set(lines.map((line) => line.lastIndexOf("|"))).size).toBe(1);
});

test("the table of sockets keeps listening and connected ones apart, each by its four-tuple", async () => {
  const { client, server } = await pair();
  serve(server).listen({ port: 80, address: "198.18.0.2" });
  serve(server).listen(7);
  const [socket] = [dial(client)];
  await once(socket, "connect");
  expect(socketRows(client)).toEqual([
    {
      kind: "connected",
      state: "ESTABLISHED",
      remote: "198.18.0.2:80",
      local: `198.18.0.1:${String(socket.localPort)}`,
    },
  ]);
  const table = socketTable(socketRows(server));
  expect(table).toMatch(/^listening +LISTEN +<\*, \*, 198\.18\.0\.2, 80>$/m);
  expect(table).toMatch(/^listening +LISTEN +<\*, \*, \*, 7>$/m);
  expect(table).toMatch(
    new RegExp(`^connected .* <198\\.18\\.0\\.1, ${String(socket.localPort)}, 198\\.18\\.0\\.2, 80>$`, "m"),
  );
});
