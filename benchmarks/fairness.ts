/**
 * How our CUBIC and Linux' share one bottleneck of 20 Mbit/s and 40 ms with a queue of one bandwidth-delay product: fairness
 * in both start orders, two round-trip times, and what the first slow start costs. Every figure beside Linux alone. Use:
 *
 *   node --import ./test/support/typescript.mjs benchmarks/fairness.ts [--seeds N] [--only PART,…] [--smoke]
 *        [--out FOLDER [--resume]]
 *
 * A whole run takes some 40 minutes and writes `fairness.json`, `fairness.md` and `fairness.svg` to `benchmarks/results/`; a
 * part of one only where `--out` says. `--resume` keeps the runs that FOLDER has and makes those that it lacks. Needs what
 * `loss.ts` needs.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { beside } from "./network/command.ts";
import { fairnessChart, fairnessTable } from "./path/fairness-report.ts";
import {
  type FairnessCase,
  type FairnessRun,
  fairnessCases,
  fairnessResults,
  fairnessRun,
} from "./path/fairness-results.ts";
import type { PathPlan } from "./path/plan.ts";
import { earlierRuns, LATE_MS_MAX, timelyRun } from "./path/runs.ts";
import { print } from "./print.ts";
import { writeReport } from "./report-files.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "3" },
    only: { type: "string" },
    smoke: { type: "boolean", default: false },
    resume: { type: "boolean", default: false },
    out: { type: "string" },
  },
});

const SMOKE_SECONDS = 0.3;

const only = values.only?.split(",");
/** The smoke size has one case of each part. */
const cases = fairnessCases.filter(({ part }, i) =>
  values.smoke ? fairnessCases.findIndex((one) => one.part === part) === i : (only?.includes(part) ?? true),
);
const out = values.out ?? (only === undefined && !values.smoke ? beside("results", import.meta.url) : null);
const seeds = values.smoke ? 1 : Number(values.seeds);

function planOf({ plan }: FairnessCase, seed: number): PathPlan {
  if (!values.smoke) return { ...plan, seed };
  const senders = plan.senders.map((sender) => ({ ...sender, startSeconds: 0 }));
  return { ...plan, senders, seed, warmUpSeconds: 0, settleSeconds: 0, seconds: SMOKE_SECONDS };
}

async function measure(one: FairnessCase, seed: number): Promise<FairnessRun | null> {
  const run = await timelyRun(planOf(one, seed), "kernel", values.smoke ? Infinity : LATE_MS_MAX);
  return run && fairnessRun(one, seed, run.tries, run.result);
}

/** After every run, so that one that is interrupted can be resumed. */
function save(made: readonly FairnessRun[]): void {
  if (out === null) return;
  const results = fairnessResults(made);
  writeReport(out, "fairness", {
    facts: { results },
    runs: made,
    table: fairnessTable(results),
    chart: fairnessChart(made),
  });
}

// Seeds outermost, so that what else the machine does meets all cases alike.
const runs: FairnessRun[] =
  values.resume && out !== null ? (earlierRuns(join(out, "fairness.json")) as FairnessRun[]) : [];
for (let seed = 1; seed <= seeds; seed++) {
  for (const one of cases) {
    if (runs.some((run) => run.name === one.name && run.seed === seed)) continue;
    const run = await measure(one, seed);
    if (run === null) {
      print(`${one.name}, seed ${String(seed)}: left out, late`);
      continue;
    }
    runs.push(run);
    save(runs);
    const rates = run.mbitPerSecond.map((rate) => rate.toFixed(1)).join(" + ");
    const queue = `dropped ${String(run.queueDropped)} of ${String(run.entered)}, peak queue ${String(run.peakQueue)}`;
    const machine = `CPU ${(run.cpu * 100).toFixed(0)} %  late ${run.lateMsP99.toFixed(0)} ms`;
    print(`${one.name.padEnd(44)} ${rates} Mbit/s  ${queue}  ${machine}`);
  }
}

print(`\n${fairnessTable(fairnessResults(runs))}`);
