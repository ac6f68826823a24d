import { SimulationFailure } from "./failure.ts";
import { type ScenarioOptions, runScenario } from "./scenario.ts";

/** What the runs of many seeds came to. */
export interface SeedsReport {
  readonly first: number;
  readonly seeds: number;
  readonly failures: readonly SimulationFailure[];
  /** Virtual time of all runs together. */
  readonly virtualMs: number;
  /** In how many seeds each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often each event met each connection state, over all seeds. */
  readonly coverage: Readonly<Record<string, number>>;
  /** How connections ended for their clients. */
  readonly endings: Readonly<Record<string, number>>;
}

export interface SeedsOptions extends Omit<ScenarioOptions, "replay"> {
  /** The command that runs one seed again. */
  readonly replay?: (seed: number) => string;
  /** Ends early behind so many failures; 10 unless given. */
  readonly failuresMax?: number;
}

const FAILURES_MAX = 10;

const addTo = (sums: Map<string, number>, name: string, count: number): void => {
  sums.set(name, (sums.get(name) ?? 0) + count);
};

/** Runs the mixed-fault scenario for `count` seeds from `first` on. Errors: none; failures are in the report. */
export async function runScenarios(first: number, count: number, options: SeedsOptions = {}): Promise<SeedsReport> {
  const { replay, failuresMax = FAILURES_MAX, ...each } = options;
  const failures: SimulationFailure[] = [];
  const faults = new Map<string, number>();
  const coverage = new Map<string, number>();
  const endings = new Map<string, number>();
  let virtualMs = 0;
  let seeds = 0;
  for (; seeds < count && failures.length < failuresMax; seeds++) {
    const seed = first + seeds;
    try {
      const run = await runScenario(seed, replay === undefined ? each : { ...each, replay: replay(seed) });
      virtualMs += run.virtualMs;
      for (const fault of Object.keys(run.faults)) addTo(faults, fault, 1);
      for (const [pair, times] of Object.entries(run.coverage)) addTo(coverage, pair, times);
      for (const ending of run.value) addTo(endings, ending, 1);
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      failures.push(error);
    }
  }
  return {
    first,
    seeds,
    failures,
    virtualMs,
    faults: Object.fromEntries(faults),
    coverage: Object.fromEntries(coverage),
    endings: Object.fromEntries(endings),
  };
}
