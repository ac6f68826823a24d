import { once } from "node:events";
import type { Duplex } from "node:stream";

import { demoRoutes } from "../http/demo-routes.ts";
import type { Rung } from "../inspect/ladder.ts";
import { describeOverheard, OverheardTls } from "../inspect/overheard-tls.ts";
import { socketRows, socketTable, type SocketRow } from "../inspect/socket-table.ts";
import { ALERT, APPLICATION_DATA } from "../tls/record/record.ts";
import type { TlsSocket } from "../tls/tls-socket.ts";
import { makeDemoIdentity } from "./demo-certificate.ts";
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
import { openOverheard, type OpenedSecrets } from "./demo-secrets.ts";

const PORT = 443;
const HOST = "journey.example";
const AUTHORITY = "an authority that the client trusts";

/** What was seen on the way, in both directions: nobody there has a key. */
interface Overheard {
  readonly client: OverheardTls;
  readonly server: OverheardTls;
}

interface SecureJourney {
  readonly rungs: readonly Rung[];
  readonly overheard: Overheard;
  readonly requested: readonly SocketRow[];
  readonly response: string;
  readonly explained: string;
  /** The master secrets in hexadecimal, as each side has told its own. */
  readonly clientMaster: string;
  readonly serverMaster: string;
  readonly opened: OpenedSecrets;
}

/** An HTTPS request by RSA key exchange, in words. */
export async function secureJourney(): Promise<string> {
  return tell(await onDemoLink(travel));
}

async function travel({ client, server, watcher }: DemoLink): Promise<SecureJourney> {
  const { cert, key, root } = makeDemoIdentity(HOST, AUTHORITY);
  const overheard = { client: new OverheardTls(), server: new OverheardTls() };
  let requested: readonly SocketRow[] = [];
  const answer = demoRoutes();
  const http = server.http.createServer((request, response) => {
    requested = socketRows(server);
    return answer(request, response);
  });
  const secure = server.tls.createServer({ cert, key, ALPNProtocols: ["http/1.1"] }, (socket) => http.serve(socket));
  const serverMaster = masterOf(secure);
  secure.on("connection", (stream: Duplex) => stream.on("data", (octets: Buffer) => overheard.client.push(octets)));
  secure.listen(PORT);
  const listening = socketRows(server);
  const transport = client.net.connect({ port: PORT, host: SERVER, allowHalfOpen: true });
  transport.on("data", (octets: Buffer) => overheard.server.push(octets));
  const socket = client.tls.connect({
    socket: transport,
    servername: HOST,
    ca: root,
    keyExchange: "rsa",
    ALPNProtocols: ["http/1.1"],
  });
  const clientMaster = masterOf(socket);
  const response = await get(socket);
  await turnsUntil(() => socketRows(server).length === listening.length);
  return {
    rungs: [...watcher.rungs],
    overheard,
    requested,
    response,
    explained: socket.explain(),
    clientMaster: await clientMaster,
    serverMaster: await serverMaster,
    opened: openOverheard(overheard, key),
  };
}

/** What a side tells in NSS's key log: "CLIENT_RANDOM random master". */
async function masterOf(side: { on(event: "keylog", listener: (line: Buffer) => void): unknown }): Promise<string> {
  const line = await new Promise<Buffer>((resolve) => side.on("keylog", resolve));
  return line.toString().trim().split(" ")[2] ?? "";
}

/** The client closes first, once it has the whole response. */
async function get(socket: TlsSocket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    if (isWholeResponse(text)) socket.end();
  });
  socket.write(`GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
  await once(socket, "close");
  return text;
}

/** The records that begin in a segment. RFC 9293 §3.4: the SYN takes the first sequence number, the text begins behind it. */
const recordsIn = ({ client, server }: Overheard, { from, relativeSeq, length }: Rung) =>
  (from === "left" ? client : server).records.filter(
    ({ at }) => at >= relativeSeq - 1 && at < relativeSeq - 1 + length,
  );

/** The rungs in the four parts of the connection's life. */
function parts({ rungs, overheard }: SecureJourney): readonly (readonly Rung[])[] {
  const carries = (rung: Rung, type: number): boolean =>
    recordsIn(overheard, rung).some((record) => record.encrypted && record.type === type);
  const cuts = [
    rungs.findIndex(({ length }) => length > 0),
    rungs.findIndex((rung) => carries(rung, APPLICATION_DATA)),
    rungs.findIndex((rung) => rung.flags.includes("FIN") || carries(rung, ALERT)),
  ];
  return [0, ...cuts].map((from, part) => rungs.slice(from, cuts[part]));
}

const WHO_KNOWS = `                   the client               on the way               the server
client random      chose it                 reads it                 has got it
server random      has got it               reads it                 chose it
public key         has got it               reads it                 shows it in its certificate
private key        -                        -                        has it, and never sends it
pre-master secret  made it                  octets that hide it      unwrapped it
master secret      derived it               -                        derived it
session keys       derived them             -                        derived them`;

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

/** Lines of 64 digits below each other. */
const block = (octets: Uint8Array): string => hex(octets).replaceAll(/.{64}(?=.)/g, `$&\n${" ".repeat(20)}`);

function secrets({ opened, clientMaster, serverMaster }: SecureJourney): string {
  const { preMaster, wrapped, master, clientKey, serverKey } = opened;
  const same = clientMaster === serverMaster && clientMaster === hex(master);
  const rows: readonly (readonly [string, string])[] = [
    ["wrapped, as seen", block(wrapped)],
    ["pre-master secret", block(preMaster)],
    ["master, client's", block(Buffer.from(clientMaster, "hex"))],
    ["master, server's", block(Buffer.from(serverMaster, "hex"))],
    ["", same ? "the same, and the same again from what was overheard and the private key" : "not the same"],
    ["key client > server", hex(clientKey)],
    ["key server > client", hex(serverKey)],
  ];
  return rows.map(([what, value]) => `${what.padEnd(20)}${value}`).join("\n");
}

function tell(journey: SecureJourney): string {
  const [handshake = [], agreement = [], request = [], ending = []] = parts(journey);
  const notes = (rung: Rung): readonly string[] => recordsIn(journey.overheard, rung).flatMap(describeOverheard);
  const { opened, response } = journey;
  return `https://${HOST}/ at ${SERVER} from ${CLIENT}: two stacks, one link in memory. Every secret below is of this run alone.

1. The handshake of TCP is that of every connection; only the port is ${PORT}. Its last ACK travels with the first message of TLS.

${indented(ladder(handshake))}

2. The handshake of TLS. Below each segment stands what it carries, as anybody on the way reads it.

${indented(ladder(agreement, notes))}

3. Who made which secret.

${indented(journey.explained)}

${indented(WHO_KNOWS)}

   Two kinds of encryption. The pre-master secret crosses under the public key: whoever sees it pass cannot unwrap it, and so
   cannot derive the keys (asymmetric). Everything after crosses under keys that both sides have (symmetric).

4. The same keys on both sides, from one secret that crossed once.

${indented(secrets(journey))}

5. The request, and its response "${response.split("\r\n", 1)[0]}", under these keys.

${indented(ladder(request, notes))}

   the request as it crossed
${indented(hex(opened.sealed).replaceAll(/.{100}(?=.)/g, "$&\n"))}
   opened with the key client > server
${indented(opened.text.trim().replaceAll("\r", ""))}

   the server's sockets then
${indented(socketTable(journey.requested))}
6. The end: close_notify, so that nobody can cut the connection short unseen, then the FINs.

${indented(ladder(ending, notes))}

   Whoever gets the private key later, and has recorded this, reads it all, as part 4 has done. So RSA key exchange is no longer
   advised, and ECDHE is preferred wherever "keyExchange" does not ask for this: docs/tls.md.
`;
}
