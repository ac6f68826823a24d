/** What the scripts of this folder share: our stack on a TUN of its own namespace, and the octets that go both ways. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";

import { toAddress } from "../../../src/base/address.ts";
import { TunDevice } from "../../../src/device/tun.ts";
import { configureInterface } from "../../../src/device/tun-interface.ts";
import { Stack } from "../../../src/host/stack.ts";
import { CIPHER_SUITES } from "../../../src/tls/suites.ts";
import type { TlsServer, TlsServerOptions } from "../../../src/tls/tls-server.ts";
import type { TlsSocket } from "../../../src/tls/tls-socket.ts";
import type { TlsConnectOptions } from "../../../src/tls/tls.ts";
import { certificatePem, keyPem } from "../../tls/support/fixtures.ts";
import { KERNEL, Pattern, STACK } from "../kernel-side.ts";

/** Octets each way. */
export const BULK = 10 << 20;

export const SUITES = CIPHER_SUITES.map(({ name, authentication }) => ({ name, authentication }));
export const BOTH = { cert: [certificatePem("rsa"), certificatePem("ecdsa")], key: [keyPem("rsa"), keyPem("ecdsa")] };
export const ca = certificatePem("root");

/** `BULK` octets in which `openssl s_server` sees no command of its own, wherever it begins to read: those are other letters. */
export const bulk = makeBulk();
export const sha256 = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");
const bulkSum = sha256(bulk);

/** "same", or what else has come. */
export const compared = (octets: Uint8Array): string =>
  sha256(octets) === bulkSum ? "same" : `${octets.length} octets, not the same`;

function makeBulk(): Buffer {
  const pattern = new Pattern();
  const octets = Buffer.alloc(BULK);
  for (let at = 0; at < BULK; at += 1 << 19) octets.set(pattern.slice(at, 1 << 19), at);
  return Buffer.from(octets.map((octet) => 0x73 + (octet & 7)));
}

configureInterface("lo", { up: true });
const [kernelAddress] = KERNEL.split(".").reduce(([sum], part) => [sum * 256 + Number(part)], [0]);
const device = TunDevice.open({ name: "tun0", address: toAddress(kernelAddress), prefixLength: 24, up: true });
export const stack = await Stack.open({ device, address: `${STACK}/24`, strict: true });

let lastPort = 4000;
export const freePort = (): number => ++lastPort;

export interface Served {
  readonly port: number;
  readonly server: TlsServer;
  /** Codes of handshakes that failed. */
  readonly failures: (string | undefined)[];
}

/** Our server, with both certificates unless `options` has others. */
export async function serve(options: TlsServerOptions, serveOne: (socket: TlsSocket) => void): Promise<Served> {
  const port = freePort();
  const server = stack.tls.createServer({ ...BOTH, ...options }, serveOne);
  const failures: (string | undefined)[] = [];
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => failures.push(error.code));
  server.listen(port);
  await once(server, "listening");
  return { port, server, failures };
}

/** Our client, to a server of the kernel's side. */
export const dial = (port: number, options: TlsConnectOptions = {}): TlsSocket =>
  stack.tls.connect({ host: KERNEL, port, servername: "localhost", ca, ...options });

/** Sends back as much as `BULK`, then ends. */
export function echoBulk(socket: Duplex): void {
  let count = 0;
  socket.on("data", (chunk: Buffer) => {
    count += chunk.length;
    if (!socket.write(chunk)) socket.pause();
    if (count >= BULK) socket.end();
  });
  socket.on("drain", () => socket.resume());
}

/** Reads `BULK` octets, or to the end. */
export function readBulk(socket: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let count = 0;
  return new Promise((resolve, reject) => {
    const done = (): void => resolve(Buffer.concat(chunks));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      count += chunk.length;
      if (count >= BULK) done();
    });
    socket.on("error", reject);
    socket.on("end", done);
  });
}

/** Does `one` for every suite, and says what came of it; what it throws is that as well. */
export async function eachSuite(
  one: (suite: (typeof SUITES)[number]) => Promise<string>,
): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const suite of SUITES) {
    seen[suite.name] = await one(suite).catch((error: unknown) => String(error));
  }
  return seen;
}
