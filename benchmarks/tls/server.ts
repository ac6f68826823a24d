/** A TLS server under test. Arguments: role, subject, folder of the build, device, its own address with prefix. */
import { once } from "node:events";
import { createServer as createNetServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createServer } from "node:tls";
import { pathToFileURL } from "node:url";

import { BACKLOG, PORT, ready } from "../network/servers/roles.ts";
import { BULK_BLOCK, memberOf, serverOptions, TLS_ROLES, type TlsRole } from "./roles.ts";
import { SocketDuplex } from "./socket-duplex.ts";
import { TLS_SUBJECTS, type TlsSubjectName } from "./subject-names.ts";

type Public = typeof import("../../src/index.ts");
type Stack = import("../../src/index.ts").Stack;

const [roleName, subjectName, dist = "", device = "", address = ""] = process.argv.slice(2);
const role = memberOf(TLS_ROLES, roleName);

const fill = (socket: Duplex): void => {
  while (socket.write(BULK_BLOCK));
};

const roles: Readonly<Record<TlsRole, (socket: Duplex) => void>> = {
  "tls-greet": (socket) => void socket.resume(),
  "tls-sink": (socket) => void socket.on("data", () => {}),
  "tls-echo": (socket) => void socket.on("data", (octets) => socket.write(octets)),
  "tls-source": (socket) => {
    socket.on("drain", () => fill(socket));
    fill(socket);
  },
};

/** A peer that leaves in the middle is no failure of the server's. */
function accept(socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  roles[role](socket);
}

async function build(): Promise<Public> {
  return (await import(pathToFileURL(join(dist, "index.js")).href)) as Public;
}

/** What takes a stream over as `createServer` of either library does. */
interface StreamTaker {
  emit(event: "connection", stream: Duplex): boolean;
}

async function listenOnKernel(take: (socket: Socket) => void): Promise<void> {
  const server = createNetServer({ noDelay: true, allowHalfOpen: true }, take);
  server.listen({ port: PORT, backlog: BACKLOG });
  await once(server, "listening");
}

const overDuplex = (taker: StreamTaker): Promise<void> =>
  listenOnKernel((socket) => taker.emit("connection", new SocketDuplex(socket)));

const secure = (stack: Stack) => stack.tls.createServer({ ...serverOptions(), noDelay: true }, accept);
const nodeSecure = () => createServer({ ...serverOptions(), maxVersion: "TLSv1.2", noDelay: true }, accept);

const subjects: Readonly<Record<TlsSubjectName, () => Promise<void>>> = {
  async "tls-tun"() {
    const { Stack, tun } = await build();
    secure(await Stack.open({ device: tun(device), address })).listen({ port: PORT, backlog: BACKLOG });
  },
  async "tls-duplex"() {
    const { EventLoopTimebase, memoryPair, Stack } = await build();
    const [alone] = memoryPair({ timebase: new EventLoopTimebase() });
    await overDuplex(secure(await Stack.open({ device: alone, address: "198.18.9.2/24" })));
  },
  async "node-tls"() {
    const server = nodeSecure();
    server.listen({ port: PORT, backlog: BACKLOG });
    await once(server, "listening");
  },
  "node-tls-duplex": () => overDuplex(nodeSecure()),
};

await subjects[memberOf(TLS_SUBJECTS, subjectName)]();
ready();
