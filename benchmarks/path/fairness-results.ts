import { type Spread, spread } from "../network/results.ts";
import type { HostKind, PathPlan, PathResult, SenderPlan } from "./plan.ts";

/** "share": two flows of the same round trip. "rtt": two of different ones. "start": one flow's first seconds. */
export type FairnessPart = "share" | "rtt" | "start";

export interface FairnessCase {
  readonly part: FairnessPart;
  readonly name: string;
  /** Without its seed. */
  readonly plan: Omit<PathPlan, "seed">;
}

const PATH = {
  receiver: "linux",
  rateBitsPerSecond: 20e6,
  rttMs: 40,
  queueOctets: 100_000,
  loss: 0,
  offload: true,
  warmUpSeconds: 3,
  settleSeconds: 0,
  sampleMs: 500,
} as const;

/** Both are there from then on. */
const LATER_SECONDS = 5;
const SHARE_SECONDS = 60;
/** A second flow finds the window of the first at its largest, and CUBIC needs some of its epochs, of 5 s each, to let it in. */
const SETTLE_SECONDS = 30;
/** The long way is 100 ms, the short one 40. */
const EXTRA_RTT_MS = 60;
/** Slow start is over, and CUBIC does not reach the queue's end again before some 5 s. */
const START_SECONDS = 3;

const share = (first: HostKind, second: HostKind): FairnessCase => ({
  part: "share",
  name: `${first}, then ${second}`,
  plan: {
    ...PATH,
    senders: [{ kind: first }, { kind: second, startSeconds: LATER_SECONDS }],
    settleSeconds: SETTLE_SECONDS,
    seconds: SHARE_SECONDS,
  },
});

const twoTrips = (short: HostKind, long: HostKind): FairnessCase => {
  const senders: readonly SenderPlan[] = [{ kind: short }, { kind: long, extraRttMs: EXTRA_RTT_MS }];
  return {
    part: "rtt",
    name: `${short} 40 ms, ${long} 100 ms`,
    plan: { ...PATH, senders, settleSeconds: SETTLE_SECONDS, seconds: SHARE_SECONDS },
  };
};

const start = (kind: HostKind, queueOctets: number): FairnessCase => ({
  part: "start",
  name: `${kind} starts, queue of ${String(queueOctets / 1000)} KB`,
  plan: { ...PATH, queueOctets, senders: [{ kind }], seconds: START_SECONDS, sampleMs: 0 },
});

export const fairnessCases: readonly FairnessCase[] = [
  ...[50_000, 100_000, 400_000].flatMap((queue) => [start("linux", queue), start("ours", queue)]),
  share("linux", "linux"),
  share("ours", "linux"),
  share("linux", "ours"),
  share("ours", "ours"),
  twoTrips("linux", "linux"),
  twoTrips("ours", "ours"),
  twoTrips("ours", "linux"),
  twoTrips("linux", "ours"),
];

/** One run of a case. */
export interface FairnessRun {
  readonly part: FairnessPart;
  readonly name: string;
  readonly seed: number;
  readonly tries: number;
  /** Once all flows had settled, in the order of their start. */
  readonly mbitPerSecond: readonly number[];
  readonly kinds: readonly HostKind[];
  /** Jain's index of these: 1 where they are equal, 1 / n where one has everything. */
  readonly jain: number;
  readonly entered: number;
  readonly queueDropped: number;
  readonly peakQueue: number;
  readonly cpu: number;
  readonly lateMsP99: number;
  /** Mbit/s of each flow, half second by half second, as [seconds, rate]. */
  readonly course: readonly (readonly (readonly [number, number])[])[];
}

function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return (sum * sum) / (values.length * squares);
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

export function fairnessRun(
  { part, name }: FairnessCase,
  seed: number,
  tries: number,
  result: PathResult,
): FairnessRun {
  const mbitPerSecond = result.flows.map(({ sharedOctets }) => (sharedOctets * 8) / result.sharedSeconds / 1e6);
  const course = result.flows.map(({ samples }) =>
    samples.slice(1).map(({ seconds, octets }, i) => {
      const rate = ((octets - samples[i].octets) * 8) / (seconds - samples[i].seconds) / 1e6;
      return [rounded(seconds), rounded(rate)] as const;
    }),
  );
  const { entered, queueDropped, peakQueue, cpu, lateMsP99 } = result;
  const kinds = result.flows.map(({ kind }) => kind);
  const machine = { entered, queueDropped, peakQueue, cpu, lateMsP99 };
  return { part, name, seed, tries, mbitPerSecond, kinds, jain: jain(mbitPerSecond), ...machine, course };
}

/** All runs of one case. */
export interface FairnessResult {
  readonly part: FairnessPart;
  readonly name: string;
  /** Of each flow; medians. */
  readonly mbitPerSecond: readonly number[];
  readonly jain: Spread;
  /** The first flow's rate over the second's; null where there is one only. */
  readonly ratio: Spread | null;
  readonly queueDropped: Spread;
  readonly peakQueue: Spread;
}

export function fairnessResults(runs: readonly FairnessRun[]): readonly FairnessResult[] {
  return fairnessCases.flatMap(({ part, name }): readonly FairnessResult[] => {
    const own = runs.filter((run) => run.name === name);
    if (own.length === 0) return [];
    const flows = own[0].mbitPerSecond.length;
    return [
      {
        part,
        name,
        mbitPerSecond: Array.from(
          { length: flows },
          (_, i) => spread(own.map(({ mbitPerSecond }) => mbitPerSecond[i])).median,
        ),
        jain: spread(own.map((run) => run.jain)),
        ratio: flows < 2 ? null : spread(own.map(({ mbitPerSecond: [first = 0, second = 0] }) => first / second)),
        queueDropped: spread(own.map(({ queueDropped }) => queueDropped)),
        peakQueue: spread(own.map(({ peakQueue }) => peakQueue)),
      },
    ];
  });
}
