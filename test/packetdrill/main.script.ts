/** `npm run pkt -- [--leave-out=WORD,…] [--set=NAME=NUMBER,…] FILE|DIR …`: runs packetdrill scripts against the stack. See docs/packetdrill.md. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type TcpConfig, tcpConfig } from "../../src/tcp/config.ts";
import { type Outcome, runScript } from "./runner.ts";

const USAGE = "use: npm run pkt -- [--leave-out=WORD,...] [--set=NAME=NUMBER,...] FILE|DIR ...";

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const found = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".pkt"));
  return found.sort().map((name) => join(path, name));
}

const indent = (text: string): string => text.replaceAll("\n", "\n    ");

function describe(file: string, outcome: Outcome): string {
  switch (outcome.status) {
    case "passed": {
      const without = outcome.leftOut > 0 ? ` (without ${String(outcome.leftOut)} of its events)` : "";
      return `passed   ${file}${without}`;
    }
    case "failed":
      return `failed   ${file}\n    ${indent(outcome.reason)}`;
    case "skipped":
      return `skipped  ${file}: ${outcome.reason}`;
  }
}

const words = (text: string): string[] => text.split(",").filter((word) => word !== "");

/** Numbers of `TcpConfig` by their names: "delayedAckMs=0". */
function settingsFrom(assignments: readonly string[]): Partial<TcpConfig> {
  const known = tcpConfig({});
  return Object.fromEntries(
    assignments.map((assignment) => {
      const [name, value] = assignment.split("=");
      if (!(name in known) || Number.isNaN(Number(value))) throw new Error(`--set=${assignment}: ${USAGE}`);
      return [name, Number(value)];
    }),
  );
}

function main(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { "leave-out": { type: "string", default: "" }, set: { type: "string", default: "" } },
  });
  const files = positionals.flatMap(filesIn);
  if (files.length === 0) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const leaveOut = words(values["leave-out"]);
  const tcp = settingsFrom(words(values.set));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const outcome = runScript(readFileSync(file, "utf8"), file, { leaveOut, tcp });
    counts[outcome.status]++;
    process.stdout.write(`${describe(file, outcome)}\n`);
  }
  process.stdout.write(
    `${String(files.length)} scripts: ${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} skipped\n`,
  );
  return counts.failed > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
