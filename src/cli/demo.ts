import { once } from "node:events";

import type { Stack } from "../host/stack.ts";
import { demoRoutes } from "../http/demo-routes.ts";
import type { Rung } from "../inspect/ladder.ts";
import { socketRows, socketTable, type SocketRow } from "../inspect/socket-table.ts";
import type { Socket } from "../sockets/socket.ts";
import { COMMON_HELP, type Command } from "./command.ts";
import { secureJourney } from "./demo-https.ts";
import {
  CLIENT,
  indented,
  isWholeResponse,
  ladder,
  onDemoLink,
  SERVER,
  turnsUntil,
  type DemoLink,
} from "./demo-link.ts";
import { expectWords, parseOptions } from "./usage.ts";

const PORT = 80;
/** Clients that are connected at once in the last part. */
const CROWD = 3;

const HELP = `fourtuple demo [--https]

The journey of one HTTP request between two stacks on a link in memory: no root, no device,
no network. Prints every segment with its flags, sequence and acknowledgment numbers, the
states of both sockets and of the listening socket, and the tables of sockets.

  --https   the journey of an HTTPS request instead, by RSA key exchange: what each segment
            carries of TLS, who made which secret, what was wrapped, and which keys both
            sides derived. The secrets that it prints are of that run alone

${COMMON_HELP}
`;

/** What the demo saw. It is gathered first and printed then, so that printing does not disturb the times. */
interface Journey {
  readonly rungs: readonly Rung[];
  readonly response: string;
  /** The server's sockets: when it listens, when the request is there, when the connection is over, and with a crowd of clients. */
  readonly listening: readonly SocketRow[];
  readonly requested: readonly SocketRow[];
  readonly over: readonly SocketRow[];
  readonly crowd: readonly SocketRow[];
  /** The client's, when the connection is over. */
  readonly clientOver: readonly SocketRow[];
}

/** A GET over a socket of the stack; the client closes first, once it has the whole response. */
async function get(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    if (isWholeResponse(text)) socket.end();
  });
  await once(socket, "connect");
  socket.write(`GET / HTTP/1.1\r\nhost: ${SERVER}\r\n\r\n`);
  await once(socket, "close");
  return text;
}

async function travel({ client, server, watcher }: DemoLink): Promise<Journey> {
  let requested: readonly SocketRow[] = [];
  const answer = demoRoutes();
  const http = server.http.createServer((request, response) => {
    if (requested.length === 0) requested = socketRows(server);
    return answer(request, response);
  });
  http.listen(PORT);
  const listening = socketRows(server);
  const response = await get(client.net.connect(PORT, SERVER));
  await turnsUntil(() => socketRows(server).length === listening.length);
  const [over, clientOver] = [socketRows(server), socketRows(client)];
  const rungs = [...watcher.rungs];
  const crowd = await gather(client, server);
  return { rungs, response, listening, requested, over, crowd, clientOver };
}

/** The server's sockets while several clients are connected. */
async function gather(client: Stack, server: Stack): Promise<readonly SocketRow[]> {
  const sockets = Array.from({ length: CROWD }, () => client.net.connect(PORT, SERVER));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  // A client is connected when the SYN-ACK has come, the server when the answer to that has: a response proves both.
  for (const socket of sockets) socket.write(`GET / HTTP/1.1\r\nhost: ${SERVER}\r\n\r\n`);
  await Promise.all(sockets.map((socket) => once(socket, "data")));
  const crowd = socketRows(server);
  for (const socket of sockets) socket.destroy();
  return crowd;
}

/** The rungs in the three parts of a connection's life. */
function parts(rungs: readonly Rung[]): {
  handshake: readonly Rung[];
  request: readonly Rung[];
  ending: readonly Rung[];
} {
  const firstText = rungs.findIndex(({ length }) => length > 0);
  const firstFin = rungs.findIndex(({ flags }) => flags.includes("FIN"));
  return {
    handshake: rungs.slice(0, firstText),
    request: rungs.slice(firstText, firstFin),
    ending: rungs.slice(firstFin),
  };
}

const list = (values: Iterable<number>): string => [...new Set(values)].sort((a, b) => a - b).join(", ");

function facts({ rungs, crowd }: Journey): string {
  const fromServer = rungs.filter(({ from }) => from === "right");
  const toServer = rungs.filter(({ from }) => from === "left");
  const syns = toServer.filter(({ flags }) => flags.includes("SYN"));
  const connected = crowd.filter(({ kind }) => kind === "connected");
  const localPorts = connected.map(({ local }) => Number(local.split(":")[1]));
  const listenerStates = new Set(rungs.map(({ listenerState }) => listenerState ?? "CLOSED"));
  const lines: readonly (readonly [string, string])[] = [
    [
      `source port of the ${fromServer.length} segments that the server sent`,
      list(fromServer.map((rung) => rung.sourcePort)),
    ],
    [`destination port of the ${toServer.length} that it received`, list(toServer.map((rung) => rung.destinationPort))],
    ["of these, for the listening socket (the SYN)", String(syns.length)],
    ["of these, for the connected socket", String(toServer.length - syns.length)],
    [`state of the listening socket after each of all ${rungs.length}`, [...listenerStates].join(", ")],
    [`local port of the ${connected.length} sockets of the crowd`, list(localPorts)],
  ];
  return lines.map(([fact, value]) => `${fact.padEnd(58)} ${value}`).join("\n");
}

function tell(journey: Journey): string {
  const { handshake, request, ending } = parts(journey.rungs);
  const [syn] = journey.rungs;
  const [status = ""] = journey.response.split("\r\n");
  return `http://${SERVER}/ from ${CLIENT}: two stacks, one link in memory

1. The server listens. Its listening socket belongs to no client: <*, *, any address, ${PORT}>.

${indented(socketTable(journey.listening))}
2. The handshake. The client's port ${syn.sourcePort} is an ephemeral one, chosen by its stack; the server's is the one that it
   listens on, in both directions. seq and ack count from each side's initial sequence number.

${indented(ladder(handshake))}

   The SYN made a new socket at the server, known by its whole four-tuple. The listening socket is as it was.

${indented(socketTable(journey.requested))}
3. The request, and its response "${status}". Segments find their socket by the four-tuple.

${indented(ladder(request))}

4. The end: each side sends a FIN and acknowledges the other's. Who closed first stays in TIME-WAIT for 2 MSL, so that no late
   segment of this connection is taken for one of the next.

${indented(ladder(ending))}

   the client's sockets
${indented(socketTable(journey.clientOver))}
   the server's sockets
${indented(socketTable(journey.over))}
5. ${CROWD} more clients at once: ${CROWD} more sockets, and still one port.

${indented(socketTable(journey.crowd))}
6. Does accepting a connection make a new port at the server? No. It makes a new socket on the same port:

${indented(facts(journey))}
`;
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions("demo", args, { https: { type: "boolean" } });
  expectWords("demo", positionals, 0);
  process.stdout.write(values.https === true ? await secureJourney() : tell(await onDemoLink(travel)));
  return 0;
}

export const demo: Command = {
  name: "demo",
  summary: "the journey of one HTTP or HTTPS request, on a link in memory",
  help: HELP,
  run,
};
