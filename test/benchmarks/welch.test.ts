import { expect, test } from "vitest";

import { judge, T_LEAK, welch, type Timed } from "../../benchmarks/welch.ts";
import { randomUnit, SeededRandom } from "../../src/base/random.ts";

const timed = (first: readonly number[], second: readonly number[]): Timed[] => [
  ...first.map((ns) => ({ ns, second: false })),
  ...second.map((ns) => ({ ns, second: true })),
];

test("Welch's t of two samples worked by hand", () => {
  // Means 3 and 6, variances 2.5 and 10, five values each: -3 / sqrt(0.5 + 2).
  expect(welch(timed([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]))).toBeCloseTo(-1.897, 3);
});

/** Two kinds with a tail that one in ten samples has, the second one `later` by so many ns. */
function sampled(later: number): Timed[] {
  const random = new SeededRandom(7);
  return Array.from({ length: 20_000 }, () => {
    const second = randomUnit(random) < 0.5;
    const tail = randomUnit(random) < 0.1 ? 1e6 * randomUnit(random) : 0;
    return { ns: 1000 + 20 * randomUnit(random) + tail + (second ? later : 0), second };
  });
}

test("dudect: two kinds that take the same time are not told apart, cropped or not", () => {
  expect(Math.abs(judge(sampled(0)).tMost)).toBeLessThan(T_LEAK);
});

test("dudect: a difference that a tail hides is found where the tail is cropped", () => {
  const { t, tMost, medians } = judge(sampled(2));
  expect(Math.abs(t)).toBeLessThan(T_LEAK);
  expect(tMost).toBeLessThan(-T_LEAK);
  expect(medians[1] - medians[0]).toBeCloseTo(2, 0);
});
