import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as nodeConnect, createServer as nodeServer, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Stack } from "../../src/host/stack.ts";
import { CIPHER_SUITES } from "../../src/tls/suites.ts";
import type { TlsServer, TlsServerOptions } from "../../src/tls/tls-server.ts";
import type { TlsSocket } from "../../src/tls/tls-socket.ts";
import type { TlsConnectOptions } from "../../src/tls/tls.ts";
import { certificatePem, fixturePath, keyPem } from "./support/fixtures.ts";
import { loneStack } from "./support/lone-stack.ts";
import { kernelServer, kernelSocket, runProgram, sClient, sServer } from "./support/openssl.ts";

/** Octets each way. Over a TUN it is 10 MiB: test/linux/tls. */
const BULK = 1 << 18;
const bulk = randomBytes(BULK);
const sha256 = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");
const SUITES = CIPHER_SUITES.map(({ name, authentication }) => [name, authentication] as const);

let stack: Stack;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  stack = await loneStack();
});
afterAll(async () => {
  for (const close of closing) close();
  await stack.close({ deadlineMs: 0 });
});

const BOTH = { cert: [certificatePem("rsa"), certificatePem("ecdsa")], key: [keyPem("rsa"), keyPem("ecdsa")] };
const ca = certificatePem("root");

/** Our server on the kernel's TCP. */
async function serve(
  options: TlsServerOptions,
  serveOne: (socket: TlsSocket) => void,
): Promise<{ port: number; server: TlsServer }> {
  const server = stack.tls.createServer({ ...BOTH, ...options }, serveOne);
  const { port, server: kernel } = await kernelServer((socket) => server.emit("connection", socket));
  closing.push(() => kernel.close());
  return { port, server };
}

/** Our client on the kernel's TCP. */
const dial = (port: number, options: TlsConnectOptions = {}): TlsSocket =>
  stack.tls.connect({ socket: kernelSocket(port), servername: "localhost", ca, ...options });

/** Sends back as much as `BULK`, then ends. */
function echoBulk(socket: TlsSocket): void {
  let count = 0;
  socket.on("data", (chunk: Buffer) => {
    count += chunk.length;
    socket.write(chunk);
    if (count === BULK) socket.end();
  });
}

async function readBulk(socket: TlsSocket | TLSSocket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let count = 0;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    count += chunk.length;
    if (count >= BULK) socket.emit("bulk");
  });
  await once(socket, "bulk");
  return Buffer.concat(chunks);
}

test.for(SUITES)("OpenSSL's client with our server, %s: 256 KiB each way are the same", async ([suite]) => {
  const ciphers: string[] = [];
  const { port } = await serve({}, (socket) => {
    ciphers.push((socket.getCipher() as { name: string }).name);
    echoBulk(socket);
  });
  const args = ["-quiet", "-cipher", suite, "-servername", "localhost", "-CAfile", fixturePath("root.pem")];
  const run = await sClient(port, [...args, "-verify_return_error", "-verify_hostname", "localhost"], bulk);
  expect(sha256(run.stdout)).toBe(sha256(bulk));
  expect(ciphers).toEqual([suite]);
});

/** Text in which s_server sees no command of its own. */
const calm = Buffer.from(bulk.map((octet) => 0x73 + (octet & 7)));

test.for(SUITES)("our client with OpenSSL's server, %s: 256 KiB each way are the same", async ([suite, kind]) => {
  const server = await sServer(kind, ["-cipher", suite]);
  const socket = dial(server.port);
  await once(socket, "secureConnect");
  expect(socket.getCipher()).toMatchObject({ name: suite });
  expect(socket.authorized).toBe(true);
  server.send(calm);
  expect(sha256(await readBulk(socket))).toBe(sha256(calm));
  socket.end(bulk);
  await once(socket, "close");
  await server.stop();
  expect(server.output().includes(bulk)).toBe(true);
});

test.for(SUITES)("Node's client with our server, %s: 256 KiB each way are the same", async ([suite]) => {
  const { port } = await serve({}, echoBulk);
  const socket = nodeConnect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca,
    ciphers: suite,
    maxVersion: "TLSv1.2",
  });
  socket.write(bulk);
  expect(sha256(await readBulk(socket))).toBe(sha256(bulk));
  expect(socket.authorized).toBe(true);
  expect(socket.getCipher().name).toBe(suite);
  await once(socket, "end");
});

test.for(SUITES)("our client with Node's server, %s: 256 KiB each way are the same", async ([suite]) => {
  const server = nodeServer({ ...BOTH, ciphers: suite, maxVersion: "TLSv1.2" }, (socket) => socket.pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = dial((server.address() as { port: number }).port);
  socket.write(bulk);
  expect(sha256(await readBulk(socket))).toBe(sha256(bulk));
  socket.end();
  await once(socket, "close");
  server.close();
});

test.for(SUITES)("curl with our HTTP server, %s: 256 KiB each way are the same", async ([suite]) => {
  const http = stack.http.createServer(async (request, response) => {
    response.send(200, { "content-type": "application/octet-stream" }, await request.body.bytes(BULK));
  });
  const secure = stack.tls.createServer(BOTH, (socket) => http.serve(socket));
  const { port, server } = await kernelServer((socket: Socket) => secure.emit("connection", socket));
  closing.push(() => server.close());
  const to = [
    "--cacert",
    fixturePath("root.pem"),
    "--resolve",
    `localhost:${port}:127.0.0.1`,
    `https://localhost:${port}/`,
  ];
  const run = await runProgram(
    "curl",
    ["-s", "--tls-max", "1.2", "--ciphers", suite, "--data-binary", "@-", ...to],
    bulk,
  );
  expect(run).toMatchObject({ status: 0, stderr: "" });
  expect(sha256(run.stdout)).toBe(sha256(bulk));
});

test("OpenSSL's client resumes with tickets and with session IDs, and tickets are of this server alone", async () => {
  for (const args of [[], ["-no_ticket"]]) {
    const resumed: boolean[] = [];
    const { port } = await serve({}, (socket) => {
      resumed.push(socket.isSessionReused());
      socket.end();
    });
    await sClient(port, ["-reconnect", "-servername", "localhost", ...args]);
    expect(resumed).toEqual([false, true, true, true, true, true]);
  }
});

test("Node's client resumes with our server, and a session of another server is made anew", async () => {
  const { port } = await serve({}, (socket) => socket.end());
  const { port: other } = await serve({}, (socket) => socket.end());
  const options = { host: "127.0.0.1", servername: "localhost", ca, maxVersion: "TLSv1.2" } as const;
  const first = nodeConnect({ port, ...options }).resume();
  const [session] = (await once(first, "session")) as [Buffer];
  await once(first, "close");
  for (const [where, reused] of [
    [port, true],
    [other, false],
  ] as const) {
    const again = nodeConnect({ port: where, session, ...options }).resume();
    await once(again, "secureConnect");
    expect(again.isSessionReused()).toBe(reused);
    await once(again, "close");
  }
});

test.for([[[]], [["-no_ticket"]]] as const)("our client resumes with OpenSSL's server, s_server %j", async ([args]) => {
  const server = await sServer("rsa", ["-www", ...args]);
  const first = dial(server.port);
  const [session] = (await once(first, "session")) as [Buffer];
  first.end("GET / HTTP/1.0\r\n\r\n");
  await once(first.resume(), "close");
  const again = dial(server.port, { session });
  await once(again, "secureConnect");
  expect(again.isSessionReused()).toBe(true);
  expect(again.authorized).toBe(true);
  expect(again.getPeerCertificate().subject).toEqual({ CN: "rsa.tls.test" });
  again.destroy();
  const renamed = dial(server.port, { session, servername: "a.tls.test" });
  await once(renamed, "secureConnect");
  expect(renamed.isSessionReused()).toBe(false);
  renamed.destroy();
  await server.stop();
});

test("RFC 6066 §3, RFC 7301: OpenSSL's client names a host and protocols, and gets what is meant for them", async () => {
  const seen: unknown[] = [];
  const { port, server } = await serve(
    { ALPNProtocols: ["b", "a"], cert: BOTH.cert[0], key: BOTH.key[0] },
    (socket) => {
      seen.push([socket.servername, socket.alpnProtocol]);
      socket.end();
    },
  );
  server.addContext("*.test", { cert: BOTH.cert[1], key: BOTH.key[1] });
  const named = await sClient(port, ["-servername", "ecdsa.test", "-alpn", "a,b"]);
  expect(named.stdout.toString()).toContain("subject=CN = ecdsa.tls.test");
  expect(named.stdout.toString()).toContain("ALPN protocol: b");
  const other = await sClient(port, ["-noservername"]);
  expect(other.stdout.toString()).toContain("subject=CN = rsa.tls.test");
  expect(seen).toEqual([
    ["ecdsa.test", "b"],
    [false, false],
  ]);
  const refused = await sClient(port, ["-servername", "localhost", "-alpn", "c"]);
  expect(refused.stderr).toContain("no application protocol");
});

test.for([[512], [1024], [2048], [4096]])("RFC 6066 §4: OpenSSL's client gets records of %i octets", async ([most]) => {
  const { port } = await serve({}, (socket) => socket.end(calm));
  const run = await sClient(port, ["-quiet", "-maxfraglen", String(most)]);
  expect(sha256(run.stdout)).toBe(sha256(calm));
});

test.for([[512], [4096]])(
  "RFC 6066 §4: OpenSSL's server keeps to the %i octets that our client asks for",
  async ([most]) => {
    const server = await sServer("rsa", []);
    const socket = dial(server.port, { maxFragmentLength: most });
    await once(socket, "secureConnect");
    server.send(calm);
    expect(sha256(await readBulk(socket))).toBe(sha256(calm));
    socket.end(bulk);
    await once(socket, "close");
    await server.stop();
    expect(server.output().includes(bulk)).toBe(true);
  },
);

const CLIENT = { cert: certificatePem("client"), key: keyPem("client") };

test("RFC 5246 §7.4.6: OpenSSL's client shows its certificate, is refused without, and is told by alerts", async () => {
  const seen: unknown[] = [];
  const { port, server } = await serve({ requestCert: true, ca }, (socket) => {
    seen.push([socket.authorized, socket.getPeerCertificate().subject]);
    socket.end();
  });
  const errors: string[] = [];
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => errors.push(error.code ?? ""));
  const files = ["-cert", fixturePath("client.pem"), "-key", fixturePath("client.key")];
  expect((await sClient(port, files)).status).toBe(0);
  expect(seen).toEqual([[true, { CN: "client" }]]);
  const none = await sClient(port, []);
  expect(none.stderr).toContain("alert handshake failure");
  const wrong = await sClient(port, ["-cert", fixturePath("rsa.pem"), "-key", fixturePath("rsa.key")]);
  expect(wrong.stderr).toContain("alert unsupported certificate");
  expect(errors).toEqual(["ERR_TLS_HANDSHAKE_FAILURE", "INVALID_PURPOSE"]);
});

test("our client shows its certificate to OpenSSL's server, and cannot go on without", async () => {
  const server = await sServer("rsa", ["-Verify", "1", "-CAfile", fixturePath("root.pem"), "-verify_return_error"]);
  const socket = dial(server.port, CLIENT);
  await once(socket, "secureConnect");
  socket.destroy();
  const bare = dial(server.port);
  const [error] = (await once(bare, "error").catch((thrown: unknown) => [thrown])) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
  await server.stop();
});

test("Node's server asks our client for its certificate, and sees it", async () => {
  const server = nodeServer({ ...BOTH, maxVersion: "TLSv1.2", requestCert: true, ca }, (socket) => {
    socket.end(`${socket.authorized} ${String(socket.getPeerCertificate().subject.CN)}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = dial((server.address() as { port: number }).port, CLIENT);
  const [said] = (await once(socket, "data")) as [Buffer];
  expect(said.toString()).toBe("true client");
  await once(socket.resume(), "close");
  server.close();
});

test("RFC 5705: Node and we export the same key material", async () => {
  const exported: Buffer[] = [];
  const { port } = await serve({}, (socket) => {
    exported.push(socket.exportKeyingMaterial(40, "EXPORTER-test"));
    exported.push(socket.exportKeyingMaterial(40, "EXPORTER-test", Buffer.alloc(0)));
    exported.push(socket.exportKeyingMaterial(40, "EXPORTER-test", Buffer.from("context")));
    socket.end();
  });
  const socket = nodeConnect({ port, host: "127.0.0.1", servername: "localhost", ca, maxVersion: "TLSv1.2" }).resume();
  await once(socket, "secureConnect");
  const theirs = [undefined, Buffer.alloc(0), Buffer.from("context")].map((context) =>
    (socket.exportKeyingMaterial as (length: number, label: string, context?: Buffer) => Buffer)(
      40,
      "EXPORTER-test",
      context,
    ),
  );
  expect(exported).toEqual(theirs);
  await once(socket, "close");
});

test("RFC 5746: OpenSSL's client asks to renegotiate and is refused by a warning, which it does not take", async () => {
  const codes: unknown[] = [];
  const { port } = await serve({}, (socket) => {
    socket.on("error", (error: NodeJS.ErrnoException) => codes.push(error.code));
  });
  const run = await sClient(port, ["-cipher", "AES128-GCM-SHA256"], Buffer.from("R\n"));
  expect(run.stderr).toContain("no renegotiation");
  expect(codes).toEqual(["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE"]);
});
