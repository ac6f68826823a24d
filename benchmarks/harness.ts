/**
 * The frame of the micro-benchmarks. mitata warms up and takes the samples; this file gives them their names and sizes,
 * counts collections, pins what was computed, and keeps the results.
 */
import { cpus } from "node:os";
import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { measure } from "mitata";

/** Operations of one call: enough to see that it works, and enough to measure. */
export interface Sizes {
  readonly smoke: number;
  readonly full: number;
}
/** Does `n` operations and returns a hash of what they computed: it keeps the loop alive and tells whether two runs did the same. */
export type Work = (n: number) => number;

export interface BenchResult {
  readonly name: string;
  /** Median, least and greatest of the samples, in nanoseconds for an operation. */
  readonly nsPerOp: number;
  readonly nsPerOpMin: number;
  readonly nsPerOpMax: number;
  /** Garbage collections over all samples: where a function promises `@hot`, it does not grow with `n`. */
  readonly collections: number;
  readonly hash: number;
}
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** One call is one sample: the work loops itself. A full run takes the median of five, a smoke run warms up and looks once. */
const SEVERAL = { min_samples: 5, min_cpu_time: 0, batch_threshold: 0, gc: false };
const ONCE = { ...SEVERAL, min_samples: 1, warmup_samples: 0 };

/** Runs benchmarks one after the other and keeps what they gave. */
export class Bench {
  readonly isSmoke: boolean;
  readonly results: BenchResult[] = [];
  readonly figures: Figure[] = [];
  readonly #print: (line: string) => void;

  constructor(size: keyof Sizes, print: (line: string) => void) {
    this.isSmoke = size === "smoke";
    this.#print = print;
  }

  /** The machine, for the head of a report. */
  static machine(): { node: string; cpu: string; cores: number } {
    const processors = cpus();
    return { node: process.version, cpu: processors[0]?.model ?? "unknown", cores: processors.length };
  }

  /** Measures `work` and returns its nanoseconds for an operation. */
  async bench(name: string, sizes: Sizes, work: Work): Promise<number> {
    const n = this.isSmoke ? sizes.smoke : sizes.full;
    let collections = 0;
    const observer = new PerformanceObserver((list) => {
      collections += list.getEntries().length;
    });
    observer.observe({ entryTypes: ["gc"] });
    let hash = 0;
    const stats = await measure(() => (hash = work(n)), this.isSmoke ? ONCE : SEVERAL);
    await turnOfTheLoop(); // Entries of collections arrive late.
    observer.disconnect();
    const result = {
      name,
      nsPerOp: stats.p50 / n,
      nsPerOpMin: stats.min / n,
      nsPerOpMax: stats.max / n,
      collections,
      hash,
    };
    this.results.push(result);
    this.#print(
      `${name.padEnd(58)} ${result.nsPerOp.toFixed(1).padStart(9)} ns  (${result.nsPerOpMin.toFixed(1)} … ` +
        `${result.nsPerOpMax.toFixed(1)})  ${String(collections)} gc  #${(hash >>> 0).toString(16)}`,
    );
    return result.nsPerOp;
  }

  /** Says something about what follows. */
  note(line: string): void {
    this.#print(line);
  }

  /** Notes something that is not a time for an operation: a ratio, octets, a pause. */
  figure(name: string, value: number, unit: string): void {
    this.figures.push({ name, value, unit });
    this.#print(`${name.padEnd(58)} ${value.toFixed(2).padStart(9)} ${unit}`);
  }
}
