/**
 * How our CUBIC and Linux' share one bottleneck of 20 Mbit/s and 40 ms with a queue of one bandwidth-delay product: fairness
 * in both start orders, two round-trip times, and what the first slow start costs. Every figure beside Linux alone. Use:
 *
 *   node --import ./test/support/typescript.mjs benchmarks/fairness.ts [--seeds N] [--seconds N] [--only PART,…] [--out FOLDER]
 *
 * A whole run takes some 40 minutes and writes `fairness.json` and `fairness.md` to `benchmarks/results/`; a part of one
 * only where `--out` says. Needs what `loss.ts` needs.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Bench } from "./harness.ts";
import { beside } from "./network/command.ts";
import { fairnessChart, fairnessTable } from "./path/fairness-report.ts";
import {
  type FairnessCase,
  type FairnessRun,
  fairnessCases,
  fairnessResults,
  fairnessRun,
} from "./path/fairness-results.ts";
import { runPlan } from "./path/runs.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "3" },
    seconds: { type: "string" },
    only: { type: "string" },
    out: { type: "string" },
  },
});

/** A run whose event loop was late by this much for a hundredth of the time is made again, so often at most. */
const LATE_MS_MAX = 15,
  TRIES_MAX = 3;

const only = values.only?.split(",");
const cases = fairnessCases.filter(({ part }) => only?.includes(part) ?? true);
const out = values.out ?? (only === undefined ? beside("results", import.meta.url) : null);

async function measure(one: FairnessCase, seed: number): Promise<FairnessRun> {
  const seconds = values.seconds === undefined ? one.plan.seconds : Number(values.seconds);
  for (let tries = 1; ; tries++) {
    const result = await runPlan({ ...one.plan, seed, seconds }, "kernel");
    if (result.lateMsP99 <= LATE_MS_MAX || tries === TRIES_MAX) return fairnessRun(one, seed, tries, result);
  }
}

// Seeds outermost, so that what else the machine does meets all cases alike.
const runs: FairnessRun[] = [];
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  for (const one of cases) {
    const run = await measure(one, seed);
    runs.push(run);
    const rates = run.mbitPerSecond.map((rate) => rate.toFixed(1)).join(" + ");
    const queue = `dropped ${String(run.queueDropped)} of ${String(run.entered)}, peak queue ${String(run.peakQueue)}`;
    const machine = `CPU ${(run.cpu * 100).toFixed(0)} %  late ${run.lateMsP99.toFixed(0)} ms`;
    process.stdout.write(`${one.name.padEnd(44)} ${rates} Mbit/s  ${queue}  ${machine}\n`);
  }
}

const results = fairnessResults(runs);
process.stdout.write(`\n${fairnessTable(results)}`);
if (out !== null) {
  mkdirSync(out, { recursive: true });
  const machine = { ...Bench.machine(), kernel: release() };
  const [loadAverage] = loadavg();
  const report = { name: "fairness", machine, loadAverage, results, runs };
  writeFileSync(join(out, "fairness.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(out, "fairness.md"), fairnessTable(results));
  writeFileSync(join(out, "fairness.svg"), fairnessChart(runs));
}
