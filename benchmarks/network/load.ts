import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beside, run } from "./command.ts";
import { pinned, placement } from "./processors.ts";

/** What a load generator says in the end. */
export interface LoadReport {
  /** Requests, exchanges, or system calls that moved octets. */
  readonly operations: number;
  readonly octets: number;
  readonly errors: number;
  readonly seconds: number;
  /** Of the generator itself. wrk does not tell. */
  readonly cpuSeconds?: number;
  /** Operations a second where that is not all of them in all of the time. */
  readonly rate?: number;
  /** Latency in microseconds, where it was measured. */
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
}

const PROGRAMS = [
  "clients/bulk.c",
  "clients/idle.c",
  "clients/paced.c",
  "clients/pingpong.c",
  "clients/short.c",
  "servers/plain.c",
];
const FLAGS = ["-O2", "-Wall", "-Wextra", "-fno-strict-aliasing", "-pthread"];

/** Compiles our own programs in C into a folder made for them; returns it. The caller removes it. */
export function compilePrograms(): string {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-bench-"));
  for (const source of PROGRAMS) {
    const name = /(\w+)\.c$/.exec(source)?.[1] ?? "";
    run(["gcc", ...FLAGS, "-o", join(folder, name), beside(source, import.meta.url)]);
  }
  return folder;
}

/** Runs a load generator to its end; its report is the last line that it prints. Errors: with all that it said. */
export async function load(command: readonly string[], processor = placement().load): Promise<LoadReport> {
  const [file = "", ...args] = pinned(processor, command);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${String(status)}: ${output}${complaint}`);
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as LoadReport;
}

/** A load generator that holds something until it is let go. */
export class HeldLoad {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  /** Users call `start`. */
  constructor(child: ChildProcess, closed: Promise<unknown>) {
    this.#child = child;
    this.#closed = closed;
  }

  /** Resolves when it has said its first word. Errors: it ended before that. */
  static async start(command: readonly string[]): Promise<HeldLoad> {
    const [file = "", ...args] = pinned(placement().load, command);
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    const closed = once(child, "close");
    const first = await Promise.race([once(child.stdout, "data"), closed.then(() => null)]);
    if (first === null) throw new Error(`${command.join(" ")} ended early`);
    return new HeldLoad(child, closed);
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#closed;
  }
}
