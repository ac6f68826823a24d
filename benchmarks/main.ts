/**
 * Our stack over a TUN beside `node:net`, `node:http` and nginx on the kernel's TCP over veth, in one run. Root or not.
 * Use: npm run bench -- [--smoke] [--rounds N] [--seconds N] [--dist FOLDER] [--out FOLDER] [--only SUBJECT] [WORKLOAD …]
 *
 * A whole run writes its results to `benchmarks/results/` and their table into README.md, and ends with the micro-benchmarks; a part of
 * one, or a smoke run, writes only where `--out` says.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { beside, missingTools } from "./network/command.ts";
import { sampleIdle } from "./network/idle.ts";
import { compilePrograms } from "./network/load.ts";
import { type Sample, sampleLoad, type Span } from "./network/measure.ts";
import { measurementOptions, named } from "./network/options.ts";
import { fullTable, goalTable, networkReport } from "./network/report.ts";
import type { WorkloadResult } from "./network/results.ts";
import { type Place, type Subject, subjects } from "./network/subjects.ts";
import { inTurns } from "./network/turns.ts";
import { type Workload, workloads } from "./network/workloads.ts";
import { World } from "./network/world.ts";
import { print } from "./print.ts";
import { writeReport } from "./report-files.ts";

const { values, positionals } = parseArgs({
  options: {
    ...measurementOptions,
    only: { type: "string" },
  },
  allowPositionals: true,
});

/** Starting Node takes a third of a second; the rest compiles what is hot. */
const WARM_UP_CPU_SECONDS = 1.5;

const isWhole = !values.smoke && positionals.length === 0 && values.only === undefined;

interface Plan {
  readonly workloads: readonly Workload[];
  readonly subjects: readonly Subject[];
  readonly isSmoke: boolean;
  readonly rounds: number;
  readonly span: Span;
  /** Where results go; null for nowhere. */
  readonly out: string | null;
  /** Where their table goes; null for nowhere. */
  readonly readme: string | null;
}

function makePlan(): Plan {
  const { smoke, only } = values;
  const all = named([...subjects(values.dist).values()], only === undefined ? [] : [only]);
  for (const { name, missing } of all) if (missing !== null) print(`left out: ${name}, ${missing}`);
  return {
    workloads: named(workloads, positionals),
    subjects: all.filter(({ missing }) => missing === null),
    isSmoke: smoke,
    rounds: Number(values.rounds ?? (smoke ? 1 : 3)),
    span: {
      warmUpCpuSeconds: smoke ? 0 : WARM_UP_CPU_SECONDS,
      seconds: Number(values.seconds ?? (smoke ? 0.3 : 4)),
      longSeconds: smoke ? 1 : 60,
    },
    out: values.out ?? (isWhole ? beside("results", import.meta.url) : null),
    readme: isWhole && values.out === undefined ? beside("../README.md", import.meta.url) : null,
  };
}

/** Between these lines of the README stands the table of the last whole run. */
const TABLE = /(<!-- benchmarks: begin -->\n)[^]*(<!-- benchmarks: end -->)/;

function writeTable(readme: string, results: readonly WorkloadResult[]): void {
  const text = readFileSync(readme, "utf8");
  const changed = text.replace(TABLE, (_, begin: string, end: string) => `${begin}\n${goalTable(results)}\n${end}`);
  writeFileSync(readme, changed);
}

async function measureAll(plan: Plan): Promise<void> {
  const world = await World.make();
  const folder = compilePrograms();
  const results: WorkloadResult[] = [];
  const place: Place = { world, folder };
  try {
    for (const workload of plan.workloads) {
      const rounds = "traceGc" in workload && workload.traceGc ? 1 : plan.rounds;
      const sample = (subject: Subject): Promise<Sample> =>
        "idle" in workload
          ? sampleIdle(workload, subject, place, plan.isSmoke)
          : sampleLoad(workload, subject, place, plan.span);
      results.push(await inTurns(workload, plan.subjects, rounds, sample));
    }
  } finally {
    rmSync(folder, { recursive: true });
    world.close();
  }
  print(`\n${goalTable(results)}\n${fullTable(results)}`);
  if (plan.out !== null) writeReport(plan.out, "network", networkReport(plan.rounds, plan.span, results));
  if (plan.readme !== null) writeTable(plan.readme, results);
}

/** The micro-benchmarks, in a process of their own. Returns its exit status. */
function micro(): number {
  const options = ["--expose-gc", ...process.execArgv.filter((option) => option !== "--expose-gc")];
  const command = [...options, beside("micro.ts", import.meta.url)];
  return spawnSync(process.execPath, command, { stdio: "inherit" }).status ?? 1;
}

const missing = missingTools();
if (missing.length > 0) throw new Error(`not installed: ${missing.join(", ")}`);
const entered = await World.enter();
if (entered === "inside") await measureAll(makePlan());
else process.exitCode = entered === 0 && isWhole ? micro() : entered;
