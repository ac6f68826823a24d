/**
 * Our TLS beside `node:tls`: over the same Duplex, and over our TCP on a TUN beside the kernel's. The peer is always the same:
 * `node:tls` on the kernel's TCP, in a process of its own, so that what the CPU did is told apart.
 * Use: npm run bench:tls -- [--smoke] [--rounds N] [--seconds N] [--dist FOLDER] [--out FOLDER] [WORKLOAD …]
 *
 * A whole run writes its results to `benchmarks/results/`; a part of one, or a smoke run, writes only where `--out` says.
 */
import { parseArgs } from "node:util";

import { beside } from "./network/command.ts";
import { type Sample, sampleLoad, type Span } from "./network/measure.ts";
import { measurementOptions, named } from "./network/options.ts";
import { fullTable, goalTable, networkReport } from "./network/report.ts";
import type { WorkloadResult } from "./network/results.ts";
import type { Place, Subject } from "./network/subjects.ts";
import { inTurns } from "./network/turns.ts";
import { World } from "./network/world.ts";
import { print } from "./print.ts";
import { writeReport } from "./report-files.ts";
import { tlsSubjects } from "./tls/subjects.ts";
import { tlsWorkloads } from "./tls/workloads.ts";

const { values, positionals } = parseArgs({
  options: measurementOptions,
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

async function measureAll(): Promise<void> {
  const workloads = named(tlsWorkloads, positionals);
  const world = await World.make();
  const results: WorkloadResult[] = [];
  const place: Place = { world, folder: "" };
  try {
    for (const workload of workloads) {
      const sample = (subject: Subject): Promise<Sample> => sampleLoad(workload, subject, place, span);
      results.push(await inTurns(workload, tlsSubjects(values.dist), rounds, sample));
    }
  } finally {
    world.close();
  }
  print(`\n${goalTable(results)}\n${fullTable(results)}`);
  if (out !== null) writeReport(out, "tls", networkReport(rounds, span, results));
}

const entered = await World.enter();
if (entered === "inside") await measureAll();
else process.exitCode = entered;
