/** The face of `node:tls`: what ours tells and takes is what Node's does, asked side by side where both can be asked. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as nodeConnect, createServer as nodeServer, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";

import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";
import { CRYPTO_RANDOM } from "../../src/tls/crypto-random-source.ts";
import { IN_PLACE } from "../../src/tls/private-key-workers.ts";
import { defaultRoots } from "../../src/tls/secure-context.ts";
import { createTls } from "../../src/tls/tls.ts";
import type { TlsServer, TlsServerOptions } from "../../src/tls/tls-server.ts";
import type { TlsSocket } from "../../src/tls/tls-socket.ts";
import { certificatePem, keyPem } from "./support/fixtures.ts";
import { loneStack } from "./support/lone-stack.ts";
import { kernelServer, kernelSocket } from "./support/openssl.ts";

let stack: Stack;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  stack = await loneStack();
});
afterAll(async () => {
  for (const close of closing) close();
  await stack.close({ deadlineMs: 0 });
});

const ca = certificatePem("root");
const RSA = { cert: certificatePem("rsa"), key: keyPem("rsa") };
const CLIENT = { cert: certificatePem("client"), key: keyPem("client") };

/** All that a socket tells of a handshake that is over. */
const told = (socket: TlsSocket | TLSSocket): unknown => ({
  encrypted: socket.encrypted,
  authorized: socket.authorized,
  // Node's is undefined where a server did not ask.
  authorizationError: socket.authorizationError ?? null,
  alpnProtocol: socket.alpnProtocol,
  servername: (socket as { servername?: unknown }).servername,
  protocol: socket.getProtocol(),
  cipher: socket.getCipher(),
  ephemeral: socket.getEphemeralKeyInfo() ?? {}, // Node's is null on servers.
  resumed: socket.isSessionReused(),
  certificate: socket.getPeerCertificate(),
  x509: socket.getPeerX509Certificate()?.fingerprint256,
  exported: socket.exportKeyingMaterial(8, "EXPORTER-shape", Buffer.alloc(0)).length,
});

/** Whoever destroys its end of a connection cuts the other one off. */
const quiet = (socket: TlsSocket): unknown => socket.on("error", () => undefined);

/** Our server on the kernel's TCP. */
async function serve(options: TlsServerOptions): Promise<{ port: number; server: TlsServer }> {
  const server = stack.tls.createServer({ ...RSA, ...options }, quiet);
  const { port, server: kernel } = await kernelServer((socket) => server.emit("connection", socket));
  closing.push(() => kernel.close());
  return { port, server };
}

const ALPN = { ALPNProtocols: ["x", "y"] };

test.for(["ECDHE-RSA-AES128-GCM-SHA256", "AES256-SHA256"])(
  "our client tells what Node's does of the same server, %s",
  async (ciphers) => {
    const server = nodeServer({ ...RSA, ciphers, maxVersion: "TLSv1.2", ALPNProtocols: ["y"] });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const options = { servername: "localhost", ca, ...ALPN };
    const ours = stack.tls.connect({ socket: kernelSocket(port), ...options });
    const nodes = nodeConnect({ port, host: "127.0.0.1", maxVersion: "TLSv1.2", ...options });
    await Promise.all([once(ours, "secureConnect"), once(nodes, "secureConnect")]);
    expect(told(ours)).toEqual(told(nodes));
    ours.destroy();
    nodes.destroy();
    server.close();
  },
);

test.for([
  [{}, {}],
  [{ requestCert: true, ca }, CLIENT],
  [{ requestCert: true, rejectUnauthorized: false, ca }, {}],
  [{ requestCert: true, rejectUnauthorized: false, ca }, RSA],
])("our server tells what Node's does of the same client, %#", async ([serverOptions, clientOptions]) => {
  const all = { ...RSA, ...serverOptions, ALPNProtocols: ["y"], ciphers: "AES128-GCM-SHA256" };
  const { port, server } = await serve(all);
  const nodes = nodeServer({ ...all, maxVersion: "TLSv1.2" });
  nodes.listen(0, "127.0.0.1");
  await once(nodes, "listening");
  const client = { host: "127.0.0.1", servername: "localhost", maxVersion: "TLSv1.2" } as const;
  const dial = (to: number): TLSSocket => nodeConnect({ port: to, ca, ...client, ...ALPN, ...clientOptions });
  const accepted = Promise.all([once(server, "secureConnection"), once(nodes, "secureConnection")]);
  const dialled = [port, (nodes.address() as { port: number }).port].map(dial);
  const [[ours], [theirs]] = (await accepted) as [[TlsSocket], [TLSSocket]];
  expect(told(ours)).toEqual(told(theirs));
  for (const socket of [...dialled, ours, theirs]) {
    socket.on("error", () => undefined);
    socket.destroy();
  }
  nodes.close();
});

/** One handshake of our client with our server; the client's socket. */
async function shake(port: number, options: object = {}): Promise<TlsSocket> {
  const socket = stack.tls.connect({ socket: kernelSocket(port), servername: "localhost", ca, ...options });
  closing.push(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

test("`getPeerCertificate(true)` leads from the certificate to the root that was sent, and from the root to itself", async () => {
  const { port } = await serve({ cert: RSA.cert + ca });
  const certificate = (await shake(port)).getPeerCertificate(true);
  expect(certificate.subject).toEqual({ CN: "rsa.tls.test" });
  expect(certificate.issuerCertificate?.subject).toEqual({ CN: "fourtuple test root" });
  expect(certificate.issuerCertificate?.issuerCertificate).toBe(certificate.issuerCertificate);
});

test("`setSecureContext` gives connections from then on another certificate", async () => {
  const { port, server } = await serve({});
  expect((await shake(port)).getPeerCertificate().subject).toEqual({ CN: "rsa.tls.test" });
  server.setSecureContext({ cert: certificatePem("ecdsa"), key: keyPem("ecdsa") });
  expect((await shake(port)).getPeerCertificate().subject).toEqual({ CN: "ecdsa.tls.test" });
});

test("RFC 7301 §3.2: `ALPNCallback` chooses, and refuses by choosing nothing or what was not offered", async () => {
  const asked: unknown[] = [];
  const answers = ["y", undefined, "z"];
  const { port, server } = await serve({
    ALPNCallback: (hello) => {
      asked.push(hello);
      return answers.shift();
    },
  });
  const errors: (string | undefined)[] = [];
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => errors.push(error.code));
  expect((await shake(port, ALPN)).alpnProtocol).toBe("y");
  for (let i = 0; i < 2; i++) await expect(shake(port, ALPN)).rejects.toThrow(/no_application_protocol/);
  expect(asked).toEqual(new Array(3).fill({ servername: "localhost", protocols: ["x", "y"] }));
  expect(errors).toEqual(["ERR_TLS_NO_APPLICATION_PROTOCOL", "ERR_TLS_NO_APPLICATION_PROTOCOL"]);
});

test("an encrypted key is read with its passphrase, and roots in DER as those in PEM", async () => {
  const encrypted = createPrivateKey(RSA.key)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open" })
    .toString();
  const refused = /options\.key cannot be read/;
  expect(() => stack.tls.createServer({ cert: RSA.cert, key: encrypted })).toThrow(refused);
  expect(() => stack.tls.createServer({ cert: RSA.cert, key: encrypted, passphrase: "wrong" })).toThrow(refused);
  for (const options of [{ key: encrypted, passphrase: "open" }, { key: [{ pem: encrypted, passphrase: "open" }] }]) {
    const { port } = await serve({ cert: RSA.cert, ...options });
    expect((await shake(port, { ca: new X509Certificate(ca).raw })).authorized).toBe(true);
  }
});

test("RFC 5077 §5.6: a session lives as long as `sessionTimeout` says, in seconds", async () => {
  let nowMs = 0;
  const world = {
    random: CRYPTO_RANDOM,
    timebase: new EventLoopTimebase(),
    wallClockMs: () => nowMs,
    defaultRoots: defaultRoots(),
    privateKeys: IN_PLACE,
  };
  const server = createTls(stack.net, world).createServer({ ...RSA, sessionTimeout: 60 }, quiet);
  const { port, server: kernel } = await kernelServer((socket) => server.emit("connection", socket));
  const first = await shake(port);
  const session = first.getSession();
  nowMs += 59_000;
  expect((await shake(port, { session })).isSessionReused()).toBe(true);
  nowMs += 1000;
  expect((await shake(port, { session })).isSessionReused()).toBe(false);
  kernel.close();
});

test("`tls.connect` takes a port, a host, options and a listener, in Node's order", async () => {
  const [one, other] = memoryPair({ timebase: new EventLoopTimebase() });
  await using left = await Stack.open({ device: one, address: "198.18.0.1/24" });
  await using right = await Stack.open({ device: other, address: "198.18.0.2/24" });
  right.tls.createServer(RSA, quiet).listen(443);
  const host = "198.18.0.2";
  const connected = (dial: (listener: () => void) => TlsSocket): Promise<TlsSocket> =>
    new Promise((resolve) => {
      const socket = dial(() => resolve(socket));
    });
  for (const dial of [
    (listener: () => void) => left.tls.connect(443, host, { ca }, listener),
    (listener: () => void) => left.tls.connect(443, { host, ca }, listener),
    (listener: () => void) => left.tls.connect({ port: 443, host, ca }, listener),
  ]) {
    const socket = await connected(dial);
    expect([socket.authorized, socket.remoteAddress, socket.remotePort]).toEqual([true, host, 443]);
    socket.destroy();
  }
  await Promise.all([left.close({ deadlineMs: 0 }), right.close({ deadlineMs: 0 })]);
});
