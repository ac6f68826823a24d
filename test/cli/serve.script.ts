// Runs `serve` inside a namespace, calls it with the kernel's programs, and prints what was seen as JSON.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { configureInterface } from "../../src/device/tun-interface.ts";

const FILE_OCTETS = 100 * 2 ** 20;
const ECHO_OCTETS = 32 * 2 ** 20;
const DISCARDED_OCTETS = 1_000_000;

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const typescript = new URL("../support/typescript.mjs", import.meta.url).href;
const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "fourtuple-serve-"));

interface Server {
  readonly child: ChildProcess;
  readonly ready: string;
  readonly ended: () => Promise<{ status: number | null; stderr: string }>;
}

async function serve(args: readonly string[]): Promise<Server> {
  const all = ["--import", typescript, main, "serve", "--tun", "tun0", "--address", "198.18.0.2/24", ...args];
  const child = spawn(process.execPath, all, { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const closed = once(child, "close") as Promise<[number | null]>;
  const line = await Promise.race([once(child.stdout.setEncoding("utf8"), "data"), closed.then(() => [""])]);
  return {
    child,
    ready: String(line[0]).trimEnd(),
    ended: async () => ({ status: (await closed)[0], stderr }),
  };
}

const curl = async (...args: string[]): Promise<string> => (await execute("curl", ["-sS", "-m", "20", ...args])).stdout;

/** Sends `octets` to a port and takes all that comes back until the end. */
async function exchange(port: number, octets: Uint8Array): Promise<Buffer> {
  const socket = connect(port, "198.18.0.2");
  socket.end(octets);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function firstCharacters(port: number): Promise<string> {
  const socket = connect(port, "198.18.0.2");
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return chunk.toString("latin1", 0, 80);
}

async function fileIsSame(url: string, octets: Uint8Array): Promise<boolean> {
  const child = spawn("curl", ["-sS", "-m", "20", url], { stdio: ["ignore", "pipe", "inherit"] });
  const hash = createHash("sha256");
  for await (const chunk of child.stdout) hash.update(chunk as Buffer);
  return hash.digest("hex") === createHash("sha256").update(octets).digest("hex");
}

async function services(): Promise<object> {
  const file = randomFillSync(new Uint8Array(FILE_OCTETS));
  writeFileSync(join(folder, "file"), file);
  const ports = ["--http", "8080", "--echo", "5007", "--discard", "5001", "--chargen", "5002"];
  const { child, ready, ended } = await serve(["--peer", "198.18.0.1", "--root", folder, ...ports]);
  const url = "http://198.18.0.2:8080";
  const status = async (...args: string[]): Promise<string> => curl("-o", "/dev/null", "-w", "%{http_code}", ...args);
  const echo = file.subarray(0, ECHO_OCTETS);
  const seen = {
    ready,
    ping: (await execute("ping", ["-c", "3", "-i", "0.05", "198.18.0.2"])).stdout,
    page: await curl(`${url}/`),
    statuses: [
      await status(`${url}/`),
      await status(`${url}/nocontent`),
      await status(`${url}/none`),
      await status("-X", "DELETE", `${url}/`),
    ],
    echoed: await curl("-d", "what went in", `${url}/echo`),
    fileIsSame: await fileIsSame(`${url}/file`, file),
    tcpEchoIsSame: (await exchange(5007, echo)).equals(echo),
    discarded: (await exchange(5001, file.subarray(0, DISCARDED_OCTETS))).toString(),
    characters: await firstCharacters(5002),
  };
  child.kill("SIGINT");
  return { ...seen, ...(await ended()) };
}

async function any(): Promise<object> {
  const capture = join(folder, "capture.pcapng");
  const impairment = "loss=0.02,reorder=0.01,duplicate=0.01,corrupt=0.001,seed=3";
  const more = ["--peer", "198.18.0.1", "--mtu", "1400", "--http", "80", "--any", "--pcap", capture];
  const { child, ready, ended } = await serve([...more, "--impair", impairment]);
  const anyPort = await curl("http://198.18.0.77:12345/");
  child.kill("SIGTERM");
  const end = await ended();
  const captured = statSync(capture).size;
  // A pcapng section header, draft-ietf-opsawg-pcapng §4.1.
  if (readFileSync(capture).readUInt32BE(0) !== 0x0a0d0d0a) throw new Error("this is no pcapng file");
  return { ready, anyPort, captured, ...end };
}

async function removed(): Promise<object> {
  const { ready, ended } = await serve(["--peer", "198.18.0.1", "--log-level", "silent"]);
  await execute("ip", ["link", "delete", "tun0"]);
  return { ready, ...(await ended()) };
}

configureInterface("lo", { up: true });
const scenarios: Readonly<Record<string, () => Promise<object>>> = { services, any, removed };
try {
  const scenario = scenarios[process.argv[2] ?? ""];
  process.stdout.write(JSON.stringify(await scenario()));
} finally {
  rmSync(folder, { recursive: true });
}
