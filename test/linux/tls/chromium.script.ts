/** What `chromium.test.ts` runs in a namespace: Chromium on the kernel's TCP, and pages of ours on a TUN. It can reach nothing else. */
import { execFileSync, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";

import { CIPHER_SUITES } from "../../../src/tls/suites.ts";
import type { TlsSocket } from "../../../src/tls/tls-socket.ts";
import { certificatePem, fixturePath } from "../../tls/support/fixtures.ts";
import { STACK } from "../kernel-side.ts";
import { BULK, ca, serve, stack, SUITES } from "./tun-link.ts";

const HOSTS = { rsa: "rsa.tls.test", ecdsa: "ecdsa.test" };
const GIVE_UP_MS = 60_000;

/** Suites that a ClientHello offers, by number: read by hand, RFC 5246 §7.4.1.2. */
function offeredIn(hello: Buffer): number[] {
  const sessionAt = 5 + 4 + 2 + 32;
  const at = sessionAt + 1 + hello.readUInt8(sessionAt);
  const octets = hello.subarray(at + 2, at + 2 + hello.readUInt16BE(at));
  return Array.from({ length: octets.length / 2 }, (_, i) => octets.readUInt16BE(2 * i));
}

interface SuiteRun {
  readonly port: number;
  readonly host: string;
  /** Of each connection: server name, protocol, suite, resumed. */
  readonly connections: unknown[];
  readonly failures: (string | undefined)[];
}

/** A connection for each request: the second must resume the first one's session. */
const ONE_REQUEST = { requestsPerConnection: 1 };

const answers = stack.http.createServer({
  handler: async (request, response) => {
    const headers = { "content-type": "application/octet-stream", "access-control-allow-origin": "*" };
    response.send(200, headers, await request.body.bytes(BULK));
  },
  limits: ONE_REQUEST,
});

async function serveSuite({ name, authentication }: (typeof SUITES)[number]): Promise<SuiteRun> {
  const connections: unknown[] = [];
  const { port, failures } = await serve({ ciphers: name, ALPNProtocols: ["http/1.1"] }, (socket: TlsSocket) => {
    connections.push([socket.servername, socket.alpnProtocol, socket.getCipher().name, socket.isSessionReused()]);
    answers.serve(socket);
  });
  return { port, host: HOSTS[authentication], connections, failures };
}

/** Runs in the page: sends octets to every server, and asks each once more. */
const page = (runs: Record<string, SuiteRun>): string => `<!doctype html><title>fourtuple</title><script type="module">
  const octets = new Uint8Array(${BULK});
  for (let i = 0, word = 1; i < octets.length; i++) octets[i] = (word = (Math.imul(word, 1103515245) + 12345) | 0) >>> 16;
  const seen = {};
  for (const [suite, url] of ${JSON.stringify(Object.entries(runs).map(([name, { host, port }]) => [name, `https://${host}:${port}/`]))}) {
    try {
      const back = new Uint8Array(await (await fetch(url, { method: "POST", body: octets })).arrayBuffer());
      seen[suite] = back.length === octets.length && back.every((octet, i) => octet === octets[i]) ? "same" : "not the same";
      await fetch(url);
    } catch (error) {
      seen[suite] = String(error);
    }
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
</script>`;

interface Page {
  readonly port: number;
  readonly reported: Promise<unknown>;
  /** The suites that Chromium offers. */
  readonly offered: () => number[];
  /** Of each connection: whose certificate Chromium showed, whether it is trusted, resumed. */
  readonly visitors: unknown[];
}

/** Serves the page to whoever shows a certificate. */
async function servePage(runs: Record<string, SuiteRun>): Promise<Page> {
  let report: (seen: unknown) => void = () => undefined;
  const reported = new Promise<unknown>((resolve) => (report = resolve));
  const html = stack.http.createServer({
    handler: async (request, response) => {
      if (request.path === "/report") report(JSON.parse(Buffer.from(await request.body.bytes(1 << 16)).toString()));
      response.send(200, { "content-type": "text/html" }, page(runs));
    },
    limits: ONE_REQUEST,
  });
  const visitors: unknown[] = [];
  const options = { ALPNProtocols: ["http/1.1"], requestCert: true, ca };
  const { port, server } = await serve(options, (socket) => {
    visitors.push([socket.getPeerCertificate().subject?.CN, socket.authorized, socket.isSessionReused()]);
    html.serve(socket);
  });
  let hello = Buffer.alloc(0);
  server.once("connection", (stream: Duplex) => stream.once("data", (octets: Buffer) => (hello = Buffer.from(octets))));
  return { port, reported, offered: () => offeredIn(hello), visitors };
}

const spkiHash = (pem: string): string =>
  createHash("sha256")
    .update(new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");

/** Puts the client's certificate and key where Chromium looks for its own, and tells it by policy to show them without asking. */
function giveCertificate(folder: string): void {
  const [database, packed] = [`sql:${join(folder, ".pki", "nssdb")}`, join(folder, "client.p12")];
  const files = ["-in", fixturePath("client.pem"), "-inkey", fixturePath("client.key"), "-out", packed];
  mkdirSync(join(folder, ".pki", "nssdb"), { recursive: true });
  execFileSync("openssl", ["pkcs12", "-export", ...files, "-passout", "pass:"]);
  execFileSync("certutil", ["-N", "-d", database, "--empty-password"]);
  execFileSync("pk12util", ["-i", packed, "-d", database, "-W", ""], { stdio: "pipe" });
  mkdirSync(join(folder, "etc", "policies", "managed"), { recursive: true });
  const policy = { AutoSelectCertificateForUrls: [JSON.stringify({ pattern: "*", filter: {} })] };
  writeFileSync(join(folder, "etc", "policies", "managed", "test.json"), JSON.stringify(policy));
}

/** Runs a command to which `folder/etc` is Chromium's `/etc`: in a mount namespace of its own, so that nobody else sees it. */
const WITH_POLICY = (folder: string): readonly string[] => [
  ...["--mount", "sh", "-c", 'mount --bind "$0" /etc/chromium && exec "$@"', join(folder, "etc")],
];

/** Chromium, which trusts our two keys, finds every name at our address, and has a certificate of its own. */
function chromium(url: string, folder: string): { stop: () => Promise<void>; output: () => string } {
  const trusted = (["rsa", "ecdsa"] as const).map((name) => spkiHash(certificatePem(name)));
  const args = [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-extensions"],
    `--user-data-dir=${join(folder, "profile")}`,
    `--host-resolver-rules=MAP * ${STACK}`,
    `--ignore-certificate-errors-spki-list=${trusted.join(",")}`,
  ];
  // A group of its own: it has many processes.
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder };
  giveCertificate(folder);
  const command = [...WITH_POLICY(folder), "chromium", ...args, url];
  const child = spawn("unshare", command, { detached: true, stdio: ["ignore", "ignore", "pipe"], env });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  child.on("error", (error) => (said += String(error)));
  const stop = async (): Promise<void> => {
    if (child.pid === undefined || child.exitCode !== null) return;
    process.kill(-child.pid, "SIGKILL");
    await once(child, "close");
  };
  return { stop, output: () => said };
}

const folder = mkdtempSync(join(tmpdir(), "fourtuple-chromium-"));
const runs: Record<string, SuiteRun> = {};
for (const suite of SUITES) runs[suite.name] = await serveSuite(suite);
const { port, reported, offered, visitors } = await servePage(runs);
const browser = chromium(`https://${HOSTS.rsa}:${port}/`, folder);
const late = new Promise((_, reject) => setTimeout(() => reject(new Error("Chromium has not reported")), GIVE_UP_MS));
try {
  const seen = (await Promise.race([reported, late])) as Record<string, string>;
  const offers = offered();
  const told = CIPHER_SUITES.map(({ id, name }) => [
    name,
    {
      offered: offers.includes(id),
      result: seen[name],
      connections: runs[name]?.connections,
      failures: runs[name]?.failures,
    },
  ]);
  process.stdout.write(JSON.stringify({ visitors, suites: Object.fromEntries(told) as unknown }));
} catch (error) {
  process.stderr.write(`${String(error)}\n${browser.output()}`);
  process.exitCode = 1;
} finally {
  await browser.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
process.exit();
