/**
 * Runs the micro-benchmarks and writes what they gave to `benchmarks/results/micro-NAME.json`.
 * Use: node --import ./test/support/typescript.mjs benchmarks/micro.ts [--smoke] [NAME …]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Bench } from "./harness.ts";
import { print } from "./print.ts";
import { suites } from "./suites.ts";

const { values, positionals } = parseArgs({ options: { smoke: { type: "boolean" } }, allowPositionals: true });
const machine = Bench.machine();
print(`Node ${machine.node}, ${String(machine.cores)} x ${machine.cpu}`);

const results = new URL("results/", import.meta.url);
mkdirSync(results, { recursive: true });
for (const name of positionals.length > 0 ? positionals : Object.keys(suites)) {
  if (!(name in suites)) throw new Error(`no benchmark ${name}; there are ${Object.keys(suites).join(", ")}`);
  const bench = new Bench(values.smoke === true ? "smoke" : "full", print);
  await suites[name](bench);
  if (bench.isSmoke) continue;
  const report = { name, machine, results: bench.results, figures: bench.figures };
  writeFileSync(new URL(`micro-${name}.json`, results), `${JSON.stringify(report, null, 2)}\n`);
}
