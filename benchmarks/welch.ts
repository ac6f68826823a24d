/**
 * Whether two kinds of input take the same time, as dudect asks it (Reparaz, Balasch and Verbauwhede, "Dude, is my code
 * constant time?", 2017): Welch's t over all samples, and again over those below each of many percentiles of all samples
 * together. What interrupts the machine makes a long tail that drowns small differences; cropping takes it off both kinds alike.
 */
const CROPS = 100;
/** Samples of each kind that a cropped test needs. */
const ENOUGH = 2000;

/** |t| from here on is a leak; by chance one test in some 150,000 gets there. */
export const T_LEAK = 4.5;

/** A time in nanoseconds, and whether the input was of the second kind. */
export interface Timed {
  readonly ns: number;
  readonly second: boolean;
}

/** Mean and variance, one value after the other (Welford). */
class Moments {
  count = 0;
  mean = 0;
  #squares = 0;

  add(value: number): void {
    this.count++;
    const before = value - this.mean;
    this.mean += before / this.count;
    this.#squares += before * (value - this.mean);
  }
  get variance(): number {
    return this.#squares / (this.count - 1);
  }
}

/** Positive where the first kind takes longer. */
export function welch(samples: readonly Timed[]): number {
  const [first, second] = [new Moments(), new Moments()];
  for (const { ns, second: isSecond } of samples) (isSecond ? second : first).add(ns);
  return tOf(first, second);
}

const tOf = (a: Moments, b: Moments): number =>
  (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count);

export interface Verdict {
  /** Over all samples, and the one furthest from 0 of that and the cropped ones. */
  readonly t: number;
  readonly tMost: number;
  /** The percentile below which `tMost` was found; 100 for all samples. */
  readonly percentile: number;
  /** Medians of both kinds in nanoseconds. */
  readonly medians: readonly [first: number, second: number];
}

/** Percentiles lie as dudect puts them: at 1 - 2^(-10 i / 100), densely where the tail begins. */
export function judge(samples: readonly Timed[]): Verdict {
  const sorted = [...samples].sort((a, b) => a.ns - b.ns);
  const t = welch(sorted);
  let worst = { t, percentile: 100 };
  const [first, second] = [new Moments(), new Moments()];
  let taken = 0;
  for (let i = 1; i <= CROPS; i++) {
    const share = 1 - 2 ** ((-10 * i) / CROPS);
    const end = Math.floor(sorted.length * share);
    for (; taken < end; taken++) (sorted[taken].second ? second : first).add(sorted[taken].ns);
    if (Math.min(first.count, second.count) < ENOUGH) continue;
    const cropped = tOf(first, second);
    if (Math.abs(cropped) > Math.abs(worst.t)) worst = { t: cropped, percentile: 100 * share };
  }
  const median = (kind: boolean): number => {
    const own = sorted.filter((sample) => sample.second === kind);
    return own.at(own.length >> 1)?.ns ?? NaN;
  };
  return { t, tMost: worst.t, percentile: worst.percentile, medians: [median(false), median(true)] };
}
