/**
 * Our stack over a TUN beside `node:net`, `node:http` and nginx on the kernel's TCP over veth, in one run. Root or not.
 * Use: npm run bench -- [--smoke] [--rounds N] [--seconds N] [--dist FOLDER] [--out FOLDER] [--only SUBJECT] [WORKLOAD …]
 *
 * A whole run writes its results to `benchmarks/results/` and their table into README.md, and ends with the micro-benchmarks; a part of
 * one, or a smoke run, writes only where `--out` says.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Bench } from "./harness.ts";
import { beside, missingTools } from "./network/command.ts";
import { sampleIdle } from "./network/idle.ts";
import { compilePrograms } from "./network/load.ts";
import { type Sample, sampleLoad, type Span } from "./network/measure.ts";
import { METRIC_NAMES, METRICS } from "./network/metrics.ts";
import { figure, fullTable, goalTable, ratioChart } from "./network/report.ts";
import { type WorkloadResult, workloadResult } from "./network/results.ts";
import { type Place, type Subject, type SubjectName, subjects } from "./network/subjects.ts";
import { type Workload, workloads } from "./network/workloads.ts";
import { World } from "./network/world.ts";

const { values, positionals } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    dist: { type: "string" },
    out: { type: "string" },
    only: { type: "string" },
  },
  allowPositionals: true,
});

/** Starting Node takes a third of a second; the rest compiles what is hot. */
const WARM_UP_CPU_SECONDS = 1.5;

const isWhole = !values.smoke && positionals.length === 0 && values.only === undefined;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

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

function named<T extends { readonly name: string }>(all: readonly T[], names: readonly string[]): readonly T[] {
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`no ${unknown}; there are ${all.map(({ name }) => name).join(", ")}`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
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

/** Subjects take turns, so that what else the machine does meets them alike. */
async function measured(workload: Workload, plan: Plan, place: Place): Promise<WorkloadResult> {
  const taking = workload.subjects.flatMap((name) => plan.subjects.find((subject) => subject.name === name) ?? []);
  const samples = new Map<SubjectName, Sample[]>(taking.map(({ name }) => [name, []]));
  const rounds = "traceGc" in workload && workload.traceGc ? 1 : plan.rounds;
  for (let round = 0; round < rounds; round++) {
    for (const subject of taking) {
      const taken = await ("idle" in workload
        ? sampleIdle(workload, subject, place, plan.isSmoke)
        : sampleLoad(workload, subject, place, plan.span));
      samples.get(subject.name)?.push(taken);
      print(sampleLine(workload, subject, taken));
    }
  }
  return workloadResult(workload, samples);
}

function sampleLine(workload: Workload, subject: Subject, taken: Sample): string {
  const { metrics, serverCpu, loadCpu, errors, framesDropped } = taken;
  const share = (value: number | null): string => (value === null ? "?" : `${(value * 100).toFixed(0)} %`);
  const rateUnit = "unit" in workload ? workload.unit : "";
  const parts = [`${workload.name.padEnd(19)} ${subject.name.padEnd(15)}`];
  for (const metric of METRICS) {
    const value = metrics[metric];
    const { name, unit } = METRIC_NAMES[metric];
    if (value !== undefined) parts.push(`${name} ${figure(value)} ${metric === "rate" ? rateUnit : unit}`.trimEnd());
  }
  if (serverCpu !== null) parts.push(`server ${share(serverCpu)}, load ${share(loadCpu)}`);
  if (errors > 0) parts.push(`${errors} errors`);
  if (framesDropped > 0) parts.push(`${framesDropped} frames dropped`);
  return parts.join("  ");
}

function write(out: string, plan: Plan, results: readonly WorkloadResult[]): void {
  mkdirSync(out, { recursive: true });
  const { rounds, span } = plan;
  const machine = { ...Bench.machine(), kernel: release() };
  // Processes that wanted to run, a minute's mean: two are ours, and more than that have disturbed us.
  const [loadAverage] = loadavg();
  const report = { name: "network", machine, loadAverage, rounds, ...span, results };
  writeFileSync(join(out, "network.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(out, "network.md"), `${goalTable(results)}\n${fullTable(results)}`);
  writeFileSync(join(out, "network.svg"), ratioChart(results));
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
  try {
    for (const workload of plan.workloads) results.push(await measured(workload, plan, { world, folder }));
  } finally {
    rmSync(folder, { recursive: true });
    world.close();
  }
  print(`\n${goalTable(results)}\n${fullTable(results)}`);
  if (plan.out !== null) write(plan.out, plan, results);
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
