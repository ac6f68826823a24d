/** What `programs.test.ts` runs in a namespace: OpenSSL, curl and Node's TLS on the kernel's TCP, ours on a TUN. */
import { once } from "node:events";
import { connect as nodeConnect, createServer as nodeServer, type TLSSocket } from "node:tls";

import type { TlsSocket } from "../../../src/tls/tls-socket.ts";
import { certificatePem, fixturePath, keyPem } from "../../tls/support/fixtures.ts";
import { type ProgramRun, runProgram, sClient as openSsl, sServer } from "../../tls/support/openssl.ts";
import { KERNEL, STACK } from "../kernel-side.ts";
import { BOTH, BULK, bulk, ca, compared, dial, eachSuite, echoBulk, readBulk, serve, stack } from "./tun-link.ts";

const CLIENT = { cert: certificatePem("client"), key: keyPem("client") };
const CLIENT_FILES = ["-cert", fixturePath("client.pem"), "-key", fixturePath("client.key")];
const TRUST = ["-CAfile", fixturePath("root.pem"), "-verify_return_error"];

const sClient = (port: number, args: readonly string[], input?: Uint8Array): Promise<ProgramRun> =>
  openSsl(port, args, input, STACK);

const nodeOptions = (port: number) =>
  ({ port, host: STACK, servername: "localhost", ca, maxVersion: "TLSv1.2" }) as const;

async function nodePort(server: ReturnType<typeof nodeServer>): Promise<number> {
  server.listen(0, KERNEL);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** Every suite, `BULK` octets each way: who is the client, and who the server. */
const BULK_RUNS = {
  "openssl s_client": () =>
    eachSuite(async ({ name }) => {
      const { port } = await serve({}, echoBulk);
      const args = ["-quiet", "-cipher", name, "-servername", "localhost", "-verify_hostname", "localhost", ...TRUST];
      return compared((await sClient(port, args, bulk)).stdout);
    }),
  "openssl s_server": () =>
    eachSuite(async ({ name, authentication }) => {
      const server = await sServer(authentication, ["-cipher", name], KERNEL);
      const socket = dial(server.port);
      await once(socket, "secureConnect");
      server.send(bulk);
      const back = compared(await readBulk(socket));
      socket.end(bulk);
      await once(socket, "close");
      await server.stop();
      return server.output().includes(bulk) && socket.authorized ? back : "what it got is not the same";
    }),
  "node:tls client": () =>
    eachSuite(async ({ name }) => {
      const { port } = await serve({}, echoBulk);
      const socket = nodeConnect({ ...nodeOptions(port), ciphers: name });
      socket.write(bulk);
      const back = compared(await readBulk(socket));
      return socket.getCipher().name === name && socket.authorized ? back : "another suite";
    }),
  "node:tls server": () =>
    eachSuite(async ({ name }) => {
      const server = nodeServer({ ...BOTH, ciphers: name, maxVersion: "TLSv1.2" }, echoBulk);
      const socket = dial(await nodePort(server));
      socket.write(bulk);
      const back = compared(await readBulk(socket));
      socket.end();
      server.close();
      return back;
    }),
  curl: () =>
    eachSuite(async ({ name }) => {
      const http = stack.http.createServer(async (request, response) => {
        response.send(200, { "content-type": "application/octet-stream" }, await request.body.bytes(BULK));
      });
      const { port } = await serve({}, (socket) => http.serve(socket));
      const to = ["--cacert", fixturePath("root.pem"), `https://${STACK}:${port}/`];
      const args = ["-sS", "--tls-max", "1.2", "--ciphers", name, "--data-binary", "@-", ...to];
      const { stdout, stderr } = await runProgram("curl", args, bulk);
      return stderr === "" ? compared(stdout) : stderr;
    }),
};

/** SNI, ALPN, tickets, IDs and client certificates: OpenSSL, Node and curl as clients of ours. */
async function asServer(): Promise<unknown> {
  const seen: Record<string, unknown> = {};
  const told = (socket: TlsSocket): unknown => [
    socket.servername,
    socket.alpnProtocol,
    socket.isSessionReused(),
    socket.authorized,
    socket.getPeerCertificate().subject?.CN ?? null,
  ];
  const sessions: unknown[] = [];
  const options = { ALPNProtocols: ["b", "a"], requestCert: true, rejectUnauthorized: false, ca };
  const serveOne = (socket: TlsSocket): void => {
    sessions.push(told(socket));
    socket.on("error", () => undefined); // -reconnect leaves without reading what we say last.
    socket.end();
  };
  const { port, server } = await serve({ ...options, cert: BOTH.cert[0], key: BOTH.key[0] }, serveOne);
  // Who was asked for a certificate and had none is asked again: such sessions are not resumed.
  const { port: open } = await serve({}, serveOne);
  server.addContext("ecdsa.test", { cert: BOTH.cert[1], key: BOTH.key[1] });
  const gathered = (): unknown[] => sessions.splice(0);

  const named = await sClient(port, ["-servername", "ecdsa.test", "-alpn", "a,b"]);
  const subject = /subject=(.*)/.exec(named.stdout.toString())?.[1];
  seen["openssl: name and protocol"] = [subject, ...gathered()];
  const refused = await sClient(port, ["-servername", "localhost", "-alpn", "c"]);
  seen["openssl: no protocol in common"] = refused.stderr.includes("no application protocol");
  await sClient(port, CLIENT_FILES);
  seen["openssl: certificate"] = gathered();
  await sClient(open, ["-reconnect", "-servername", "localhost"]);
  seen["openssl: -reconnect"] = gathered();
  await sClient(open, ["-reconnect", "-servername", "localhost", "-no_ticket"]);
  seen["openssl: -reconnect -no_ticket"] = gathered();

  const first = nodeConnect({ ...nodeOptions(port), ...CLIENT, ALPNProtocols: ["a"] }).resume();
  const [[session]] = (await Promise.all([once(first, "session"), once(first, "close")])) as [[Buffer], unknown];
  const again = nodeConnect({ ...nodeOptions(port), ...CLIENT, ALPNProtocols: ["a"], session }).resume();
  await once(again, "close");
  seen["node: certificate and ticket"] = gathered();

  seen["curl"] = await asServerOfCurl(told);
  return seen;
}

/** Two pages in one run of curl, a connection each: the second resumes the first one's session. */
async function asServerOfCurl(told: (socket: TlsSocket) => unknown): Promise<unknown[]> {
  const http = stack.http.createServer({
    handler: (request, response) => response.send(200, {}, request.path),
    limits: { requestsPerConnection: 1 },
  });
  const sessions: unknown[] = [];
  const options = { ALPNProtocols: ["http/1.1"], requestCert: true, ca };
  const { port } = await serve(options, (socket) => {
    sessions.push(told(socket));
    http.serve(socket);
  });
  const files = ["--cert", fixturePath("client.pem"), "--key", fixturePath("client.key")];
  const place = ["--cacert", fixturePath("root.pem"), "--resolve", `localhost:${port}:${STACK}`];
  const urls = ["a", "b"].map((page) => `https://localhost:${port}/${page}`);
  const { stdout, stderr } = await runProgram("curl", [
    ...["-sS", "--tls-max", "1.2", "--http1.1"],
    ...files,
    ...place,
    ...urls,
  ]);
  return [stdout.toString() + stderr, ...sessions];
}

/** The same of our client at OpenSSL's and Node's servers. */
async function asClient(): Promise<unknown> {
  const seen: Record<string, unknown> = {};
  const told = (socket: TlsSocket): unknown => [socket.alpnProtocol, socket.isSessionReused(), socket.authorized];
  for (const args of [[], ["-no_ticket"]]) {
    const must = ["-Verify", "1", "-CAfile", fixturePath("root.pem"), "-verify_return_error", "-alpn", "a"];
    const server = await sServer("rsa", ["-www", ...must, ...args], KERNEL);
    const first = dial(server.port, { ...CLIENT, ALPNProtocols: ["b", "a"] });
    const [session] = (await once(first, "session")) as [Buffer];
    const facts = [told(first)];
    first.end("GET / HTTP/1.0\r\n\r\n");
    await once(first.resume(), "close");
    const again = dial(server.port, { ...CLIENT, ALPNProtocols: ["b", "a"], session });
    await once(again, "secureConnect");
    facts.push(told(again));
    again.destroy();
    seen[["openssl", ...args].join(" ")] = facts;
    await server.stop();
  }
  seen["openssl -servername"] = await namesAtOpenSsl();
  const servernames: unknown[] = [];
  const trust = { requestCert: true, ca, maxVersion: "TLSv1.2", ALPNProtocols: ["a"] } as const;
  const server = nodeServer({ ...BOTH, ...trust }, (socket: TLSSocket & { servername?: unknown }) => {
    servernames.push([socket.servername, socket.getPeerCertificate().subject.CN]);
    socket.end();
  });
  const port = await nodePort(server);
  const first = dial(port, { ...CLIENT, ALPNProtocols: ["b", "a"], servername: "x.tls.test" }).resume();
  // All comes in one flight: the ticket, the end of the handshake and that of the connection.
  const closed = once(first, "close");
  const [session] = (await once(first, "session")) as [Buffer];
  const facts = [told(first)];
  await closed;
  const again = dial(port, { ...CLIENT, ALPNProtocols: ["b", "a"], servername: "x.tls.test", session }).resume();
  await Promise.all([once(again, "secureConnect"), once(again, "close")]);
  facts.push(told(again));
  server.close();
  seen["node"] = [...facts, ...servernames];
  return seen;
}

/** What `openssl s_server` shows to a client that asks for the name that its second certificate is for, and for another. */
async function namesAtOpenSsl(): Promise<unknown[]> {
  const second = ["-cert2", fixturePath("ecdsa.pem"), "-key2", fixturePath("ecdsa.key")];
  const server = await sServer("rsa", ["-servername", "ecdsa.test", ...second], KERNEL);
  const seen: unknown[] = [];
  for (const servername of ["ecdsa.test", "a.tls.test"]) {
    const socket = dial(server.port, { servername });
    await once(socket, "secureConnect");
    seen.push([socket.getPeerCertificate().subject?.CN, socket.authorized]);
    socket.destroy();
  }
  await server.stop();
  return seen;
}

const bulkSeen: Record<string, Record<string, string>> = {};
for (const [name, run] of Object.entries(BULK_RUNS)) {
  bulkSeen[name] = await run();
}
const seen = { bulk: bulkSeen, server: await asServer(), client: await asClient() };
process.stdout.write(JSON.stringify(seen), () => process.exit(0));
