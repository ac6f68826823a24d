import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { duplexPair, type Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";

import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";
import type { TlsServer, TlsServerOptions } from "../../src/tls/tls-server.ts";
import { TlsSocket } from "../../src/tls/tls-socket.ts";
import type { TlsConnectOptions } from "../../src/tls/tls.ts";
import { certificatePem, keyPem } from "./support/fixtures.ts";
import { alertRecord } from "./support/wire.ts";

let left: Stack;
let right: Stack;
beforeEach(async () => {
  const [one, other] = memoryPair({ timebase: new EventLoopTimebase() });
  left = await Stack.open({ device: one, address: "198.18.0.1/24", strict: true });
  right = await Stack.open({ device: other, address: "198.18.0.2/24", strict: true });
});
afterEach(async () => {
  await Promise.all([left.close({ deadlineMs: 0 }), right.close({ deadlineMs: 0 })]);
});

const ca = certificatePem("root");
const RSA = { cert: certificatePem("rsa"), key: keyPem("rsa") };

/** Its sockets fail in silence: who destroys its end of a connection cuts the other one off. */
const serve = (options: TlsServerOptions = {}, listener: (socket: TlsSocket) => void = () => {}): TlsServer =>
  right.tls
    .createServer({ ...RSA, ...options }, (socket) => {
      socket.on("error", () => {});
      listener(socket);
    })
    .listen(443);
const dial = (options: TlsConnectOptions = {}): TlsSocket =>
  left.tls.connect({ port: 443, host: "198.18.0.2", ca, ...options });
const closed = (stream: Duplex): Promise<void> => new Promise((resolve) => stream.once("close", () => resolve()));

/** How a connection of a client ended: the code of its error, and what the server said of it. */
async function outcome(options: TlsConnectOptions, serverOptions: TlsServerOptions = {}) {
  const server = serve(serverOptions, (socket) => socket.end("served"));
  let told: string | undefined;
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => (told = error.code));
  const socket = dial(options);
  let code: string | undefined;
  let received = "";
  socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
  socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
  await closed(socket);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return { code, told, received };
}

test("two stacks speak TLS: the wrapped secret, the echo, the end on both sides", async () => {
  const seen: unknown[] = [];
  const server = serve({}, (socket) => {
    seen.push(socket.handshake?.exchange, socket.authorized, socket.servername);
    socket.pipe(socket);
  });
  const keyLog: string[] = [];
  server.on("keylog", (line: Buffer) => keyLog.push(line.toString()));
  const socket = dial({ servername: "localhost", keyExchange: "rsa" });
  socket.on("keylog", (line: Buffer) => keyLog.push(line.toString()));
  const big = Buffer.alloc(300_000, "x").toString();
  socket.write("hello ");
  socket.end(big);
  expect(await text(socket)).toBe(`hello ${big}`);
  expect(seen).toEqual([{ kind: "rsa", modulusBits: 2048, wrappedOctets: 256 }, false, "localhost"]);
  expect(socket).toMatchObject({
    authorized: true,
    authorizationError: null,
    encrypted: true,
    bytesRead: 300_006,
    bytesWritten: 300_006,
  });
  expect(socket.getProtocol()).toBe("TLSv1.2");
  expect(keyLog[0]).toMatch(/^CLIENT_RANDOM /);
  expect(keyLog[1]).toBe(keyLog[0]);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test.for([
  ["a name of the certificate", { servername: "a.tls.test" }, undefined],
  ["the address that was dialled, without SNI", {}, undefined],
  ["another name", { servername: "evil.test" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  [
    "roots that do not know it: a man in the middle",
    { ca: certificatePem("ecdsa") },
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
  ["Node's own roots", { ca: undefined }, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
] as const)("the server is judged by %s", async ([, options, code]) => {
  const { told, ...seen } = await outcome(options);
  expect(seen).toEqual({ code, received: code === undefined ? "served" : "" });
  if (code !== undefined) expect(told).toMatch(/^ERR_SSL_(TLSV1_ALERT_UNKNOWN_CA|SSLV3_ALERT_BAD_CERTIFICATE)$/);
});

test("no secret is wrapped for a server that is not trusted: the handshake stops before", async () => {
  const lines: unknown[] = [];
  serve().on("keylog", (line) => lines.push(line));
  const socket = dial({ servername: "evil.test" });
  socket.on("keylog", (line) => lines.push(line)).on("error", () => {});
  await closed(socket);
  expect(lines).toEqual([]);
});

test("`rejectUnauthorized: false` goes on and tells why it should not; `checkServerIdentity` takes the name's place", async () => {
  serve({}, (socket) => socket.resume());
  const loose = dial({ servername: "evil.test", rejectUnauthorized: false });
  await once(loose, "secureConnect");
  expect(loose).toMatchObject({ authorized: false, authorizationError: "ERR_TLS_CERT_ALTNAME_INVALID" });
  loose.destroy();
  const asked: unknown[] = [];
  const own = dial({
    servername: "evil.test",
    checkServerIdentity: (host, certificate) => void asked.push([host, certificate.subject.CN]),
  });
  await once(own, "secureConnect");
  expect(asked).toEqual([["evil.test", "rsa.tls.test"]]);
  own.destroy();
  const thrown = new Error("not mine");
  const refused = dial({ checkServerIdentity: () => thrown });
  const error = await new Promise((resolve) => refused.once("error", resolve));
  expect(error).toBe(thrown);
});

test.for([
  [
    "no suite in common",
    { ciphers: "AES128-SHA" },
    { ciphers: "AES256-SHA" },
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    "ERR_TLS_HANDSHAKE_FAILURE",
  ],
  [
    "no protocol in common",
    { ALPNProtocols: ["a"] },
    { ALPNProtocols: ["b"] },
    "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
    "ERR_TLS_NO_APPLICATION_PROTOCOL",
  ],
  [
    "a certificate that is asked for and missing",
    {},
    { requestCert: true, ca },
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    "ERR_TLS_HANDSHAKE_FAILURE",
  ],
] as const)(
  "%s: both sides learn of it, by an alert that no reset overtakes",
  async ([, options, serverOptions, code, told]) => {
    expect(await outcome(options, serverOptions)).toEqual({ code, told, received: "" });
  },
);

test("RFC 5246 §7.2.1: a connection that is cut off is ECONNRESET, on both sides, and inside the handshake too", async () => {
  const errors: (string | undefined)[] = [];
  const note = (error: NodeJS.ErrnoException): void => void errors.push(error.code);
  const server = serve({}, (socket) => socket.on("error", note));
  server.on("tlsClientError", note);
  const raw = left.net.connect(443, "198.18.0.2");
  const cut = left.tls.connect({ socket: raw, ca, servername: "localhost" });
  cut.on("error", () => {});
  await once(cut, "secureConnect");
  raw.end(); // FIN without close_notify.
  await closed(raw);
  const silent = left.net.connect(443, "198.18.0.2");
  silent.end();
  await closed(silent.resume());
  expect(errors).toEqual(["ECONNRESET", "ECONNRESET"]);
});

test("a handshake that takes too long is given up, and its connection is gone", async () => {
  const server = serve({ handshakeTimeout: 20 });
  const idle = left.net.connect(443, "198.18.0.2").on("error", () => {});
  const [error] = (await once(server, "tlsClientError")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ERR_TLS_HANDSHAKE_TIMEOUT");
  await closed(idle.resume());
});

test("SNI: names, wildcards and the callback choose certificates; a callback that fails ends the handshake", async () => {
  const ecdsa = right.tls.createSecureContext({ cert: certificatePem("ecdsa"), key: keyPem("ecdsa") });
  const server = serve({
    SNICallback: (name, answer) => {
      if (name === "late.test") setImmediate(answer, null, ecdsa);
      else if (name === "bad.test") answer(new Error("no such name"));
      else if (name === "throw.test") throw new Error("thrown");
      else answer(null);
    },
  });
  server.addContext("*.ecdsa.test", ecdsa);
  const subject = async (servername: string): Promise<unknown> => {
    const socket = dial({ servername, checkServerIdentity: () => undefined });
    const error = await new Promise((resolve) => {
      socket.once("secureConnect", () => resolve(null)).once("error", resolve);
    });
    const shown = socket.getPeerCertificate().subject?.CN ?? (error as NodeJS.ErrnoException).code;
    socket.destroy();
    return shown;
  };
  const names = ["a.ecdsa.test", "ecdsa.test", "late.test", "bad.test", "throw.test", ""];
  expect(await Promise.all(names.map(subject))).toEqual([
    "ecdsa.tls.test",
    "rsa.tls.test",
    "ecdsa.tls.test",
    "ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME",
    "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR",
    "rsa.tls.test",
  ]);
});

test("half-closed: a side that stays open still sends after the other has ended", async () => {
  serve({ allowHalfOpen: true }, (socket) => {
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
    socket.on("end", () => socket.end(`you said ${said}`));
  });
  const socket = dial({ allowHalfOpen: true });
  socket.end("bye");
  expect(await text(socket)).toBe("you said bye");
});

test("a reader that does not read holds the writer up, and gets everything in the end", async () => {
  let accepted: TlsSocket | undefined;
  serve({}, (socket) => {
    accepted = socket;
    socket.pause();
  });
  const socket = dial();
  await once(socket, "secureConnect");
  const chunk = Buffer.alloc(1 << 16, 7);
  let written = 0;
  // What all queues on the way hold together is taken in far fewer turns of the event loop than these.
  for (let turn = 0; turn < 2000; turn++) {
    while (!socket.writableNeedDrain && written < 20_000_000) {
      socket.write(chunk);
      written += chunk.length;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(written).toBeLessThan(20_000_000);
  socket.resume().end();
  let count = 0;
  for await (const piece of accepted ?? []) count += (piece as Buffer).length;
  expect(count).toBe(written);
  await closed(socket);
});

test("what listeners throw reaches uncaughtException, and the connection goes on", async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error));
  serve({}, (socket) => socket.pipe(socket));
  const socket = dial();
  socket.once("secureConnect", () => {
    throw new Error("from secureConnect");
  });
  const first = once(socket, "data");
  socket.once("data", () => {
    throw new Error("from data");
  });
  socket.write("one");
  await first;
  socket.write("two");
  await once(socket, "data");
  process.removeAllListeners("uncaughtException");
  for (const listener of listeners) process.on("uncaughtException", listener);
  expect(thrown).toMatchObject([{ message: "from secureConnect" }, { message: "from data" }]);
  socket.destroy();
});

test("over any Duplex: a client and a server without a network, and node:http over it", async () => {
  const [here, there] = duplexPair();
  const server = serve({}, (socket) =>
    right.http.createServer((_request, response) => response.send(200, {}, "page")).serve(socket),
  );
  server.emit("connection", there);
  const socket = left.tls.connect({ socket: here, servername: "localhost", ca });
  const request = httpRequest({ createConnection: () => socket, host: "localhost" }).end();
  const [response] = (await once(request, "response")) as [NodeJS.ReadableStream];
  expect(await text(response)).toBe("page");
  socket.destroy();
});

test("HTTPS and HTTP by one server; its close ends handshakes that are not over", async () => {
  const http = right.http.createServer((request, response) => response.send(200, {}, `page ${request.path}`));
  http.listen(80).listenSecure({ port: 443, tls: RSA });
  for (const socket of [dial({ ALPNProtocols: ["http/1.1"] }), left.net.connect(80, "198.18.0.2")]) {
    socket.write("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*page \/x$/);
  }
  const idle = left.net.connect(443, "198.18.0.2").on("error", () => {});
  await once(idle, "connect");
  await http.close();
  await closed(idle.resume());
});

test("an alert of the peer's is an error with Node's code, on the side that gets it", async () => {
  const server = serve();
  const raw = left.net.connect(443, "198.18.0.2");
  raw.write(alertRecord(2, "user_canceled"));
  const [error] = (await once(server, "tlsClientError")) as [NodeJS.ErrnoException];
  expect(error).toMatchObject({ name: "TlsError", code: "ERR_SSL_TLSV1_ALERT_USER_CANCELED", alert: "user_canceled" });
  await closed(raw.resume());
});

test.each([
  [{ ciphers: "HIGH" }, /"HIGH" is not known/],
  [{ ciphers: "AES128-SHA", keyExchange: "ecdhe" }, /leave no cipher suite/],
  [{ ecdhCurve: "P-521" }, /"P-521" is not known/],
  [{ sigalgs: "rsa_pkcs1_sha1" }, /not known/],
  [{ cert: "none" }, /holds no certificate/],
  [{ cert: certificatePem("rsa") }, /to which no key/],
  [{ cert: certificatePem("rsa"), key: keyPem("ecdsa") }, /to which no key/],
  [{ key: keyPem("rsa") }, /without options.cert/],
  [{ cert: certificatePem("rsa"), key: "none" }, /options.key cannot be read/],
  [{ ca: "none" }, /options.ca holds no certificate/],
] as const)("a context that cannot be used is refused: %j", (options, message) => {
  expect(() => left.tls.createSecureContext(options)).toThrow(message);
  expect(() => left.tls.connect({ port: 1, ...options })).toThrow(message);
});

test("a server without a certificate is refused; `getCiphers` lists what may be named", () => {
  expect(() => right.tls.createServer()).toThrow(/needs a certificate/);
  expect(left.tls.getCiphers()).toContain("ecdhe-rsa-aes128-gcm-sha256");
  for (const name of left.tls.getCiphers()) left.tls.createSecureContext({ ciphers: name.toUpperCase() });
});
