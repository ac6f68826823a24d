/**
 * Our stack over a TUN beside `node:net` and `node:http` on the kernel's TCP over veth, in one run. Root or not.
 * Use: npm run bench -- [--smoke] [--rounds N] [--seconds N] [--dist FOLDER] [--out FOLDER] [--only SUBJECT] [WORKLOAD …]
 *
 * A whole run writes its results to `benchmarks/results/`; a part of one, or a smoke run, only where `--out` says.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Bench } from "./harness.ts";
import { beside, missingTools } from "./network/command.ts";
import { compileClients } from "./network/load.ts";
import { type Sample, sample, type Setting, type Span } from "./network/measure.ts";
import { figure, markdownTable, ratioChart } from "./network/report.ts";
import { type WorkloadResult, workloadResult } from "./network/results.ts";
import { fourtuple, nodeKernel, type Subject } from "./network/subjects.ts";
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

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

interface Plan {
  readonly workloads: readonly Workload[];
  /** Ours first. */
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  readonly span: Span;
  /** Where results go; null for nowhere. */
  readonly out: string | null;
}

function named<T extends { readonly name: string }>(all: readonly T[], names: readonly string[]): readonly T[] {
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`no ${unknown}; there are ${all.map(({ name }) => name).join(", ")}`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function makePlan(): Plan {
  const { smoke, only } = values;
  const isWhole = !smoke && positionals.length === 0 && only === undefined;
  return {
    workloads: named(workloads, positionals),
    subjects: named([fourtuple(values.dist), nodeKernel], only === undefined ? [] : [only]),
    rounds: Number(values.rounds ?? (smoke ? 1 : 3)),
    span: { warmUpCpuSeconds: smoke ? 0 : WARM_UP_CPU_SECONDS, seconds: Number(values.seconds ?? (smoke ? 0.3 : 4)) },
    out: values.out ?? (isWhole ? beside("results", import.meta.url) : null),
  };
}

/** Subjects take turns, so that what else the machine does meets them alike. */
async function measured(workload: Workload, plan: Plan, setting: Setting): Promise<WorkloadResult> {
  const samples = new Map<string, Sample[]>(plan.subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const subject of plan.subjects) {
      const taken = await sample(workload, subject, setting);
      samples.get(subject.name)?.push(taken);
      print(sampleLine(workload, subject, taken));
    }
  }
  return workloadResult(workload, samples);
}

function sampleLine(workload: Workload, subject: Subject, taken: Sample): string {
  const { userUs, systemUs, serverCpu, loadCpu, p99Us, errors, framesDropped } = taken;
  const share = (value: number | null): string => (value === null ? "?" : `${(value * 100).toFixed(0)} %`);
  const parts = [
    `${workload.name.padEnd(12)} ${subject.name.padEnd(10)} ${figure(taken.rate).padStart(8)} ${workload.unit}`,
    `CPU ${figure(userUs)} + ${figure(systemUs)} us`,
    `server ${share(serverCpu)}, load ${share(loadCpu)}`,
  ];
  if (p99Us !== null) parts.push(`p99 ${figure(p99Us / 1000)} ms`);
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
  writeFileSync(join(out, "network.md"), markdownTable(results));
  writeFileSync(join(out, "network.svg"), ratioChart(results));
}

async function measureAll(plan: Plan): Promise<void> {
  const world = await World.make();
  const tools = compileClients();
  const results: WorkloadResult[] = [];
  try {
    for (const workload of plan.workloads) {
      results.push(await measured(workload, plan, { world, tools, span: plan.span }));
    }
  } finally {
    rmSync(tools, { recursive: true });
    world.close();
  }
  print(`\n${markdownTable(results)}`);
  if (plan.out !== null) write(plan.out, plan, results);
}

const plan = makePlan();
const missing = missingTools();
if (missing.length > 0) throw new Error(`not installed: ${missing.join(", ")}`);
const entered = await World.enter();
if (entered === "inside") await measureAll(plan);
else process.exitCode = entered;
