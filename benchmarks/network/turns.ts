import { print } from "../print.ts";
import type { Sample } from "./measure.ts";
import { METRIC_NAMES, METRICS } from "./metrics.ts";
import { figure } from "./report.ts";
import { type WorkloadResult, workloadResult } from "./results.ts";
import type { Subject, SubjectName } from "./subjects.ts";
import type { Workload } from "./workloads.ts";

/** Subjects take turns, so that what else the machine does meets them alike. */
export async function inTurns(
  workload: Workload,
  subjects: readonly Subject[],
  rounds: number,
  sample: (subject: Subject) => Promise<Sample>,
): Promise<WorkloadResult> {
  const taking = workload.subjects.flatMap((name) => subjects.find((subject) => subject.name === name) ?? []);
  const samples = new Map<SubjectName, Sample[]>(taking.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of taking) {
      const taken = await sample(subject);
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
