import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Runs a command of the set-up to its end and returns what it printed. Errors: with what it said. */
export function run(command: readonly string[]): string {
  const [file = "", ...args] = command;
  return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** The path of a file beside the caller's, given its `import.meta.url`. */
export const beside = (file: string, base: string): string => fileURLToPath(new URL(file, base));

const typescript = beside("../../test/support/typescript.mjs", import.meta.url);
/** This tree's build. */
export const DIST = beside("../../dist", import.meta.url);

/** Shape: a command. `node` with what `BENCH_NODE_OPTIONS` adds (a profiler's, say); `file` may be TypeScript. */
export function node(file: string, args: readonly string[], options: readonly string[] = []): readonly string[] {
  const extra = (process.env["BENCH_NODE_OPTIONS"] ?? "").split(" ").filter((option) => option !== "");
  return [process.execPath, ...extra, ...options, "--import", typescript, file, ...args];
}

/** Whether a program of this name is found. */
export function isInstalled(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Programs that the benchmark calls; on Debian: gcc iproute2 libc-bin procps util-linux wrk. */
const TOOLS = ["gcc", "getconf", "ip", "nsenter", "sysctl", "taskset", "unshare", "wrk"];

/** Which of them are not installed. */
export const missingTools = (): readonly string[] => TOOLS.filter((tool) => !isInstalled(tool));
