import { type Spread, spread } from "../network/results.ts";
import type { HostKind } from "./plan.ts";

/** Who sends to whom. */
export interface Pair {
  readonly name: string;
  readonly sender: HostKind;
  readonly receiver: HostKind;
  readonly where: "kernel" | "simulator";
}

/** The reference comes first. */
export const pairs: readonly Pair[] = [
  { name: "linux to linux", sender: "linux", receiver: "linux", where: "kernel" },
  { name: "ours to linux", sender: "ours", receiver: "linux", where: "kernel" },
  { name: "linux to ours", sender: "linux", receiver: "ours", where: "kernel" },
  { name: "ours to ours", sender: "ours", receiver: "ours", where: "simulator" },
];

/** One transfer. */
export interface LossRun {
  readonly name: string;
  readonly loss: number;
  readonly seed: number;
  readonly mbitPerSecond: number;
  readonly totalRetrans: number;
  /** Datagrams that reached the bottleneck, and what became of them. */
  readonly entered: number;
  readonly lost: number;
  readonly queueDropped: number;
  /** As a share of a processor; 1 in the simulator. */
  readonly cpu: number;
  readonly lateMsP99: number;
  /** How often it was made until the machine left it in peace. */
  readonly tries: number;
}

/** All seeds of one pair at one loss. */
export interface LossResult {
  readonly name: string;
  readonly loss: number;
  readonly mbitPerSecond: Spread;
  /** Of the medians, over Linux to Linux at the same loss; null where that was not measured. */
  readonly ratio: number | null;
}

/** Shape: by loss, then in the order of `pairs`. */
export function lossResults(runs: readonly LossRun[]): readonly LossResult[] {
  const losses = [...new Set(runs.map(({ loss }) => loss))].sort((a, b) => a - b);
  return losses.flatMap((loss) => {
    const ratesOf = (name: string): readonly number[] =>
      runs.filter((run) => run.loss === loss && run.name === name).map(({ mbitPerSecond }) => mbitPerSecond);
    const reference = ratesOf(pairs[0].name);
    return pairs.flatMap(({ name }): readonly LossResult[] => {
      const rates = ratesOf(name);
      if (rates.length === 0) return [];
      const mbitPerSecond = spread(rates);
      const ratio = reference.length === 0 ? null : mbitPerSecond.median / spread(reference).median;
      return [{ name, loss, mbitPerSecond, ratio }];
    });
  });
}
