import { expect, test } from "vitest";
import { Bench } from "../../benchmarks/harness.ts";
import { suites } from "../../benchmarks/suites.ts";

test.each(Object.keys(suites))("style.md §8: the benchmark %s runs, and computes the same twice", async (name) => {
  const runs: Bench[] = [];
  for (let run = 0; run < 2; run++) {
    const bench = new Bench("smoke", () => undefined);
    await suites[name](bench);
    runs.push(bench);
  }
  const [first, second] = runs;
  expect(first.results.length + first.figures.length).toBeGreaterThan(0);
  expect(first.results.map((r) => [r.name, r.hash])).toEqual(second.results.map((r) => [r.name, r.hash]));
  for (const { nsPerOp } of first.results) expect(nsPerOp).toBeGreaterThan(0);
  for (const { value } of first.figures) expect(Number.isFinite(value)).toBe(true);
});
