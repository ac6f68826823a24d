import { spawn } from "node:child_process";
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
  /** Latency in microseconds, where it was measured. */
  readonly p50Us?: number;
  readonly p99Us?: number;
}

/** Compiles our own load generators into a folder made for them; returns it. The caller removes it. */
export function compileClients(): string {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-bench-"));
  for (const name of ["bulk", "short"]) {
    run(["gcc", "-O2", "-Wall", "-Wextra", "-o", join(folder, name), beside(`clients/${name}.c`, import.meta.url)]);
  }
  return folder;
}

/** Runs a load generator to its end; its report is the last line that it prints. Errors: with all that it said. */
export async function load(command: readonly string[]): Promise<LoadReport> {
  const [file = "", ...args] = pinned(placement().load, command);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${String(status)}: ${output}${complaint}`);
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as LoadReport;
}
