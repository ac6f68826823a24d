/**
 * Runs the mixed-fault scenario from the command line:
 * `node --import ./test/support/typescript.mjs test/sim/network/scenario.script.ts SEED [COUNT]`.
 * A failure leaves its capture in the working folder.
 */
import { FAULTS, runScenarios } from "../../../src/sim/index.ts";

const [first = "1", count = "1"] = process.argv.slice(2);
const script = "node --import ./test/support/typescript.mjs test/sim/network/scenario.script.ts";

const report = await runScenarios(Number(first), Number(count), { replay: (seed) => `${script} ${String(seed)}` });

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
for (const failure of report.failures) print(failure.message);
print(`${String(report.seeds)} seeds from ${String(report.first)}, ${String(report.failures.length)} failed`);
print(`${(report.virtualMs / 1000).toFixed(0)} s of virtual time`);
print("\nshare of the seeds in which each fault happened:");
for (const fault of FAULTS) {
  const share = (report.faults[fault] ?? 0) / Math.max(1, report.seeds - report.failures.length);
  print(`${fault.padEnd(24)} ${(share * 100).toFixed(1).padStart(5)} % ${"#".repeat(Math.round(share * 40))}`);
}
print("\nhow connections ended for their clients:");
for (const [ending, times] of Object.entries(report.endings))
  print(`${ending.padEnd(24)} ${String(times).padStart(8)}`);
print("\nstate × event:");
for (const [pair, times] of Object.entries(report.coverage)) print(`${pair.padEnd(44)} ${String(times).padStart(10)}`);
process.exitCode = report.failures.length > 0 ? 1 : 0;
