/**
 * Throughput against loss: our stack and Linux in each direction, Linux to Linux on the same path, and ours to ours in the
 * simulator. 100 Mbit/s, 40 ms, a queue of one bandwidth-delay product. Use:
 *
 *   node --import ./test/support/typescript.mjs benchmarks/loss.ts [--seeds N] [--seconds N] [--loss P,…] [--only NAME,…]
 *        [--at-once N] [--plain] [--smoke] [--out FOLDER [--resume]]
 *
 * A whole run takes some 30 minutes and writes `loss.json`, `loss.md` and `loss.svg` to `benchmarks/results/`; a part of
 * one only where `--out` says. `--resume` keeps the runs that FOLDER has and makes those that it lacks. Needs `/dev/net/tun`,
 * user namespaces, `iproute2` and `python3`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { beside } from "./network/command.ts";
import { lossChart, lossTable } from "./path/loss-report.ts";
import { lossResults, type LossRun, pairs } from "./path/loss-results.ts";
import type { PathPlan } from "./path/plan.ts";
import { earlierRuns, LATE_MS_MAX, timelyRun, together } from "./path/runs.ts";
import { print } from "./print.ts";
import { writeReport } from "./report-files.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "7" },
    seconds: { type: "string", default: "20" },
    loss: { type: "string" },
    only: { type: "string" },
    "at-once": { type: "string", default: "3" },
    plain: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    resume: { type: "boolean", default: false },
    out: { type: "string" },
  },
});

const LOSSES = [0, 0.001, 0.005, 0.01, 0.02, 0.05];
/** Below this loss the bottleneck is busy, and the processors with it: such runs are made one by one. */
const LIGHT_FROM = 0.001;
const SMOKE_SECONDS = 0.3;

const losses = values.loss?.split(",").map(Number) ?? (values.smoke ? [0.01] : LOSSES);
const only = values.only?.split(",");
const seeds = Array.from({ length: values.smoke ? 1 : Number(values.seeds) }, (_, i) => i + 1);
const subjects = pairs.filter(({ name }) => only?.includes(name) ?? true);
const out = values.out ?? (losses === LOSSES && only === undefined ? beside("results", import.meta.url) : null);

const path = {
  rateBitsPerSecond: 100e6,
  rttMs: 40,
  queueOctets: 500_000,
  warmUpSeconds: values.smoke ? 0 : 3,
  settleSeconds: 0,
  seconds: values.smoke ? SMOKE_SECONDS : Number(values.seconds),
  offload: !values.plain,
  sampleMs: 0,
};

async function measure(name: string, loss: number, seed: number, into: LossRun[]): Promise<void> {
  const pair = pairs.find((one) => one.name === name);
  if (pair === undefined) throw new Error(`there is no ${name}`);
  const plan: PathPlan = { ...path, receiver: pair.receiver, senders: [{ kind: pair.sender }], loss, seed };
  const run = await timelyRun(plan, pair.where, values.smoke ? Infinity : LATE_MS_MAX);
  if (run === null) {
    print(`${name}, ${String(loss * 100)} %, seed ${String(seed)}: left out, late`);
    return;
  }
  const { result, tries } = run;
  const [{ octets, seconds, totalRetrans }] = result.flows;
  const { entered, lost, queueDropped, cpu, lateMsP99 } = result;
  const mbitPerSecond = (octets * 8) / seconds / 1e6;
  into.push({ name, loss, seed, mbitPerSecond, totalRetrans, entered, lost, queueDropped, cpu, lateMsP99, tries });
  save(into);
  const figures = `${mbitPerSecond.toFixed(2)} Mbit/s  CPU ${(cpu * 100).toFixed(0)} %  late ${lateMsP99.toFixed(0)} ms`;
  print(`${name.padEnd(16)} ${String(loss * 100).padStart(4)} %  seed ${String(seed)}  ${figures}`);
}

/** After every run, so that one that is interrupted can be resumed. */
function save(made: readonly LossRun[]): void {
  if (out === null) return;
  const results = lossResults(made);
  writeReport(out, "loss", {
    facts: { path, results },
    runs: made,
    table: lossTable(results),
    chart: lossChart(results),
  });
}

const runs: LossRun[] = values.resume && out !== null ? (earlierRuns(join(out, "loss.json")) as LossRun[]) : [];
const isMade = (name: string, loss: number, seed: number): boolean =>
  runs.some((run) => run.name === name && run.loss === loss && run.seed === seed);
const tasksFor = (some: readonly number[]): (() => Promise<void>)[] =>
  seeds.flatMap((seed) =>
    some.flatMap((loss) =>
      subjects
        .filter(({ name }) => !isMade(name, loss, seed))
        .map(
          ({ name }) =>
            () =>
              measure(name, loss, seed, runs),
        ),
    ),
  );
await together(tasksFor(losses.filter((loss) => loss < LIGHT_FROM)), 1);
await together(tasksFor(losses.filter((loss) => loss >= LIGHT_FROM)), Number(values["at-once"]));

print(`\n${lossTable(lossResults(runs))}`);
