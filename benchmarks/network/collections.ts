/** What `--trace-gc` told of a run. */
export interface Collections {
  readonly count: number;
  /** Of the longest stop, in ms: a collection, or a step of one that runs beside the program. */
  readonly longestMs: number;
  readonly totalMs: number;
}

/*  "[12:0x5d0]   61 ms: Scavenge 3.9 (4.4) -> 3.6 (5.4) MB, 0.52 / 0.00 ms  (average mu = 1.000, …) task; "
 *  "[12:0x5d0]  812 ms: Mark-Compact 9.8 (12.6) -> 5.1 (13.4) MB, 1.90 / 0.00 ms  (+ 3.1 ms in 40 steps since start of marking,
 *   biggest step 0.4 ms, walltime since start of marking 12 ms) (average mu = …"                                              */
const COLLECTION = /: (?:Scavenge|Mark-Compact|Minor Mark-Compact)[^>]*-> [^,]*, ([\d.]+) \/ [\d.]+ ms(.*)$/gm;
const STEPS = /\(\+ ([\d.]+) ms in \d+ steps .*biggest step ([\d.]+) ms/;

/** Reads the lines of `--trace-gc` in what a Node process printed. */
export function collectionsIn(output: string): Collections {
  let count = 0;
  let longestMs = 0;
  let totalMs = 0;
  for (const [, stop, rest = ""] of output.matchAll(COLLECTION)) {
    const [, inSteps = "0", biggestStep = "0"] = STEPS.exec(rest) ?? [];
    count++;
    longestMs = Math.max(longestMs, Number(stop), Number(biggestStep));
    totalMs += Number(stop) + Number(inSteps);
  }
  return { count, longestMs, totalMs };
}
