/**
 * Runs the mixed-fault scenario from the command line:
 * `node --import ./test/support/typescript.mjs test/sim/network/scenario.script.ts SEED [COUNT]`.
 * A failure leaves its capture in the working folder. With `--json` behind COUNT the report is for programs.
 */
import { runScenarios } from "../../../src/sim/index.ts";
import { histogram, replay } from "./seeds-report.ts";

const [first = "1", count = "1", format = ""] = process.argv.slice(2);
const report = await runScenarios(Number(first), Number(count), { replay });
const failures = report.failures.map(({ message }) => message);

process.stdout.write(
  format === "--json"
    ? JSON.stringify({ ...report, failures })
    : `${failures.map((message) => `${message}\n`).join("")}${histogram({ ...report, failures })}\n`,
);
process.exitCode = failures.length > 0 ? 1 : 0;
