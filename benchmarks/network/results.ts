import type { Sample } from "./measure.ts";
import { type Metric, METRICS } from "./metrics.ts";
import type { SubjectName } from "./subjects.ts";
import type { Goal, Workload } from "./workloads.ts";

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}
export type Spreads = Readonly<Partial<Record<Metric, Spread>>>;

/** What one workload gave. The first subject is ours, the others are references. */
export interface WorkloadResult {
  readonly name: string;
  readonly title: string;
  /** Of the rate; "" where there is none. */
  readonly unit: string;
  readonly subjects: readonly SubjectResult[];
  readonly goals: readonly GoalResult[];
}

export interface SubjectResult {
  readonly name: SubjectName;
  readonly metrics: Spreads;
  /** Ours over this one's, round by round, since what else the machine does changes in between; empty for ours. */
  readonly ratios: Spreads;
  readonly errors: number;
  readonly framesDropped: number;
  readonly samples: readonly Sample[];
}

export interface GoalResult extends Goal {
  /** Our figure; the other's where it is asked for; and ours over theirs, round by round. */
  readonly ours: Spread;
  readonly theirs: Spread | null;
  readonly ratio: Spread | null;
  /** Of the median. */
  readonly isReached: boolean;
}

/** Precondition: there is at least one value. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (place: number): number => sorted[Math.floor(place)] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(middle) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

/** A spread of each metric for which `value` gives one in each round. */
function spreads(rounds: number, value: (metric: Metric, round: number) => number | undefined): Spreads {
  const found: Partial<Record<Metric, Spread>> = {};
  for (const metric of METRICS) {
    const values = Array.from({ length: rounds }, (_, round) => value(metric, round)).filter((v) => v !== undefined);
    if (values.length > 0 && values.length === rounds) found[metric] = spread(values);
  }
  return found;
}

function subjectResult(name: SubjectName, ours: readonly Sample[], theirs: readonly Sample[]): SubjectResult {
  const ratio = (metric: Metric, round: number): number | undefined => {
    const [a, b] = [ours[round]?.metrics[metric], theirs[round]?.metrics[metric]];
    return a === undefined || b === undefined ? undefined : a / b;
  };
  const sum = (value: (sample: Sample) => number): number => theirs.reduce((total, one) => total + value(one), 0);
  return {
    name,
    metrics: spreads(theirs.length, (metric, round) => theirs[round]?.metrics[metric]),
    ratios: theirs === ours ? {} : spreads(theirs.length, ratio),
    errors: sum(({ errors }) => errors),
    framesDropped: sum((sample) => sample.framesDropped),
    samples: theirs,
  };
}

/** Null where one of the two was not measured. */
function goalResult(goal: Goal, subjects: readonly SubjectResult[]): GoalResult | null {
  const ours = subjects[0]?.metrics[goal.metric];
  const other = subjects.find(({ name }) => name === goal.against);
  const theirs = other?.metrics[goal.metric] ?? null;
  const ratio = other?.ratios[goal.metric] ?? null;
  if (ours === undefined || (goal.against !== undefined && ratio === null)) return null;
  const { median } = ratio ?? ours;
  return { ...goal, ours, theirs, ratio, isReached: median >= (goal.least ?? 0) && median <= (goal.most ?? Infinity) };
}

/** `samples` holds each subject's, in the order of the rounds, ours first. */
export function workloadResult(
  workload: Workload,
  samples: ReadonlyMap<SubjectName, readonly Sample[]>,
): WorkloadResult {
  const [ours = []] = samples.values();
  const subjects = [...samples].map(([name, theirs]) => subjectResult(name, ours, theirs));
  return {
    name: workload.name,
    title: workload.title,
    unit: "unit" in workload ? workload.unit : "",
    subjects,
    goals: workload.goals.flatMap((goal) => goalResult(goal, subjects) ?? []),
  };
}
