import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg, release } from "node:os";
import { join } from "node:path";

import { Bench } from "./harness.ts";

export interface ReportParts {
  /** What the JSON says beside the machine. */
  readonly facts: object;
  /** Each run that was made, on a line of the JSON for itself. */
  readonly runs?: readonly object[];
  readonly table: string;
  readonly chart: string;
}

/** Writes `NAME.json`, `NAME.md` and `NAME.svg` to `folder`, which is made where it is missing. */
export function writeReport(folder: string, name: string, { facts, runs, table, chart }: ReportParts): void {
  mkdirSync(folder, { recursive: true });
  const machine = { ...Bench.machine(), kernel: release() };
  // Processes that wanted to run, a minute's mean: two are ours, and more than that have disturbed us.
  const [loadAverage] = loadavg();
  const json = JSON.stringify({ name, machine, loadAverage, ...facts }, null, 2);
  const lines = runs?.map((run) => `    ${JSON.stringify(run)}`).join(",\n");
  const whole = lines === undefined ? json : `${json.slice(0, -2)},\n  "runs": [\n${lines}\n  ]\n}`;
  writeFileSync(join(folder, `${name}.json`), `${whole}\n`);
  writeFileSync(join(folder, `${name}.md`), table);
  writeFileSync(join(folder, `${name}.svg`), chart);
}
