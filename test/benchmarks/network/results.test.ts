import { expect, test } from "vitest";

import { collectionsIn } from "../../../benchmarks/network/collections.ts";
import type { Sample } from "../../../benchmarks/network/measure.ts";
import { figure, fullTable, goalTable, ratioChart } from "../../../benchmarks/network/report.ts";
import { spread, workloadResult } from "../../../benchmarks/network/results.ts";
import type { SubjectName } from "../../../benchmarks/network/subjects.ts";
import type { Workload } from "../../../benchmarks/network/workloads.ts";

const workload: Workload = {
  name: "http-64",
  title: "HTTP",
  role: "http",
  unit: "requests/s",
  subjects: ["fourtuple", "node", "nginx"],
  goals: [
    { metric: "rate", against: "node", least: 2.2 },
    { metric: "cpuUs", against: "node", most: 0.5 },
    { metric: "cpuUs", against: "nginx", most: 0.9 },
    { metric: "cpuUs", most: 1 },
  ],
  command: () => [],
};
const sampleOf = (rate: number, cpuUs: number): Sample => ({
  metrics: { rate, cpuUs },
  serverCpu: 1,
  loadCpu: null,
  errors: 1,
  framesDropped: 2,
});
const samples = new Map<SubjectName, readonly Sample[]>([
  ["fourtuple", [sampleOf(30, 2), sampleOf(10, 2), sampleOf(40, 4)]],
  ["node", [sampleOf(10, 4), sampleOf(10, 4), sampleOf(20, 4)]],
]);

test("spread: the median of an odd and of an even number of values", () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spread([7])).toEqual({ median: 7, min: 7, max: 7 });
});

test("results: ratios are ours over the reference's, round by round; failures add up", () => {
  const [ours, node] = workloadResult(workload, samples).subjects;
  expect(ours).toMatchObject({ name: "fourtuple", ratios: {}, errors: 3, framesDropped: 6 });
  expect(ours.metrics.rate).toEqual({ median: 30, min: 10, max: 40 });
  expect(node.ratios).toEqual({ rate: { median: 2, min: 1, max: 3 }, cpuUs: { median: 0.5, min: 0.5, max: 1 } });
});

test("results: a goal is reached by the median, of a ratio or of our figure; one against who was not measured is left out", () => {
  const { goals } = workloadResult(workload, samples);
  expect(goals.map(({ against, isReached }) => [against, isReached])).toEqual([
    ["node", false],
    ["node", true],
    [undefined, false],
  ]);
  expect(goals[2]).toMatchObject({ ours: { median: 2 }, theirs: null, ratio: null });
});

test("report: a row for each goal and for each subject, three digits, and a bar for each ratio", () => {
  const results = [workloadResult(workload, samples)];
  expect(goalTable(results).trimEnd().split("\n")).toHaveLength(5);
  expect(goalTable(results)).toContain("| 30 requests/s | 10 requests/s (node) | 2 (1 … 3)");
  expect(fullTable(results).trimEnd().split("\n")).toHaveLength(4);
  expect([figure(61_234), figure(0.9234), figure(NaN)]).toEqual(["61,200", "0.923", "–"]);
  const chart = ratioChart(results);
  expect(chart.match(/<rect x="420"/g)).toHaveLength(2);
  expect(chart).toContain(">2</text>");
});

test("collections: the longest stop is a collection's or one step's, as --trace-gc prints them", () => {
  const printed = [
    "ready",
    "[7:0x5d0]       61 ms: Scavenge 3.9 (4.4) -> 3.6 (5.4) MB, 0.52 / 0.00 ms  (average mu = 1.000, current mu = 1.000) task; ",
    "[7:0x5d0]      812 ms: Mark-Compact (reduce) 9.8 (12.6) -> 5.1 (13.4) MB, 1.90 / 0.00 ms  (+ 3.5 ms in 40 steps since start of marking, biggest step 2.4 ms, walltime since start of marking 12 ms) (average mu = 0.9, current mu = 0.9) finalize incremental marking via stack guard; GC in old space requested",
    "",
  ].join("\n");
  expect(collectionsIn(printed)).toEqual({ count: 2, longestMs: 2.4, totalMs: 5.92 });
  expect(collectionsIn("ready\n")).toEqual({ count: 0, longestMs: 0, totalMs: 0 });
});
