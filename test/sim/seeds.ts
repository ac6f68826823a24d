/** How many seeds one test runs: few enough for its time-out, many enough that the runner's own cost is nothing. */
const SEEDS_A_TEST = 100;

/**
 * The seeds to run, in groups. `SEEDS=from..to` in the environment replaces `from` and `to`: to repeat a run that failed, or to run
 * many by hand.
 */
export function seedGroups(from: number, to: number): readonly (readonly [first: number, last: number])[] {
  const asked = /^(\d+)\.\.(\d+)$/.exec(process.env["SEEDS"] ?? "");
  const [first, last] = asked === null ? [from, to] : [Number(asked[1]), Number(asked[2])];
  const groups: [number, number][] = [];
  for (let at = first; at <= last; at += SEEDS_A_TEST) groups.push([at, Math.min(at + SEEDS_A_TEST - 1, last)]);
  return groups;
}
