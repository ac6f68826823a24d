/** What the scripts of this folder share: the kernel's side of the link, and `serve` as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const KERNEL = "198.18.0.1";
export const STACK = "198.18.0.2";
/** Octets of the repeated pattern: a prime, so that no segment size divides it. */
const PERIOD = 1_048_573;

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(command: string, args: readonly string[], input?: Uint8Array): Promise<Ran> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  const out: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on("error", () => undefined); // It may end without reading.
  child.stdin.end(input);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, stdout: Buffer.concat(out).toString("latin1"), stderr };
}

/** As `run`; errors where it did not end with status 0. */
export async function must(command: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: status ${String(status)}\n${stdout}\n${stderr}`);
  return stdout;
}

const typescript = new URL("../support/typescript.mjs", import.meta.url).href;

/** Starts a TypeScript file of this tree as a process of its own. */
export const spawnScript = (file: URL, args: readonly string[]): ChildProcess =>
  spawn(process.execPath, ["--import", typescript, fileURLToPath(file), ...args], { stdio: ["pipe", "pipe", "pipe"] });

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** `stack.stats()` at the end, where `serve` logged it. */
  readonly stats: Record<string, Record<string, number>> | null;
}

/** A running `fourtuple serve`. */
export interface Serve {
  readonly ready: string;
  readonly child: ChildProcess;
  /** Sends `signal` and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  /** Waits for an end that something else brings about. */
  readonly ended: Promise<Ended>;
}

/** Starts `fourtuple serve` on tun0, which it makes, and waits until it is ready. */
export async function serve(...args: string[]): Promise<Serve> {
  const base = ["serve", "--tun", "tun0", "--address", `${STACK}/24`, "--peer", KERNEL, "--log-level", "info"];
  const child = spawnScript(new URL("../../src/cli/main.ts", import.meta.url), [...base, ...args]);
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, "close").then((how) => {
    const [status, signal] = how as [number | null, NodeJS.Signals | null];
    return { status, signal, stderr, stats: statsIn(stderr) };
  });
  if (child.stdout === null) throw new Error("no standard output");
  const line = once(createInterface(child.stdout), "line") as Promise<[string]>;
  const failed = ended.then(({ status }) => {
    throw new Error(`serve ended with ${String(status)}\n${stderr}`);
  });
  const [ready] = await Promise.race([line, failed]);
  const stop = (signal: NodeJS.Signals = "SIGINT"): Promise<Ended> => {
    child.kill(signal);
    return ended;
  };
  failed.catch(() => undefined); // From here on an end is what the caller asks for.
  return { ready, child, ended, stop };
}

function statsIn(log: string): Ended["stats"] {
  for (const line of log.split("\n").reverse()) {
    if (!line.includes('"stats"')) continue;
    return (JSON.parse(line) as { stats: Ended["stats"] }).stats;
  }
  return null;
}

export async function connected(options: Partial<NetConnectOpts> & { port: number }): Promise<Socket> {
  const socket = connect({ host: STACK, allowHalfOpen: true, ...options });
  await once(socket, "connect");
  return socket;
}

/** Octets that both sides know, `PERIOD` of them again and again. */
export class Pattern {
  readonly #octets: Buffer;

  constructor() {
    const once = Buffer.alloc(PERIOD);
    for (let i = 0, word = 1; i < PERIOD; i++) {
      word = (Math.imul(word, 1_103_515_245) + 12_345) | 0;
      once[i] = word >>> 16;
    }
    this.#octets = Buffer.concat([once, once]);
  }

  /** Octets [at, at + length), for `length` up to a mebibyte less 3. */
  slice(at: number, length: number): Buffer {
    const from = at % PERIOD;
    return this.#octets.subarray(from, from + length);
  }

  /** Whether `chunk` is what stands at `at`. */
  isAt(at: number, chunk: Buffer): boolean {
    for (let done = 0; done < chunk.length;) {
      const length = Math.min(PERIOD, chunk.length - done);
      if (this.slice(at + done, length).compare(chunk, done, done + length) !== 0) return false;
      done += length;
    }
    return true;
  }
}

/** Writes `octets` of `pattern` as fast as they are taken, then ends. */
export async function writeAll(socket: Socket, pattern: Pattern, octets: number, chunk = 262_144): Promise<void> {
  for (let at = 0; at < octets && !socket.destroyed;) {
    const length = Math.min(chunk, octets - at);
    if (!socket.write(pattern.slice(at, length))) await once(socket, "drain");
    at += length;
  }
  socket.end();
}

/** Reads to the end; counts, and compares with `pattern` until something differs. */
export async function readAll(socket: Socket, pattern: Pattern): Promise<{ octets: number; same: boolean }> {
  const seen = { octets: 0, same: true };
  socket.on("data", (chunk: Buffer) => {
    seen.same &&= pattern.isAt(seen.octets, chunk);
    seen.octets += chunk.length;
  });
  await once(socket, "end");
  return seen;
}

/** Sends `octets` to the stack's echo and compares what comes back. */
export async function echoed(port: number, octets: number, options: Partial<NetConnectOpts> = {}): Promise<boolean> {
  const pattern = new Pattern();
  const socket = await connected({ port, ...options });
  const [seen] = await Promise.all([readAll(socket, pattern), writeAll(socket, pattern, octets)]);
  return seen.same && seen.octets === octets;
}
