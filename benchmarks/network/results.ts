import type { Sample } from "./measure.ts";
import type { Workload } from "./workloads.ts";

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What one workload gave. The first subject is ours, the others are references. */
export interface WorkloadResult {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly subjects: readonly SubjectResult[];
}

export interface SubjectResult {
  readonly name: string;
  readonly rate: Spread;
  /** Microseconds of the server's CPU for an operation (in bulk, 64 KiB), user and kernel together. */
  readonly cpuUs: Spread;
  readonly p99Us: Spread | null;
  readonly errors: number;
  readonly framesDropped: number;
  /** Ours over this one's, round by round, since what else the machine does changes in between; null for ours. */
  readonly rateRatio: Spread | null;
  readonly cpuRatio: Spread | null;
  readonly samples: readonly Sample[];
}

/** Precondition: there is at least one value. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (place: number): number => sorted[Math.floor(place)] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(middle) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

const cpuUs = (sample: Sample): number => sample.userUs + sample.systemUs;

/** `samples` holds each subject's, in the order of the rounds, ours first. */
export function workloadResult(workload: Workload, samples: ReadonlyMap<string, readonly Sample[]>): WorkloadResult {
  const [ours = []] = samples.values();
  const subjects = [...samples].map(([name, theirs]): SubjectResult => {
    const ratio = (value: (sample: Sample) => number): Spread | null =>
      theirs === ours ? null : spread(theirs.map((sample, round) => value(ours[round]) / value(sample)));
    const latencies = theirs.flatMap(({ p99Us }) => (p99Us === null ? [] : [p99Us]));
    const sum = (value: (sample: Sample) => number): number => theirs.reduce((total, one) => total + value(one), 0);
    return {
      name,
      rate: spread(theirs.map(({ rate }) => rate)),
      cpuUs: spread(theirs.map(cpuUs)),
      p99Us: latencies.length === 0 ? null : spread(latencies),
      errors: sum(({ errors }) => errors),
      framesDropped: sum((sample) => sample.framesDropped),
      rateRatio: ratio(({ rate }) => rate),
      cpuRatio: ratio(cpuUs),
      samples: theirs,
    };
  });
  return { name: workload.name, title: workload.title, unit: workload.unit, subjects };
}
