/**
 * Our TLS beside `node:tls`: over the same Duplex, and over our TCP on a TUN beside the kernel's. The peer is always the same:
 * `node:tls` on the kernel's TCP, in a process of its own, so that what the CPU did is told apart.
 * Use: npm run bench:tls -- [--smoke] [--rounds N] [--seconds N] [--dist FOLDER] [--out FOLDER] [WORKLOAD …]
 *
 * A whole run writes its results to `benchmarks/results/`; a part of one, or a smoke run, writes only where `--out` says.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Bench } from "./harness.ts";
import { beside } from "./network/command.ts";
import { type Sample, sampleLoad, type Span } from "./network/measure.ts";
import { figure, fullTable, goalTable, ratioChart } from "./network/report.ts";
import { type WorkloadResult, workloadResult } from "./network/results.ts";
import type { Place, Subject, SubjectName } from "./network/subjects.ts";
import type { LoadWorkload } from "./network/workloads.ts";
import { World } from "./network/world.ts";
import { tlsSubjects } from "./tls/subjects.ts";
import { tlsWorkloads } from "./tls/workloads.ts";

const { values, positionals } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    dist: { type: "string" },
    out: { type: "string" },
  },
  allowPositionals: true,
});
const isWhole = !values.smoke && positionals.length === 0;
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 3));
const out = values.out ?? (isWhole ? beside("results", import.meta.url) : null);
const span: Span = {
  warmUpCpuSeconds: values.smoke ? 0 : 2,
  seconds: Number(values.seconds ?? (values.smoke ? 0.3 : 4)),
  longSeconds: 0,
};

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function chosen(): readonly LoadWorkload[] {
  const unknown = positionals.find((name) => !tlsWorkloads.some((workload) => workload.name === name));
  const names = tlsWorkloads.map(({ name }) => name);
  if (unknown !== undefined) throw new Error(`no ${unknown}; there are ${names.join(", ")}`);
  return tlsWorkloads.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
}

/** Subjects take turns, so that what else the machine does meets them alike. */
async function measured(workload: LoadWorkload, all: readonly Subject[], place: Place): Promise<WorkloadResult> {
  const taking = workload.subjects.flatMap((name) => all.find((subject) => subject.name === name) ?? []);
  const samples = new Map<SubjectName, Sample[]>(taking.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of taking) {
      const taken = await sampleLoad(workload, subject, place, span);
      samples.get(subject.name)?.push(taken);
      const { metrics, serverCpu, loadCpu, errors } = taken;
      const share = (value: number | null): string => `${((value ?? 0) * 100).toFixed(0)} %`;
      print(
        `${workload.name.padEnd(17)} ${subject.name.padEnd(15)}  ${figure(metrics.rate ?? NaN)} ${workload.unit}  ` +
          `${figure(metrics.cpuUs ?? NaN)} us  server ${share(serverCpu)}, peer ${share(loadCpu)}  ${errors} errors`,
      );
    }
  }
  return workloadResult(workload, samples);
}

function write(folder: string, results: readonly WorkloadResult[]): void {
  mkdirSync(folder, { recursive: true });
  const machine = { ...Bench.machine(), kernel: release() };
  // Processes that wanted to run, a minute's mean: two are ours, and more than that have disturbed us.
  const [loadAverage] = loadavg();
  const report = { name: "tls", machine, loadAverage, rounds, ...span, results };
  writeFileSync(join(folder, "tls.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(folder, "tls.md"), `${goalTable(results)}\n${fullTable(results)}`);
  writeFileSync(join(folder, "tls.svg"), ratioChart(results));
}

async function measureAll(): Promise<void> {
  const workloads = chosen();
  const world = await World.make();
  const results: WorkloadResult[] = [];
  try {
    for (const workload of workloads) {
      results.push(await measured(workload, tlsSubjects(values.dist), { world, folder: "" }));
    }
  } finally {
    world.close();
  }
  print(`\n${goalTable(results)}\n${fullTable(results)}`);
  if (out !== null) write(out, results);
}

const entered = await World.enter();
if (entered === "inside") await measureAll();
else process.exitCode = entered;
